using System.Globalization;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Iso;

/// <summary>What a disc image holds, by us and by others.</summary>
internal static class IsoTree
{
    /// <summary>Files of many sizes, deep folders and long names.</summary>
    public static void Populate(string root)
    {
        var random = new Random(3);
        foreach (int length in (int[])[0, 1, 2047, 2048, 2049, 70_000, 1_000_000])
        {
            byte[] content = new byte[length];
            random.NextBytes(content);
            File.WriteAllBytes(Path.Combine(Directory.CreateDirectory(Path.Combine(root, "Files")).FullName, $"Size of {length}.bin"), content);
        }

        string deep = root;
        for (int i = 0; i < 11; i++)
        {
            deep = Directory.CreateDirectory(Path.Combine(deep, $"Deep {i}")).FullName;
            File.WriteAllText(Path.Combine(deep, "here.txt"), i.ToString(CultureInfo.InvariantCulture));
        }

        string many = Directory.CreateDirectory(Path.Combine(root, "Many")).FullName;
        for (int i = 0; i < 300; i++)
        {
            File.WriteAllText(Path.Combine(many, string.Create(CultureInfo.InvariantCulture, $"A name of some length, number {i}, ä€.inf")), new string('x', i));
        }
    }

    /// <summary>Content of every file by its path.</summary>
    public static SortedDictionary<string, byte[]> Read(GuestFileSystem fileSystem)
    {
        var files = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        var pending = new Stack<string>([""]);
        while (pending.TryPop(out string? folder))
        {
            foreach (DirectoryEntry entry in fileSystem.EnumerateDirectory(folder + "/"))
            {
                string path = folder + "/" + entry.Name;
                FileEntry found = fileSystem.TryGetEntry(path)!;
                Assert.Equal(entry.Type, found.Type);
                Assert.Equal(path, found.Path);
                if (entry.Type == GuestFileType.Directory)
                {
                    pending.Push(path);
                }
                else if (entry.Type == GuestFileType.File)
                {
                    byte[] content = fileSystem.ReadAllBytes(path);
                    Assert.Equal(found.Length, content.Length);
                    files.Add(path, content);
                }
            }
        }

        return files;
    }

    /// <summary>The same of a folder of the host.</summary>
    public static SortedDictionary<string, byte[]> ReadHost(string root) => new(
        Directory.EnumerateFiles(root, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
            .Where(f => new FileInfo(f).LinkTarget is null)
            .ToDictionary(f => "/" + Path.GetRelativePath(root, f), File.ReadAllBytes),
        StringComparer.Ordinal);

    /// <summary>Fails unless both have the same files.</summary>
    public static void AssertSame(SortedDictionary<string, byte[]> expected, SortedDictionary<string, byte[]> actual)
    {
        Assert.Equal(expected.Keys, actual.Keys);
        Assert.All(expected, e => Assert.True(e.Value.AsSpan().SequenceEqual(actual[e.Key]), e.Key));
    }

    /// <summary>Fails unless we read of an image what another program unpacks.</summary>
    public static void AssertUnpacksSame(string image, GuestFileSystem fileSystem, Action<string, string> unpack)
    {
        using var directory = new TemporaryDirectory();
        unpack(image, directory.Path);
        AssertSame(ReadHost(directory.Path), Read(fileSystem));
    }

    /// <summary>Damages an image in many ways: nothing but our own exception comes out.</summary>
    public static void Fuzz(byte[] original, int metadata, int rounds, Func<BlockDevice, GuestFileSystem> open)
    {
        var random = new Random(7);
        for (int round = 0; round < rounds; round++)
        {
            byte[] bytes = [.. original];
            for (int flips = 1 + random.Next(12); flips > 0; flips--)
            {
                int at = random.Next(metadata);
                bytes[at] = random.Next(3) switch { 0 => (byte)random.Next(256), 1 => (byte)(bytes[at] ^ (1 << random.Next(8))), _ => 0xFF };
            }

            if (random.Next(10) == 0)
            {
                Array.Resize(ref bytes, random.Next(bytes.Length));
            }

            try
            {
                using GuestFileSystem fileSystem = open(new MemoryDevice(bytes));
                Ext.TreeWalk.Read(fileSystem, strict: false);
            }
            catch (V2VException)
            {
                // Refused by name.
            }
        }
    }
}
