using System.Globalization;
using V2V.Storage.Volumes;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Volumes;

/// <summary>Every volume that Linux made reads as Linux wrote it.</summary>
public class KernelVolumeTests
{
    private static readonly string[] s_byDigest = ["vg-a/origin", "vg-a/snap", "vg-a/thin1", "vg-a/thinsnap", "vg-a/thin2"];

    [Fact]
    public void ArraysReadAsTheKernelWroteThem()
    {
        using var disk = FileDevice.Open(Path.Combine(VolumeFixtures.Folder, "md.raw"));
        AssembledVolumes volumes = VolumeAssembler.Assemble(VolumeFixtures.Partitions(disk, "vdb"));
        Assert.Empty(volumes.Problems);
        Dictionary<string, long> skips = VolumeFixtures.Skips();
        foreach (string[] array in VolumeFixtures.Log("ARRAY"))
        {
            AssembledVolume? volume = volumes.Volumes.FirstOrDefault(v => v.Kind == VolumeKind.Md && v.Members.Contains("vdb" + array[1]));
            Assert.True(volume is not null, $"{array[0]} was not found.");
            if (array[0] is not ("raid1-parts" or "raid1-lvm"))
            {
                AssertPattern(volume.Device, skips[array[0]], array[0]);
            }

            Assert.Equal(array[3] != "0", volume.ReadOnlyReason is not null);
        }

        Assert.Equal(2, volumes.Volumes.Count(v => v.Kind == VolumeKind.Partition));
        AssertPattern(volumes.Volumes.Single(v => v.Name == "vgm/onmd").Device, 3, "vgm/onmd");
    }

    [Fact]
    public void LogicalVolumesReadAsTheKernelWroteThem()
    {
        using var disk = FileDevice.Open(Path.Combine(VolumeFixtures.Folder, "dm.raw"));
        AssembledVolumes volumes = VolumeAssembler.Assemble(VolumeFixtures.Partitions(disk, "vdc"));
        Assert.Equal(["LvmGroupExported"], volumes.Problems.Where(p => p.ErrorId.StartsWith("Lvm", StringComparison.Ordinal)).Select(p => p.ErrorId));
        foreach ((string name, long skip) in VolumeFixtures.Skips().Where(s => s.Key.StartsWith("vg-a/", StringComparison.Ordinal) || s.Key.StartsWith("vgc/", StringComparison.Ordinal)))
        {
            AssembledVolume? volume = volumes.Volumes.FirstOrDefault(v => v.Name == name);
            Assert.True(volume is not null, $"{name} was not found.");
            if (!s_byDigest.Contains(name))
            {
                AssertPattern(volume.Device, skip, name);
            }
        }

        // The third word counts the blocks that only the cache has.
        Assert.Equal(2, VolumeFixtures.Log("CACHE").Count(w => int.Parse(w[2], CultureInfo.InvariantCulture) > 0));
        foreach (string[] words in VolumeFixtures.Log("DIGEST"))
        {
            AssembledVolume volume = volumes.Volumes.Single(v => v.Name == words[0]);
            Assert.True(words[1] == VolumeFixtures.Digest(volume.Device), words[0]);
        }
    }

    [Fact]
    public void EncryptedVolumesReadAsTheKernelWroteThem()
    {
        using var disk = FileDevice.Open(Path.Combine(VolumeFixtures.Folder, "dm.raw"));
        using AssembledVolumes volumes = VolumeAssembler.Assemble(VolumeFixtures.Partitions(disk, "vdc"), VolumeFixtures.Keys("all", "v2v-secret"));
        Assert.Equal(["LvmGroupExported"], volumes.Problems.Select(p => p.ErrorId));
        Dictionary<string, long> skips = VolumeFixtures.Skips();
        foreach (string[] words in VolumeFixtures.Log("UUID"))
        {
            AssembledVolume volume = volumes.Volumes.Single(v => v.Name == "mapper/luks-" + words[1]);
            if (words[0] != "luks2-lvm")
            {
                AssertPattern(volume.Device, skips[words[0]], words[0]);
            }
        }

        AssertPattern(volumes.Volumes.Single(v => v.Name == "vgl/root").Device, skips["vgl/root"], "vgl/root");
        AssembledVolume inner = volumes.Volumes.Single(v => v.Members.Contains("vg-a/crypt"));
        AssertPattern(inner.Device, skips["luks-on-lv"], "luks-on-lv");
        Assert.Equal(["vdc1", "vdc2", "vdc3", "vdc4", "vdc5", "vdc6"], volumes.BaseDevices(inner.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void KeysAreChosenBySelectorAndNeverShown()
    {
        using var disk = FileDevice.Open(Path.Combine(VolumeFixtures.Folder, "dm.raw"));
        List<VolumeSource> sources = VolumeFixtures.Partitions(disk, "vdc");
        string uuid = VolumeFixtures.Log("UUID").First(w => w[0] == "luks2-serpent")[1];
        VolumeSource one = sources.Single(s => s.Name == "vdc17");
        using var folder = new TemporaryDirectory();
        File.WriteAllText(folder.File("key"), "v2v-secret\n");
        foreach (string selector in new[] { uuid, uuid.ToUpperInvariant(), "vdc17", "/dev/vdc17", "all" })
        {
            var key = VolumeKey.FromFile(selector, folder.File("key"));
            using AssembledVolumes opened = VolumeAssembler.Assemble([one], new VolumeKeys([key]));
            Assert.Single(opened.Volumes);
            Assert.DoesNotContain("secret", key.ToString(), StringComparison.Ordinal);
        }

        using AssembledVolumes other = VolumeAssembler.Assemble([one], VolumeFixtures.Keys("vdc16", "v2v-secret"));
        Assert.Equal("LuksKeyMissing", Assert.Single(other.Problems).ErrorId);
        using AssembledVolumes wrong = VolumeAssembler.Assemble([one], VolumeFixtures.Keys("all", "wrong"));
        Assert.Equal(("LuksKeyWrong", "vdc17"), (Assert.Single(wrong.Problems).ErrorId, wrong.Problems[0].Target));
        Assert.DoesNotContain("wrong", wrong.Problems[0].Message, StringComparison.Ordinal);
        using AssembledVolumes missing = VolumeAssembler.Assemble([new VolumeSource("x", new MemoryDevice(1 << 20))], new VolumeKeys([VolumeKey.FromFile("all", folder.File("none"))]));
        Assert.Empty(missing.Problems);
    }

    internal static void AssertPattern(BlockDevice device, long skip, string name)
    {
        var read = new byte[100_008];
        var expected = new byte[read.Length];
        for (long at = 0; at < device.Length; at += read.Length)
        {
            Span<byte> part = read.AsSpan(0, (int)Math.Min(read.Length, device.Length - at));
            device.Read(at, part);
            VolumeFixtures.Expected(skip, at, expected);
            int same = part.CommonPrefixLength(expected);
            Assert.True(same >= part.Length, $"{name} differs at byte {at + same} of {device.Length}: {Convert.ToHexString(part[(same & ~7)..][..Math.Min(16, part.Length - (same & ~7))])}.");
        }
    }
}
