using System.Globalization;
using System.Security.Cryptography;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Ext;

/// <summary>A tree of the host (often a kernel mount of the image) compared with what we read, file by file.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Interoperability", "CA1416", Justification = "Runs where mke2fs is.")]
internal static class HostTree
{
    /// <summary>Makes a tree with every kind of content that a populated image should have.</summary>
    public static void Populate(string root, int seed, bool large, int year = 2037)
    {
        var random = new Random(seed);
        Directory.CreateDirectory(root);
        for (int i = 0; i < 20; i++)
        {
            File.WriteAllBytes(Path.Combine(root, $"size-{i}"), Bytes(random, (1 << i) - (i % 3)));
        }

        File.WriteAllText(Path.Combine(root, "empty"), "");
        string many = Directory.CreateDirectory(Path.Combine(root, "many")).FullName;
        for (int i = 0; i < (large ? 3000 : 200); i++)
        {
            File.WriteAllText(Path.Combine(many, $"file-with-a-somewhat-long-name-{i}-ä"), i.ToString(CultureInfo.InvariantCulture));
        }

        string deep = root;
        for (int i = 0; i < 12; i++)
        {
            deep = Directory.CreateDirectory(Path.Combine(deep, $"deep-{i}")).FullName;
        }

        File.CreateSymbolicLink(Path.Combine(deep, "short"), "../target");
        File.CreateSymbolicLink(Path.Combine(deep, "long"), string.Concat(Enumerable.Repeat("directory/", 30)) + "end");
        File.CreateSymbolicLink(Path.Combine(deep, "sixty"), new string('x', 60));
        File.CreateSymbolicLink(Path.Combine(deep, "fifty-nine"), new string('x', 59));
        using (FileStream sparse = File.Create(Path.Combine(root, "sparse")))
        {
            for (int i = 0; i < (large ? 60 : 10); i++)
            {
                sparse.Position = (long)i * 300_000;
                sparse.Write(Bytes(random, 5000));
            }

            // Not a hole at the end: mke2fs 1.47.0 with inline_data loses it.
            sparse.Position = (large ? 80L << 20 : 4 << 20) - 4096;
            sparse.Write(Bytes(random, 4096));
        }

        File.SetUnixFileMode(Path.Combine(root, "size-3"), (UnixFileMode)0b100_101_000_001);
        File.SetLastWriteTimeUtc(Path.Combine(root, "size-4"), new DateTime(year, 5, 6, 7, 8, 9, DateTimeKind.Utc));
    }

    /// <summary>Fails unless the file system has exactly the host's files, with the same metadata and content.</summary>
    public static void AssertEqual(string root, GuestFileSystem fileSystem, bool wholeSeconds = false)
    {
        string listing = Tool.Run("find", root, "-mindepth", "1", "-printf", "%y|%s|%m|%U|%G|%T@|%n|%l|%P\\0");
        var expected = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string line in listing.Split('\0', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] part = line.Split('|', 9);
            if (part[8] == "lost+found")
            {
                continue;
            }

            string size = part[0] == "d" ? "" : part[1];
            string links = part[0] == "d" ? "" : part[6];
            string time = wholeSeconds ? part[5].Split('.')[0] : part[5][..^3];
            expected["/" + part[8]] = $"{part[0]} {size} {part[2]} {part[3]}:{part[4]} {time} {links} {part[7]}";
        }

        var actual = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Walk(fileSystem, "/", actual, wholeSeconds);
        actual.Remove("/lost+found");
        IEnumerable<string> differences = expected.Where(e => actual.GetValueOrDefault(e.Key) != e.Value)
            .Select(e => $"{e.Key}: host {e.Value}, read {actual.GetValueOrDefault(e.Key) ?? "nothing"}")
            .Concat(actual.Keys.Except(expected.Keys).Select(k => $"{k}: only read"));
        Assert.Equal([], string.Join('\n', differences.Take(10)).Split('\n', StringSplitOptions.RemoveEmptyEntries));
        foreach ((string path, string line) in expected)
        {
            if (line[0] == 'f')
            {
                using FileStream host = File.OpenRead(root + path);
                using Stream guest = fileSystem.OpenRead(path);
                Assert.True(SHA256.HashData(host).AsSpan().SequenceEqual(SHA256.HashData(guest)), path);
            }
        }
    }

    private static void Walk(GuestFileSystem fileSystem, string path, SortedDictionary<string, string> found, bool wholeSeconds)
    {
        foreach (DirectoryEntry name in fileSystem.EnumerateDirectory(path))
        {
            string child = path == "/" ? "/" + name.Name : path + "/" + name.Name;
            FileEntry entry = fileSystem.TryGetEntry(child)!;
            Assert.NotNull(entry);
            Assert.Equal(name.Type, entry.Type);
            Assert.Equal(name.FileId, entry.FileId);
            string type = entry.Type switch
            {
                GuestFileType.File => "f",
                GuestFileType.Directory => "d",
                GuestFileType.SymbolicLink => "l",
                GuestFileType.CharacterDevice => "c",
                GuestFileType.BlockDevice => "b",
                GuestFileType.Fifo => "p",
                _ => "s",
            };
            string mode = Convert.ToString(entry.Mode, 8);
            long ticks = (entry.ModifiedTime - DateTimeOffset.UnixEpoch).Ticks;
            string time = wholeSeconds
                ? (ticks / TimeSpan.TicksPerSecond).ToString(CultureInfo.InvariantCulture)
                : FormattableString.Invariant($"{ticks / TimeSpan.TicksPerSecond}.{ticks % TimeSpan.TicksPerSecond:D7}");
            string target = entry.Type == GuestFileType.SymbolicLink ? fileSystem.ReadLink(child) : "";
            found[child] = FormattableString.Invariant(
                $"{type} {(entry.IsDirectory ? "" : entry.Length)} {mode} {entry.Uid}:{entry.Gid} {time} {(entry.IsDirectory ? "" : entry.LinkCount)} {target}");
            if (entry.IsDirectory)
            {
                Walk(fileSystem, child, found, wholeSeconds);
            }
        }
    }

    public static byte[] Bytes(Random random, int length)
    {
        var bytes = new byte[Math.Max(0, length)];
        random.NextBytes(bytes);
        return bytes;
    }
}
