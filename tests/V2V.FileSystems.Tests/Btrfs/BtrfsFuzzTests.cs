using System.Buffers.Binary;
using V2V.FileSystems.Btrfs;
using V2V.FileSystems.Tests.Ext;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Btrfs;

/// <summary>Flipped bits, with checksums made right again so that the damage gets past them: only our own exception may come out.</summary>
public class BtrfsFuzzTests
{
    [Theory]
    [InlineData("-n 4096 -m single", 1)]
    [InlineData("-m dup -O ^no-holes,^skinny-metadata", 2)]
    [InlineData("-M -n 4096", 3)]
    public void Damaged_images_are_refused_by_name(string arguments, int seed)
    {
        using var scratch = new TemporaryDirectory();
        string tree = scratch.File("tree");
        HostTree.Populate(tree, seed: 7, large: false);
        File.Delete(Path.Combine(tree, "sparse"));
        using var image = new BtrfsImage(120L << 20, 1, ["-r", tree, .. arguments.Split(' ')]);
        byte[] good = File.ReadAllBytes(image.Paths[0]);
        int nodeSize = arguments.Contains("4096", StringComparison.Ordinal) ? 4096 : 16384;
        int[] blocks = FindTreeBlocks(good, nodeSize);
        Assert.NotEmpty(blocks);
        var random = new Random(seed);
        for (int round = 0; round < 120; round++)
        {
            var device = new CopyOnWriteDevice(new MemoryDevice(good, writable: false));
            for (int flips = random.Next(1, 12); flips > 0; flips--)
            {
                bool isSuper = random.Next(10) == 0;
                int at = isSuper ? 0x10000 : blocks[random.Next(blocks.Length)];
                int size = isSuper ? 4096 : nodeSize;
                var block = new byte[size];
                device.Read(at, block);
                int limit = random.Next(2) == 0 ? 400 : size;
                int where = 32 + random.Next(limit - 32);
                block[where] = random.Next(3) switch { 0 => (byte)(block[where] ^ (1 << random.Next(8))), 1 => (byte)random.Next(256), _ => 0xFF };
                BtrfsChecksum.Compute(ChecksumType.Crc32C, block.AsSpan(32), block.AsSpan(0, 32));
                device.Write(at, block);
            }

            BtrfsFuzz.Visit(device, $"{arguments}, round {round}");
        }
    }

    private static int[] FindTreeBlocks(byte[] image, int nodeSize)
    {
        byte[] fsid = image[0x10020..0x10030];
        return [.. Enumerable.Range(0, image.Length / nodeSize).Select(i => i * nodeSize)
            .Where(at => at != 0x10000 && image.AsSpan(at + 32, 16).SequenceEqual(fsid) && BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(at + 48)) != 0x10000
                && image[at + 100] < 8)];
    }
}

/// <summary>Reads and changes whatever an image lets one.</summary>
internal static class BtrfsFuzz
{
    public static void Visit(BlockDevice device, string what)
    {
        try
        {
            using BtrfsFileSystem fileSystem = BtrfsFileSystem.Open(device, writable: false);
            Attempt(() => _ = fileSystem.FreeBytes);
            foreach (string options in fileSystem.GetRootCandidates().Take(8))
            {
                Attempt(() => TreeWalk.Read(fileSystem.GetMount(options), strict: false));
            }
        }
        catch (V2VException)
        {
            // Refused by name.
        }
        catch (Exception e)
        {
            Assert.Fail($"reading {what}: {e}");
        }

        try
        {
            var overlay = new CopyOnWriteDevice(device);
            BtrfsFileSystem fileSystem = BtrfsFileSystem.Open(overlay, writable: true);
            var metadata = new FileMetadata(0x1A4);
            Attempt(() => fileSystem.WriteAllBytes("/new", new byte[20_000], metadata));
            Attempt(() => fileSystem.SetExtendedAttribute("/new", "user.x", new byte[300]));
            foreach (string path in (string[])["/size-3", "/size-12", "/size-17", "/deep-0/deep-1", "/many"])
            {
                Attempt(() =>
                {
                    using Stream stream = fileSystem.OpenWrite(path);
                    stream.SetLength(5000);
                    stream.Position = 9000;
                    stream.Write(new byte[100_000]);
                });
                Attempt(() => fileSystem.Rename(path, "/many/renamed"));
                Attempt(() => fileSystem.Delete("/many/renamed"));
            }

            Attempt(fileSystem.Flush);
        }
        catch (V2VException)
        {
            // Refused by name.
        }
        catch (Exception e)
        {
            Assert.Fail($"writing {what}: {e}");
        }
    }

    private static void Attempt(Action action)
    {
        try
        {
            action();
        }
        catch (V2VException)
        {
            // Refused by name.
        }
    }
}
