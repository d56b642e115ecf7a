using System.Buffers.Binary;
using System.Globalization;
using V2V.Storage.Volumes;
using V2V.Storage.Volumes.Lvm.Thin;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Volumes;

/// <summary>Flipped bits and random numbers in the metadata of real volumes: only our own errors, nothing that never ends.</summary>
public class VolumeFuzzTests
{
    private static readonly int s_rounds =
        int.TryParse(Environment.GetEnvironmentVariable("V2V_FUZZ_ROUNDS"), CultureInfo.InvariantCulture, out int rounds) ? rounds : 150;

    [Theory]
    [InlineData("lvm-md/dissect/lvm.bin.gz")]
    [InlineData("lvm-md/dissect/lvm-thin.bin.gz")]
    public void DamagedGroups(string file)
    {
        using var folder = new TemporaryDirectory();
        byte[] good = Unpack(file, folder);
        Fuzz(good, [(0, 4096), (4096, 60_000)], fixLvm: true, null);
        Fuzz(good, [(0, Math.Min(good.Length, 4 << 20))], fixLvm: false, null);
    }

    [Theory]
    [InlineData("lvm-md/util-linux/mdraid.img.xz")]
    [InlineData("lvm-md/util-linux/mdraid-1.img.xz")]
    [InlineData("lvm-md/util-linux/luks1.img.xz")]
    [InlineData("lvm-md/util-linux/luks2.img.xz")]
    public void DamagedSuperblocks(string file)
    {
        Tool.Require("xz");
        using var folder = new TemporaryDirectory();
        Tool.Run("sh", "-c", $"xz -dc '{Corpus.Require(file)}' > '{folder.File("image")}'");
        byte[] good = File.ReadAllBytes(folder.File("image"));
        int[] places = [.. Enumerable.Range(0, good.Length / 512).Where(s => good.AsSpan(s * 512, 512).ContainsAnyExcept((byte)0))];
        Fuzz(good, [.. places.Take(64).Select(s => (s * 512, 512))], fixLvm: false, VolumeFixtures.Keys("all", "x"));
    }

    [Fact]
    public void DamagedKernelArrays()
    {
        // Superblocks with right checksums and wrong meaning, over members that Linux made.
        using var disk = FileDevice.Open(Path.Combine(VolumeFixtures.Folder, "md.raw"));
        List<VolumeSource> sources = VolumeFixtures.Partitions(disk, "vdb");
        var random = new Random(9);
        int opened = 0;
        for (int round = 0; round < s_rounds; round++)
        {
            string[] array = VolumeFixtures.Log("ARRAY").ElementAt(random.Next(VolumeFixtures.Log("ARRAY").Count()));
            int first = int.Parse(array[1], CultureInfo.InvariantCulture), count = int.Parse(array[2], CultureInfo.InvariantCulture);
            List<VolumeSource> members = [];
            int field = random.Next(72, 216);
            byte value = (byte)random.Next(256);
            bool isEverywhere = random.Next(2) == 0;
            for (int i = 0; i < count; i++)
            {
                var copy = new CopyOnWriteDevice(sources[first - 1 + i].Device);
                if (isEverywhere || i == 0)
                {
                    Change(copy, field, value);
                }

                members.Add(new VolumeSource("m" + i, copy));
            }

            opened += Use(members, null, random);
        }

        Assert.True(opened > 0);
    }

    [Fact]
    public void DamagedKernelCaches()
    {
        // Metadata of dm-cache with right checksums and wrong meaning.
        using var disk = FileDevice.Open(Path.Combine(VolumeFixtures.Folder, "dm.raw"));
        List<VolumeSource> sources = [.. VolumeFixtures.Partitions(disk, "vdc").Where(s => s.Name is "vdc7" or "vdc8")];
        (long Offset, ThinBlockKind Kind)[] blocks = [.. CacheBlocks(sources[1].Device)];
        Assert.True(blocks.Length > 6);
        var random = new Random(11);
        var content = new byte[ThinMetadata.BlockSize];
        int opened = 0;
        HashSet<string> problems = [];
        for (int round = 0; round < s_rounds; round++)
        {
            var copy = new CopyOnWriteDevice(sources[1].Device);
            (long offset, ThinBlockKind kind) = blocks[random.Next(blocks.Length)];
            copy.Read(offset, content);
            int field = random.Next(1, random.Next(2) == 0 ? 80 : content.Length / 4) * 4;
            BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(field), random.Next(2) == 0 ? (uint)random.Next() : (uint)random.Next(600));
            BinaryPrimitives.WriteUInt32LittleEndian(content, ThinMetadata.Checksum(content, kind));
            copy.Write(offset, content);
            using AssembledVolumes volumes = VolumeAssembler.Assemble([sources[0], new VolumeSource("vdc8", copy)]);
            problems.UnionWith(volumes.Problems.Select(p => p.ErrorId));
            opened += Use(volumes, random);
        }

        Assert.True(opened > s_rounds);
        Assert.Contains("LvmCacheDamaged", problems);
        Assert.Empty(problems.Except(["LvmCacheDamaged", "LvmCacheNotClean"]));
    }

    private static IEnumerable<(long Offset, ThinBlockKind Kind)> CacheBlocks(BlockDevice device)
    {
        var content = new byte[ThinMetadata.BlockSize];
        for (long offset = 1 << 20; offset + content.Length <= device.Length; offset += content.Length)
        {
            device.Read(offset, content);
            uint checksum = BinaryPrimitives.ReadUInt32LittleEndian(content);
            foreach (ThinBlockKind kind in (ThinBlockKind[])[ThinBlockKind.CacheSuperblock, ThinBlockKind.Node, ThinBlockKind.Array])
            {
                if (content.ContainsAnyExcept((byte)0) && ThinMetadata.Checksum(content, kind) == checksum)
                {
                    yield return (offset, kind);
                }
            }
        }
    }

    private static void Change(BlockDevice device, int field, byte value)
    {
        foreach (long at in new[] { 0, 4096, ((device.Length >> 9) - 16 & ~7L) * 512 })
        {
            var super = new byte[1024];
            device.Read(at, super);
            int count = (int)BinaryPrimitives.ReadUInt32LittleEndian(super.AsSpan(220));
            if (BinaryPrimitives.ReadUInt32LittleEndian(super) != 0xA92B4EFC || count > 384)
            {
                continue;
            }

            super[field] = value;
            BinaryPrimitives.WriteUInt32LittleEndian(super.AsSpan(216), 0);
            ulong sum = 0;
            for (int i = 0; i < 256 + (count * 2); i += 4)
            {
                sum += BinaryPrimitives.ReadUInt32LittleEndian(super.AsSpan(i));
            }

            BinaryPrimitives.WriteUInt32LittleEndian(super.AsSpan(216), (uint)sum + (uint)(sum >> 32));
            device.Write(at, super);
        }
    }

    private static void Fuzz(byte[] good, (int Start, int Length)[] places, bool fixLvm, VolumeKeys? keys)
    {
        var random = new Random(good.Length);
        int opened = 0;
        for (int round = 0; round < s_rounds; round++)
        {
            byte[] bad = random.Next(8) == 0 ? good[..random.Next(512, good.Length)] : [.. good];
            for (int i = random.Next(1, 6); i > 0; i--)
            {
                (int start, int length) = places[random.Next(places.Length)];
                int at = start + random.Next(length);
                if (at < bad.Length)
                {
                    bad[at] = random.Next(3) switch
                    {
                        0 => (byte)(bad[at] ^ (1 << random.Next(8))),
                        1 => (byte)random.Next(256),
                        _ => (byte)"0123456789{}[]\"=,#"[random.Next(18)],
                    };
                }
            }

            if (fixLvm)
            {
                FixLvm(bad);
            }

            opened += Use([new VolumeSource("x", new MemoryDevice(bad))], keys, random);
        }

        Assert.True(opened > 0 || keys is not null, "No damaged volume could be opened at all: the test reaches nothing.");
    }

    /// <summary>Makes the checksum of LVM's text right again, so that the damage gets past it.</summary>
    private static void FixLvm(byte[] image)
    {
        const int Area = 4096;
        if (image.Length < 1 << 20)
        {
            return;
        }

        Span<byte> header = image.AsSpan(Area, 512);
        long offset = BinaryPrimitives.ReadInt64LittleEndian(header[40..]), length = BinaryPrimitives.ReadInt64LittleEndian(header[48..]);
        if (offset is >= 512 and < 1 << 19 && length is > 0 and < 1 << 19)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(header[56..], Storage.Volumes.Lvm.LvmChecksum.Compute(Storage.Volumes.Lvm.LvmChecksum.Initial, image.AsSpan(Area + (int)offset, (int)length)));
            BinaryPrimitives.WriteUInt32LittleEndian(header, Storage.Volumes.Lvm.LvmChecksum.Compute(Storage.Volumes.Lvm.LvmChecksum.Initial, header[4..]));
        }
    }

    private static int Use(List<VolumeSource> sources, VolumeKeys? keys, Random random)
    {
        using AssembledVolumes volumes = VolumeAssembler.Assemble(sources, keys);
        return Use(volumes, random);
    }

    private static int Use(AssembledVolumes volumes, Random random)
    {
        var buffer = new byte[70_000];
        foreach (AssembledVolume volume in volumes.Volumes.Take(16))
        {
            long length = Math.Min(volume.Device.Length, 1L << 32);
            for (int i = 0; i < 4; i++)
            {
                int size = (int)Math.Min(buffer.Length, length);
                long at = random.NextInt64(length - size + 1);
                Expect(() => volume.Device.Read(at, buffer.AsSpan(0, size)));
                Expect(() => _ = volume.Device.GetExtents(at, size).Take(1000).Count());
                if (volume.ReadOnlyReason is null)
                {
                    Expect(() => volume.Device.Write(at, buffer.AsSpan(0, Math.Min(size, 5000))));
                }
            }
        }

        return volumes.Volumes.Count;
    }

    private static void Expect(Action action)
    {
        try
        {
            action();
        }
        catch (V2VException)
        {
            // The only kind of failure that damaged input may lead to.
        }
    }

    private static byte[] Unpack(string file, TemporaryDirectory folder)
    {
        string path = folder.File("image");
        Tool.Run("sh", "-c", $"gzip -dc '{Corpus.Require(file)}' > '{path}'");
        return File.ReadAllBytes(path);
    }
}
