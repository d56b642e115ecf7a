using System.Globalization;
using V2V.Storage;
using Xunit;

namespace V2V.FileSystems.Tests.CaseInsensitive;

/// <summary>
/// What a volume that compares names without regard to case must hold (relative path, with <c>:stream</c>, to content; null for a directory), and
/// random operations that change it together with the volume.
/// </summary>
internal sealed class TreeModel(Random random, bool hasStreams)
{
    private static readonly FileMetadata s_metadata = new(0x1ED);

    private static readonly string[] s_stems =
    [
        "BOOT", "grub", "Mixed", "a longer name than eight", "shimx64", "naïve", "日本語の名前", "dots.in.the.name", "+plus;semi=", "x", "UPPER~1", "tilde~2", "😀emoji",
    ];

    private static readonly string[] s_extensions = ["", ".efi", ".TXT", ".Mixed", ".conf", ".c", ".jpeg"];

    public SortedDictionary<string, byte[]?> Tree { get; } = new(StringComparer.Ordinal);

    public void Run(GuestFileSystem fileSystem, int operations)
    {
        for (int i = 0; i < operations; i++)
        {
            try
            {
                Step(fileSystem);
            }
            catch (V2VException e) when (e.ErrorId is "NtfsNoSpace" or "FatNoSpace" or "FatRootDirectoryFull")
            {
                Refresh(fileSystem);
            }
        }
    }

    private void Step(GuestFileSystem fileSystem)
    {
        switch (random.Next(hasStreams ? 13 : 12))
        {
            case 0 or 1:
                CreateDirectory(fileSystem);
                break;
            case 2 or 3 or 4:
                CreateFile(fileSystem);
                break;
            case 5 or 6:
                Resize(fileSystem);
                break;
            case 7:
                Overwrite(fileSystem);
                break;
            case 8 or 9:
                Delete(fileSystem);
                break;
            case 10:
                Rename(fileSystem);
                break;
            case 11 when hasStreams:
                CreateStream(fileSystem);
                break;
            default:
                CreateMany(fileSystem);
                break;
        }
    }

    /// <summary>After a volume ran full in the middle, what it holds is what it says; the last file may be short.</summary>
    private void Refresh(GuestFileSystem fileSystem)
    {
        SortedDictionary<string, byte[]?> actual = FileTree.Read(fileSystem);
        foreach (string path in Tree.Keys)
        {
            Assert.Contains(path, actual.Keys);
        }

        Tree.Clear();
        foreach ((string path, byte[]? content) in actual)
        {
            Tree[path] = content;
        }
    }

    private void CreateDirectory(GuestFileSystem fileSystem)
    {
        if (NewPath() is { } path)
        {
            fileSystem.CreateDirectory("/" + path, s_metadata);
            Tree[path] = null;
        }
    }

    private void CreateFile(GuestFileSystem fileSystem)
    {
        if (NewPath() is { } path)
        {
            byte[] content = Content();
            fileSystem.WriteAllBytes("/" + path, content, s_metadata);
            Tree[path] = content;
        }
    }

    private void CreateStream(GuestFileSystem fileSystem)
    {
        if (Pick(directories: random.Next(4) == 0) is { } path && !path.Contains(':', StringComparison.Ordinal))
        {
            string stream = path + ":" + s_stems[random.Next(s_stems.Length)];
            byte[] content = Content();
            if (!Exists(stream))
            {
                fileSystem.CreateFile("/" + stream, s_metadata);
            }

            using Stream file = fileSystem.OpenWrite("/" + stream);
            file.SetLength(content.Length);
            file.Write(content);
            Tree.Remove(Tree.Keys.FirstOrDefault(k => k.Equals(stream, StringComparison.OrdinalIgnoreCase), stream));
            Tree[stream] = content;
        }
    }

    private void CreateMany(GuestFileSystem fileSystem)
    {
        string directory = Directory();
        int count = random.Next(20);
        for (int i = 0; i < count; i++)
        {
            string path = Join(directory, FormattableString.Invariant($"one of many files {random.Next(1000)}.txt"));
            if (!Exists(path))
            {
                fileSystem.CreateFile("/" + path, s_metadata);
                Tree[path] = [];
            }
        }
    }

    private void Resize(GuestFileSystem fileSystem)
    {
        if (Pick(directories: false) is { } path)
        {
            byte[] content = Tree[path]!;
            Array.Resize(ref content, random.Next(3) == 0 ? random.Next(100) : random.Next(60000));
            using Stream stream = fileSystem.OpenWrite("/" + path.ToUpperInvariant());
            stream.SetLength(content.Length);
            Tree[path] = content;
        }
    }

    private void Overwrite(GuestFileSystem fileSystem)
    {
        if (Pick(directories: false) is { } path)
        {
            byte[] content = Tree[path]!;
            byte[] piece = Content();
            int at = random.Next(content.Length + 5000);
            using Stream stream = fileSystem.OpenWrite("/" + path);
            stream.Position = at;
            stream.Write(piece);
            if (piece.Length > 0)
            {
                Array.Resize(ref content, Math.Max(content.Length, at + piece.Length));
                piece.CopyTo(content, at);
            }

            Tree[path] = content;
        }
    }

    private void Delete(GuestFileSystem fileSystem)
    {
        if (Pick(directories: random.Next(3) == 0) is { } path)
        {
            if (Children(path).Any(c => c[path.Length] == '/'))
            {
                Assert.Equal("GuestDirectoryNotEmpty", Assert.Throws<V2VException>(() => fileSystem.Delete("/" + path)).ErrorId);
                return;
            }

            fileSystem.Delete("/" + path);
            foreach (string gone in Children(path).Append(path).ToArray())
            {
                Tree.Remove(gone);
            }
        }
    }

    private void Rename(GuestFileSystem fileSystem)
    {
        bool directory = random.Next(3) == 0;
        if (Pick(directory) is not { } from || from.Contains(':', StringComparison.Ordinal))
        {
            return;
        }

        string? to = random.Next(3) switch
        {
            0 => Pick(directory),
            1 => from[..(from.LastIndexOf('/') + 1)] + from[(from.LastIndexOf('/') + 1)..].ToUpperInvariant(),
            _ => NewPath(),
        };
        if (to is null || to.Contains(':', StringComparison.Ordinal) || to.StartsWith(from + "/", StringComparison.OrdinalIgnoreCase) || Children(to).Any(c => c[to.Length] == '/' && !c.StartsWith(from + "/", StringComparison.Ordinal)))
        {
            return;
        }

        string? replaced = Tree.Keys.FirstOrDefault(k => k.Equals(to, StringComparison.OrdinalIgnoreCase) && k != from);
        fileSystem.Rename("/" + from, "/" + to);
        if (from == to)
        {
            return;
        }

        if (replaced is not null)
        {
            foreach (string old in Tree.Keys.Where(k => k == replaced || k.StartsWith(replaced + ":", StringComparison.Ordinal)).ToArray())
            {
                Tree.Remove(old);
            }
        }

        Dictionary<string, byte[]?> moved = Children(from).Append(from).ToDictionary(k => to + k[from.Length..], k => Tree[k]);
        foreach (string old in Children(from).Append(from).ToArray())
        {
            Tree.Remove(old);
        }

        foreach ((string path, byte[]? content) in moved)
        {
            Tree[path] = content;
        }
    }

    private IEnumerable<string> Children(string path) => Tree.Keys.Where(k => k.StartsWith(path, StringComparison.Ordinal) && k.Length > path.Length && k[path.Length] is '/' or ':');

    private bool Exists(string path) => Tree.Keys.Any(k => k.Equals(path, StringComparison.OrdinalIgnoreCase));

    private string? Pick(bool directories)
    {
        string[] candidates = [.. Tree.Where(pair => pair.Value is null == directories).Select(pair => pair.Key)];
        return candidates.Length == 0 ? null : candidates[random.Next(candidates.Length)];
    }

    private string Directory() => random.Next(3) == 0 ? "" : Pick(directories: true) ?? "";

    private string? NewPath()
    {
        string number = random.Next(3) == 0 ? "" : random.Next(300).ToString(CultureInfo.InvariantCulture);
        string name = s_stems[random.Next(s_stems.Length)] + number + s_extensions[random.Next(s_extensions.Length)];
        string path = Join(Directory(), name);
        return Exists(path) || path.Length > 120 ? null : path;
    }

    private static string Join(string directory, string name) => directory.Length == 0 ? name : directory + "/" + name;

    private byte[] Content()
    {
        var content = new byte[random.Next(4) switch { 0 => 0, 1 => random.Next(600), 2 => random.Next(9000), _ => random.Next(120000) }];
        random.NextBytes(content);
        return content;
    }
}
