using V2V.Storage.Volumes;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Volumes;

/// <summary>
/// What V2V writes into volumes is judged by Linux: a guest assembles them again, checks every parity and mirror, opens what is encrypted, and tells the
/// digests of all contents.
/// </summary>
public class KernelCheckTests
{
    private const int Writes = 60;

    [Fact]
    public void LinuxFindsEveryWriteAndNoMismatch()
    {
        string fixtures = VolumeFixtures.Folder;
        using var folder = new TemporaryDirectory();
        foreach (string file in new[] { "md.raw", "dm.raw", "pattern.raw" })
        {
            Tool.Run("cp", "--sparse=always", "--reflink=auto", Path.Combine(fixtures, file), folder.File(file));
        }

        Dictionary<string, string> expected = [];
        Write(folder.File("md.raw"), "vdb", expected, v => v.Kind == VolumeKind.Md && v.Name != "md/raid1-lvm" && v.Name != "md/raid1-parts" || v.Name == "vgm/onmd");
        Write(folder.File("dm.raw"), "vdc", expected, v => v.Kind is VolumeKind.Lvm or VolumeKind.Luks);
        Assert.True(expected.Count > 55, $"Only {expected.Count} volumes were written.");
        string log = folder.File("check.log");
        Tool.Run("bash", VolumeFixtures.Script, "check", folder.Path);
        Dictionary<string, string> found = VolumeFixtures.Log("DIGEST", log).ToDictionary(w => w[0], w => w[1]);
        Assert.Empty(expected.Where(e => found.GetValueOrDefault(e.Key) != e.Value).Select(e => e.Key));
        string[][] mismatches = [.. VolumeFixtures.Log("MISMATCH", log)];
        Assert.True(mismatches.Length > 30);
        Assert.Empty(mismatches.Where(m => m[1] != "0").Select(m => string.Join(' ', m)));
        Assert.All(VolumeFixtures.Log("FSCK", log), f => Assert.Equal("clean", f[1]));
    }

    /// <summary>Writes at random, of random lengths, in every volume that can be written, and remembers the digest of each under the name of the log.</summary>
    private static void Write(string path, string name, Dictionary<string, string> expected, Func<AssembledVolume, bool> isChosen)
    {
        using var disk = FileDevice.Open(path, writable: true);
        List<VolumeSource> sources = VolumeFixtures.Partitions(disk, name);
        using AssembledVolumes volumes = VolumeAssembler.Assemble(sources, VolumeFixtures.Keys("all", "v2v-secret"));
        Dictionary<string, string> names = VolumeFixtures.Log("ARRAY").ToDictionary(w => "vdb" + w[1], w => w[0]);
        Dictionary<string, string> encrypted = VolumeFixtures.Log("UUID").ToDictionary(w => "mapper/luks-" + w[1], w => w[0]);
        var random = new Random(20260);
        foreach (AssembledVolume volume in volumes.Volumes.Where(isChosen))
        {
            string key = volume.Kind == VolumeKind.Md ? volume.Members.Select(m => names.GetValueOrDefault(m)).First(n => n is not null)!
                : volume.Members.Contains("vg-a/crypt") ? "luks-on-lv" : encrypted.GetValueOrDefault(volume.Name, volume.Name);
            bool isWritable = volume.ReadOnlyReason is null && volume.Name != "vg-a/crypt" && key != "luks2-lvm";
            if (isWritable)
            {
                // thin2 holds a file system, which a check of its own judges.
                WriteAtRandom(volume.Device, random, first: volume.Name == "vg-a/thin2" ? 20L << 20 : 0);
            }

            volume.Device.Flush();
            if (volume.Name != "vg-a/crypt" && key != "luks2-lvm")
            {
                expected[key] = VolumeFixtures.Digest(volume.Device);
            }
        }
    }

    private static void WriteAtRandom(BlockDevice device, Random random, long first)
    {
        var data = new byte[300_000];
        for (int i = 0; i < Writes; i++)
        {
            int length = random.Next(4) == 0 ? random.Next(1, data.Length) : random.Next(1, 9000);
            long offset = random.NextInt64(first, device.Length - length);
            if (random.Next(2) == 0)
            {
                (offset, length) = (offset & ~511L, Math.Max(512, length & ~511));
            }

            random.NextBytes(data.AsSpan(0, length));
            if (random.Next(8) == 0)
            {
                device.WriteZeroes(offset, length);
                continue;
            }

            device.Write(offset, data.AsSpan(0, length));
        }

        device.Write(first, data.AsSpan(0, 4096));
        device.Write(device.Length - 4096, data.AsSpan(0, 4096));
    }
}
