using V2V.FileSystems.Ext;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Ext;

/// <summary>Flipped bits and cut images: only our own exception may come out, and nothing may hang.</summary>
public class ExtFuzzTests
{
    [Theory]
    [InlineData("-t ext4 -b 1024 -O ^metadata_csum,^has_journal,inline_data,ea_inode -I 256", 1)]
    [InlineData("-t ext4 -b 1024 -O ^metadata_csum,^has_journal,quota,bigalloc", 2)]
    [InlineData("-t ext2 -b 1024", 3)]
    [InlineData("-t ext4 -b 4096 -O metadata_csum,orphan_file", 4)]
    public void DamagedImagesAreRefusedByName(string arguments, int seed)
    {
        using var scratch = new TemporaryDirectory();
        string tree = scratch.File("tree");
        HostTree.Populate(tree, seed: 7, large: false);
        File.Delete(Path.Combine(tree, "size-18"));
        File.Delete(Path.Combine(tree, "size-19"));
        using var image = new ExtImage(8 << 20, [.. arguments.Split(' '), "-d", tree]);
        byte[] good = File.ReadAllBytes(image.Path);
        int[] interesting = FindMetadata(good);
        var random = new Random(seed);
        for (int round = 0; round < 100; round++)
        {
            byte[] bad = [.. good];
            for (int flips = random.Next(1, 30); flips > 0; flips--)
            {
                // Most damage goes where there is metadata: content does not matter.
                int block = interesting[random.Next(interesting.Length)];
                int at = (block * 1024) + random.Next(1024);
                bad[at] = random.Next(3) switch
                {
                    0 => (byte)(bad[at] ^ (1 << random.Next(8))),
                    1 => (byte)random.Next(256),
                    _ => 0xFF,
                };
            }

            if (round % 10 == 9)
            {
                Array.Resize(ref bad, random.Next(bad.Length));
            }

            RunOne(bad, $"{arguments}, round {round}");
        }
    }

    private static void RunOne(byte[] image, string what)
    {
        try
        {
            using ExtFileSystem fileSystem = ExtFileSystem.Open(new MemoryDevice(image, writable: false), writable: false);
            TreeWalk.Read(fileSystem, strict: false);
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
            using ExtFileSystem fileSystem = ExtFileSystem.Open(new MemoryDevice(image), writable: true);
            var metadata = new FileMetadata(0x1A4);
            foreach (string path in (string[])["/many/new", "/deep-0/new", "/new"])
            {
                Attempt(() => fileSystem.WriteAllBytes(path, new byte[20_000], metadata));
                Attempt(() => fileSystem.SetExtendedAttribute(path, "user.x", new byte[300]));
            }

            foreach (string path in (string[])["/size-3", "/size-12", "/size-17", "/sparse", "/deep-0/deep-1"])
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

    /// <summary>The 1 KiB pieces that are neither zero nor look like random content.</summary>
    private static int[] FindMetadata(byte[] image) =>
        [.. Enumerable.Range(0, image.Length / 1024).Where(i =>
        {
            ReadOnlySpan<byte> piece = image.AsSpan(i * 1024, 1024);
            int zeroes = piece.Count((byte)0);
            return zeroes is > 100 and < 1024;
        })];
}
