using System.Globalization;
using V2V.Storage;
using Xunit;

namespace V2V.FileSystems.Tests.Ext;

/// <summary>A file as the model knows it; names that are hard links share one.</summary>
internal sealed class RandomNode(GuestFileType type)
{
    public GuestFileType Type { get; } = type;

    public byte[] Content { get; set; } = [];

    public string Target { get; set; } = "";

    public int Mode { get; set; }

    public uint Uid { get; set; }

    public uint Gid { get; set; }

    /// <summary>Null when the last change of the content set it, and for a directory.</summary>
    public DateTimeOffset? ModifiedTime { get; set; }

    public SortedDictionary<string, byte[]> Attributes { get; } = new(StringComparer.Ordinal);
}

/// <summary>What the sequence favours.</summary>
internal enum RandomMood
{
    /// <summary>A bit of everything.</summary>
    Mixed,

    /// <summary>Directories of thousands of names.</summary>
    Crowded,

    /// <summary>Mostly growth, until nothing fits.</summary>
    Full,
}

/// <summary>
/// The expected tree, and random operations that change it together with the file system. An operation that fails for lack of
/// space must have changed nothing, except that a write may have stored a part.
/// </summary>
internal sealed class RandomModel(int seed, RandomMood mood, int attributeLimit)
{
    private static readonly string[] s_fullErrors = ["ExtNoSpace", "ExtAttributeNoSpace", "ExtDirectoryFull", "XfsNoSpace"];
    private static readonly string[] s_attributeNames =
        ["user.a", "user.mime_type", "user.a-much-longer-name-of-an-attribute", "security.selinux", "security.thing", "trusted.overlay.opaque", "trusted.x"];

    private readonly Random _random = new(seed);

    public SortedDictionary<string, RandomNode> Tree { get; } = new(StringComparer.Ordinal);

    public RandomMood Mood => mood;

    public int Operations { get; private set; }

    public int Refusals { get; private set; }

    public void Run(GuestFileSystem fileSystem, int operations)
    {
        for (int i = 0; i < operations; i++)
        {
            Operations++;
            Step(fileSystem);
            if (_random.Next(40) == 0)
            {
                fileSystem.Flush();
            }
        }
    }

    /// <summary>Takes over what a file system holds already.</summary>
    public void Load(GuestFileSystem fileSystem)
    {
        var known = new Dictionary<ulong, RandomNode>();
        var pending = new Stack<string>([""]);
        while (pending.TryPop(out string? directory))
        {
            foreach (DirectoryEntry name in fileSystem.EnumerateDirectory(directory + "/"))
            {
                string path = directory + "/" + name.Name;
                FileEntry entry = fileSystem.TryGetEntry(path)!;
                if (!known.TryGetValue(entry.FileId, out RandomNode? node))
                {
                    node = new RandomNode(entry.Type);
                    known.Add(entry.FileId, node);
                    Apply(node, new FileMetadata(entry.Mode, entry.Uid, entry.Gid, entry.ModifiedTime));
                    node.Content = entry.Type == GuestFileType.File ? fileSystem.ReadAllBytes(path) : [];
                    node.Target = entry.Type == GuestFileType.SymbolicLink ? fileSystem.ReadLink(path) : "";
                    foreach (string attribute in fileSystem.ListExtendedAttributes(path))
                    {
                        node.Attributes[attribute] = fileSystem.GetExtendedAttribute(path, attribute)!;
                    }
                }

                Tree[path] = node;
                if (entry.IsDirectory)
                {
                    pending.Push(path);
                }
            }
        }
    }

    private void Step(GuestFileSystem fileSystem)
    {
        int roll = _random.Next(mood == RandomMood.Full ? 60 : 100);
        Action<GuestFileSystem> action = roll switch
        {
            < 18 => CreateFile,
            < 26 => CreateDirectory,
            < 32 => CreateSymbolicLink,
            < 38 => CreateHardLink,
            < 44 => Append,
            < 52 => Overwrite,
            < 60 => SetAttribute,
            < 68 => Resize,
            < 78 => Delete,
            < 88 => Rename,
            < 92 => SetMetadata,
            < 96 => RemoveAttribute,
            _ => CreateOrDeleteMany,
        };
        action(fileSystem);
    }

    private void CreateFile(GuestFileSystem fileSystem)
    {
        if (NewPath() is not { } path)
        {
            return;
        }

        FileMetadata metadata = Metadata();
        if (!Try(() => fileSystem.CreateFile(path, metadata)))
        {
            return;
        }

        RandomNode node = Add(path, GuestFileType.File, metadata);
        WriteAt(fileSystem, path, node, 0, Content());
    }

    private void CreateDirectory(GuestFileSystem fileSystem)
    {
        FileMetadata metadata = Metadata();
        if (NewPath() is { } path && Try(() => fileSystem.CreateDirectory(path, metadata)))
        {
            Add(path, GuestFileType.Directory, metadata);
        }
    }

    private void CreateSymbolicLink(GuestFileSystem fileSystem)
    {
        FileMetadata metadata = Metadata();
        string target = new('t', _random.Next(3) switch { 0 => _random.Next(1, 59), 1 => _random.Next(58, 62), _ => _random.Next(60, 900) });
        if (NewPath() is { } path && Try(() => fileSystem.CreateSymbolicLink(path, target, metadata)))
        {
            RandomNode node = Add(path, GuestFileType.SymbolicLink, metadata with { Mode = 0x1FF });
            node.Target = target;
        }
    }

    private void CreateHardLink(GuestFileSystem fileSystem)
    {
        if (Pick(n => n.Type != GuestFileType.Directory) is { } existing && NewPath() is { } path
            && Try(() => fileSystem.CreateHardLink(existing, path)))
        {
            Tree[path] = Tree[existing];
        }
    }

    private void Append(GuestFileSystem fileSystem)
    {
        if (Pick(n => n.Type == GuestFileType.File) is { } path)
        {
            WriteAt(fileSystem, path, Tree[path], Tree[path].Content.Length, Content());
        }
    }

    private void Overwrite(GuestFileSystem fileSystem)
    {
        if (Pick(n => n.Type == GuestFileType.File) is { } path)
        {
            // Sometimes far behind the end: a hole.
            int reach = Tree[path].Content.Length + (_random.Next(5) == 0 ? 2_000_000 : 3000);
            WriteAt(fileSystem, path, Tree[path], _random.Next(reach), Content());
        }
    }

    private void Resize(GuestFileSystem fileSystem)
    {
        if (Pick(n => n.Type == GuestFileType.File) is not { } path)
        {
            return;
        }

        RandomNode node = Tree[path];
        int length = _random.Next(4) switch { 0 => 0, 1 => _random.Next(200), 2 => _random.Next(node.Content.Length + 1), _ => _random.Next(1_500_000) };
        bool done = Try(() =>
        {
            using Stream stream = fileSystem.OpenWrite(path);
            stream.SetLength(length);
        });
        node.ModifiedTime = null;
        if (done)
        {
            byte[] content = node.Content;
            Array.Resize(ref content, length);
            node.Content = content;
        }
        else
        {
            node.Content = fileSystem.ReadAllBytes(path);
        }
    }

    private void Delete(GuestFileSystem fileSystem)
    {
        if (Pick(_ => true) is not { } path)
        {
            return;
        }

        if (Children(path).Any())
        {
            Assert.Equal("GuestDirectoryNotEmpty", Assert.Throws<V2VException>(() => fileSystem.Delete(path)).ErrorId);
            return;
        }

        if (Try(() => fileSystem.Delete(path)))
        {
            Tree.Remove(path);
        }
    }

    private void Rename(GuestFileSystem fileSystem)
    {
        if (Pick(_ => true) is not { } from)
        {
            return;
        }

        RandomNode node = Tree[from];
        string? to = _random.Next(3) == 0 ? Pick(n => n.Type == GuestFileType.Directory == (node.Type == GuestFileType.Directory)) : NewPath();
        if (to is null || to == from || to.StartsWith(from + "/", StringComparison.Ordinal) || Children(to).Any())
        {
            return;
        }

        if (!Try(() => fileSystem.Rename(from, to)) || (Tree.TryGetValue(to, out RandomNode? target) && target == node))
        {
            return;
        }

        foreach (string old in Children(from).Append(from).ToArray())
        {
            Tree[to + old[from.Length..]] = Tree[old];
            Tree.Remove(old);
        }
    }

    private void SetMetadata(GuestFileSystem fileSystem)
    {
        FileMetadata metadata = Metadata();
        if (Pick(n => n.Type != GuestFileType.SymbolicLink) is { } path && Try(() => fileSystem.SetMetadata(path, metadata)))
        {
            Apply(Tree[path], metadata);
        }
    }

    private void SetAttribute(GuestFileSystem fileSystem)
    {
        if (Pick(_ => true) is not { } path)
        {
            return;
        }

        string name = AttributeName(Tree[path]);
        // e2fsck 1.47 takes the target of a short link for block numbers once the link has a value in another inode, also where the
        // kernel put it there; so links get short values.
        int kind = Tree[path].Type == GuestFileType.SymbolicLink ? _random.Next(2) : _random.Next(4);
        var value = new byte[kind switch { 0 => _random.Next(4), 1 => _random.Next(60), 2 => _random.Next(800), _ => _random.Next(attributeLimit) }];
        _random.NextBytes(value);
        if (Try(() => fileSystem.SetExtendedAttribute(path, name, value)))
        {
            Tree[path].Attributes[name] = value;
        }
    }

    private void RemoveAttribute(GuestFileSystem fileSystem)
    {
        if (Pick(_ => true) is { } path)
        {
            string name = AttributeName(Tree[path]);
            if (Try(() => fileSystem.RemoveExtendedAttribute(path, name)))
            {
                Tree[path].Attributes.Remove(name);
            }
        }
    }

    private void CreateOrDeleteMany(GuestFileSystem fileSystem)
    {
        string directory = Directory();
        string[] present = [.. Children(directory == "" ? "" : directory).Where(p => Tree[p].Type == GuestFileType.File)];
        int count = mood == RandomMood.Crowded ? _random.Next(2500) : _random.Next(60);
        if (present.Length > 50 && _random.Next(3) == 0)
        {
            foreach (string path in present.Where(_ => _random.Next(2) == 0))
            {
                fileSystem.Delete(path);
                Tree.Remove(path);
            }

            return;
        }

        FileMetadata metadata = Metadata();
        for (int i = 0; i < count; i++)
        {
            string path = $"{directory}/{new string((char)('a' + _random.Next(26)), _random.Next(1, 40))}-{_random.Next(100000).ToString(CultureInfo.InvariantCulture)}";
            if (!Tree.ContainsKey(path) && Try(() => fileSystem.CreateFile(path, metadata)))
            {
                Add(path, GuestFileType.File, metadata);
            }
        }
    }

    private void WriteAt(GuestFileSystem fileSystem, string path, RandomNode node, int position, byte[] piece)
    {
        bool done = Try(() =>
        {
            using Stream stream = fileSystem.OpenWrite(path);
            stream.Position = position;
            stream.Write(piece);
        });
        if (piece.Length == 0)
        {
            return;
        }

        node.ModifiedTime = null;
        if (!done)
        {
            node.Content = fileSystem.ReadAllBytes(path);
            return;
        }

        byte[] content = node.Content;
        Array.Resize(ref content, Math.Max(content.Length, position + piece.Length));
        piece.CopyTo(content, position);
        node.Content = content;
    }

    /// <summary>Runs an operation; false if the file system had no room for it.</summary>
    private bool Try(Action operation)
    {
        try
        {
            operation();
            return true;
        }
        catch (V2VException e) when (s_fullErrors.Contains(e.ErrorId) || e.ErrorId == "BtrfsNoSpace")
        {
            Refusals++;
            return false;
        }
    }

    private RandomNode Add(string path, GuestFileType type, FileMetadata metadata)
    {
        var node = new RandomNode(type);
        Apply(node, metadata);
        Tree[path] = node;
        return node;
    }

    private static void Apply(RandomNode node, FileMetadata metadata)
    {
        node.Mode = metadata.Mode;
        node.Uid = metadata.Uid;
        node.Gid = metadata.Gid;
        node.ModifiedTime = node.Type == GuestFileType.Directory ? null : metadata.ModifiedTime;
    }

    private IEnumerable<string> Children(string path) => Tree.Keys.Where(k => k.StartsWith(path + "/", StringComparison.Ordinal));

    private string? Pick(Func<RandomNode, bool> wanted)
    {
        string[] candidates = [.. Tree.Where(pair => wanted(pair.Value)).Select(pair => pair.Key)];
        return candidates.Length == 0 ? null : candidates[_random.Next(candidates.Length)];
    }

    private string Directory() => _random.Next(4) == 0 ? "" : Pick(n => n.Type == GuestFileType.Directory) ?? "";

    private string? NewPath()
    {
        string name = _random.Next(8) switch
        {
            0 => new string('n', _random.Next(1, 250)) + _random.Next(1000).ToString(CultureInfo.InvariantCulture),
            1 => "ünï-" + _random.Next(200).ToString(CultureInfo.InvariantCulture),
            _ => "f" + _random.Next(400).ToString(CultureInfo.InvariantCulture),
        };
        string path = Directory() + "/" + name;
        return Tree.ContainsKey(path) || path.Length > 700 ? null : path;
    }

    private FileMetadata Metadata() => new(
        _random.Next(0x1000),
        _random.Next(3) == 0 ? (uint)_random.Next(100000) : 0,
        _random.Next(3) == 0 ? (uint)_random.Next(100000) : 0,
        new DateTimeOffset(_random.Next(1975, 2037), _random.Next(1, 13), 3, 4, 5, 6, TimeSpan.Zero));

    private string AttributeName(RandomNode node) =>
        s_attributeNames[node.Type == GuestFileType.SymbolicLink ? _random.Next(3, s_attributeNames.Length) : _random.Next(s_attributeNames.Length)];

    private byte[] Content()
    {
        var content = new byte[_random.Next(6) switch { 0 => 0, 1 => _random.Next(60), 2 => _random.Next(200), 3 => _random.Next(5000), 4 => _random.Next(40000), _ => _random.Next(400000) }];
        _random.NextBytes(content);
        return content;
    }
}
