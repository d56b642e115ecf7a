using System.Buffers.Binary;
using System.Numerics;
using V2V.FileSystems.Tests.Ext;
using V2V.FileSystems.Xfs;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Xfs;

/// <summary>
/// Flipped bits in the metadata of images: only our own exception may come out, and nothing may hang. Checksums are made right again
/// after most damage, so that it gets past them.
/// </summary>
public sealed class XfsFuzzTests
{
    private static readonly uint[] s_trees = [0x41423342, 0x41423343, 0x49414233, 0x46494233, 0x524D4233, 0x52334643];

    [Theory]
    [InlineData("-m crc=1,rmapbt=1,reflink=1 -i sparse=1", 1)]
    [InlineData("-m crc=1 -b size=1024", 2)]
    [InlineData("-m crc=0,finobt=0 -b size=1024", 3)]
    [InlineData("-m crc=0,finobt=0 -n size=8192,ftype=0", 4)]
    public void Damaged_images_are_refused_by_name(string options, int seed)
    {
        using var image = new XfsImage(320 << 20, options.Split(' '));
        using (XfsFileSystem fileSystem = image.Open(writable: true))
        {
            new RandomModel(seed, RandomMood.Mixed, 20000).Run(fileSystem, 60);
            Fill(fileSystem);
        }

        image.Close();
        using FileDevice device = FileDevice.Open(image.Path);
        long[] interesting = FindMetadata(device);
        Assert.True(interesting.Length > 20);
        var random = new Random(seed);
        for (int round = 0; round < 60; round++)
        {
            using var damaged = new CopyOnWriteDevice(device);
            for (int flips = random.Next(1, 12); flips > 0; flips--)
            {
                Damage(damaged, interesting[random.Next(interesting.Length)], random);
            }

            Visit(damaged, $"{options}, round {round}");
        }
    }

    private static void Fill(XfsFileSystem fileSystem)
    {
        var metadata = new FileMetadata(0x1A4);
        fileSystem.CreateDirectory("/many", metadata with { Mode = 0x1ED });
        for (int i = 0; i < 700; i++)
        {
            fileSystem.CreateFile($"/many/a-name-that-is-not-too-short-{i}", metadata);
        }

        fileSystem.CreateFile("/fragments", metadata);
        using Stream stream = fileSystem.OpenWrite("/fragments");
        for (int i = 0; i < 200; i++)
        {
            stream.Position = i * 16384L;
            stream.WriteByte(1);
        }

        for (int i = 0; i < 30; i++)
        {
            fileSystem.SetExtendedAttribute("/fragments", $"user.{i}", new byte[(i * 90) + 1]);
        }
    }

    private static void Damage(BlockDevice device, long offset, Random random)
    {
        var block = new byte[1024];
        device.Read(offset, block);
        int reach = random.Next(2) == 0 ? 256 : block.Length;
        for (int changes = random.Next(1, 4); changes > 0; changes--)
        {
            int at = random.Next(reach);
            block[at] = random.Next(4) switch
            {
                0 => (byte)(block[at] ^ (1 << random.Next(8))),
                1 => (byte)random.Next(256),
                2 => 0,
                _ => 0xFF,
            };
        }

        device.Write(offset, block);
        if (random.Next(5) != 0)
        {
            Restamp(device, offset);
        }
    }

    /// <summary>Puts the checksums of what begins at (or lies in the 4 KiB before) an offset right.</summary>
    private static void Restamp(BlockDevice device, long offset)
    {
        var sector = new byte[512];
        for (long at = offset; at < offset + 1024; at += 512)
        {
            device.Read(at, sector);
            uint magic = BinaryPrimitives.ReadUInt32BigEndian(sector);
            int field = magic switch { 0x58465342 => 224, 0x58414746 => 216, 0x58414749 => 312, 0x5841464C => 32, _ => magic >> 16 == 0x494E && sector[4] == 3 ? 100 : -1 };
            if (field >= 0)
            {
                XfsChecksum.Stamp(sector, field);
                device.Write(at, sector);
            }
        }

        foreach (int size in (int[])[1024, 4096])
        {
            long start = offset / size * size;
            var block = new byte[size];
            device.Read(start, block);
            uint magic = BinaryPrimitives.ReadUInt32BigEndian(block);
            int linked = BinaryPrimitives.ReadUInt16BigEndian(block.AsSpan(8));
            int field = magic switch
            {
                0x424D4133 => 64,
                0x58444233 or 0x58444433 or 0x58444633 => 4,
                0x58534C4D or 0x5841524D => 12,
                _ => s_trees.Contains(magic) ? 52 : linked is 0x3DF1 or 0x3DFF or 0x3EBE or 0x3BEE ? 12 : -1,
            };
            if (field >= 0)
            {
                XfsChecksum.Stamp(block, field);
                device.Write(start, block);
            }
        }
    }

    private static void Visit(BlockDevice device, string what)
    {
        try
        {
            using XfsFileSystem fileSystem = XfsFileSystem.Open(device, writable: false);
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
            using XfsFileSystem fileSystem = XfsFileSystem.Open(device, writable: true);
            Edit(fileSystem);
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

    private static void Edit(XfsFileSystem fileSystem)
    {
        var metadata = new FileMetadata(0x1A4);
        string[] names = [];
        Attempt(() => names = [.. fileSystem.EnumerateDirectory("/").Take(20).Where(e => !e.Name.Contains('/', StringComparison.Ordinal)).Select(e => "/" + e.Name)]);
        foreach (string path in (string[])["/many/new", "/new", "/many/a-name-that-is-not-too-short-5"])
        {
            Attempt(() => fileSystem.WriteAllBytes(path, new byte[200_000], metadata));
            Attempt(() => fileSystem.SetExtendedAttribute(path, "user.x", new byte[300]));
        }

        foreach (string path in (string[])["/fragments", .. names])
        {
            Attempt(() =>
            {
                using Stream stream = fileSystem.OpenWrite(path);
                stream.SetLength(5000);
                stream.Position = 90_000;
                stream.Write(new byte[100_000]);
            });
            Attempt(() => fileSystem.SetExtendedAttribute(path, "user.3", new byte[3000]));
            Attempt(() => fileSystem.RemoveExtendedAttribute(path, "user.5"));
            Attempt(() => fileSystem.Rename(path, "/many/renamed"));
            Attempt(() => fileSystem.Delete("/many/renamed"));
        }

        for (int i = 0; i < 30; i++)
        {
            Attempt(() => fileSystem.Delete($"/many/a-name-that-is-not-too-short-{i}"));
            Attempt(() => fileSystem.CreateFile($"/many/another-{i}", metadata));
        }

        Attempt(fileSystem.Flush);
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

    /// <summary>The 1 KiB pieces that begin with a magic number, or lie behind such a piece.</summary>
    private static long[] FindMetadata(BlockDevice device)
    {
        var found = new List<long>();
        var buffer = new byte[4096];
        for (long offset = 0; offset < device.Length; offset += buffer.Length)
        {
            device.Read(offset, buffer);
            if (!buffer.AsSpan().ContainsAnyExcept((byte)0))
            {
                continue;
            }

            for (int at = 0; at < buffer.Length; at += 1024)
            {
                uint magic = BinaryPrimitives.ReadUInt32BigEndian(buffer.AsSpan(at));
                int linked = BinaryPrimitives.ReadUInt16BigEndian(buffer.AsSpan(at + 8));
                bool letters = BitOperations.PopCount(magic) > 6 && (magic & 0x80808080) == 0 && (magic >> 24) is >= 'A' and <= 'X' && ((magic >> 16) & 0xFF) is >= 'A' and <= 'X';
                if (letters || linked is 0x3DF1 or 0x3DFF or 0x3EBE or 0x3BEE or 0xD2F1 or 0xD2FF or 0xFEBE or 0xFBEE)
                {
                    found.Add(offset + at);
                }
            }
        }

        return [.. found];
    }
}
