using V2V.FileSystems;
using V2V.Storage;

namespace V2V.Core.Tests.Guest;

/// <summary>A Unix file system in memory, with everything that <see cref="GuestFileSystem"/> promises: links, metadata, attributes.</summary>
internal sealed class MemoryFileSystem : GuestFileSystem
{
    private readonly Node _root;
    private readonly MemoryBlockDevice _device;
    private readonly bool _canWrite;
    private ulong _nextId = 2;

    public MemoryFileSystem(string type = "ext4", string? uuid = null, string label = "", long totalBytes = 1L << 30, bool canWrite = true)
    {
        Type = type;
        Uuid = uuid;
        Label = label;
        TotalBytes = totalBytes;
        _canWrite = canWrite;
        _device = new MemoryBlockDevice(0);
        _root = NewNode(GuestFileType.Directory, new FileMetadata(0x1ED));
    }

    public override string Type { get; }

    public override string Label { get; }

    public override string? Uuid { get; }

    public override BlockDevice Device => _device;

    public override int BlockSize => 4096;

    public override long TotalBytes { get; }

    public override long FreeBytes => FreeBytesOverride ?? (TotalBytes - Nodes().Sum(n => (long)n.Content.Length));

    public override long TotalInodes => 65536;

    public override long FreeInodes => FreeInodesOverride ?? (TotalInodes - Nodes().Count());

    public override bool CanWrite => _canWrite;

    /// <summary>Set to pretend that the file system is nearly full.</summary>
    public long? FreeBytesOverride { get; set; }

    /// <summary>Set to pretend that inodes are nearly used up.</summary>
    public long? FreeInodesOverride { get; set; }

    /// <summary>Number of calls of <see cref="Flush"/>.</summary>
    public int FlushCount { get; private set; }

    /// <summary>Adds a file and the directories above it.</summary>
    public MemoryFileSystem Add(string path, string text, int mode = 0x1A4) => Add(path, System.Text.Encoding.UTF8.GetBytes(text), mode);

    /// <summary>Adds a file and the directories above it.</summary>
    public MemoryFileSystem Add(string path, byte[] content, int mode = 0x1A4)
    {
        Node parent = MakeParents(path);
        Node node = NewNode(GuestFileType.File, new FileMetadata(mode));
        node.Content = content;
        parent.Children[NameOf(path)] = node;
        return this;
    }

    /// <summary>Adds a directory and those above it.</summary>
    public MemoryFileSystem AddDirectory(string path)
    {
        MakeParents(path + "/.");
        return this;
    }

    /// <summary>Adds a symbolic link and the directories above it.</summary>
    public MemoryFileSystem AddLink(string path, string target)
    {
        Node parent = MakeParents(path);
        Node node = NewNode(GuestFileType.SymbolicLink, new FileMetadata(0x1FF));
        node.Content = GuestName.Encode(target);
        parent.Children[NameOf(path)] = node;
        return this;
    }

    public override FileEntry? TryGetEntry(string path) => Find(path) is { } node
        ? new FileEntry(path, node.Type, node.Content.Length, node.Metadata.Mode, node.Metadata.Uid, node.Metadata.Gid, node.Id, node.Links,
            node.Metadata.ModifiedTime ?? default, node.Metadata.ModifiedTime ?? default, node.Metadata.ModifiedTime ?? default, 0, 0, node.Content.Length)
        : null;

    public override IEnumerable<DirectoryEntry> EnumerateDirectory(string path) =>
        [.. Require(path, GuestFileType.Directory).Children.Select(c => new DirectoryEntry(c.Key, c.Value.Type, c.Value.Id))];

    public override Stream OpenRead(string path) => new MemoryStream(Require(path, GuestFileType.File).Content, writable: false);

    public override string ReadLink(string path) => GuestName.Decode(Require(path, GuestFileType.SymbolicLink).Content);

    public override IReadOnlyList<string> ListExtendedAttributes(string path) => [.. Require(path).Attributes.Keys];

    public override byte[]? GetExtendedAttribute(string path, string name) => Require(path).Attributes.GetValueOrDefault(name);

    public override IEnumerable<(long Offset, long Length)> GetFreeExtents() => [];

    public override Stream OpenWrite(string path)
    {
        CheckWrite();
        return new NodeStream(Require(path, GuestFileType.File));
    }

    public override void CreateFile(string path, FileMetadata metadata) => Insert(path, NewNode(GuestFileType.File, metadata));

    public override void CreateDirectory(string path, FileMetadata metadata) => Insert(path, NewNode(GuestFileType.Directory, metadata));

    public override void CreateSymbolicLink(string path, string target, FileMetadata metadata)
    {
        Node node = NewNode(GuestFileType.SymbolicLink, metadata);
        node.Content = GuestName.Encode(target);
        Insert(path, node);
    }

    public override void CreateHardLink(string existingPath, string newPath)
    {
        Node node = Require(existingPath);
        Insert(newPath, node);
        node.Links++;
    }

    public override void Delete(string path)
    {
        CheckWrite();
        Node node = Require(path);
        if (node.Children.Count > 0)
        {
            throw new V2VException("DirectoryNotEmpty", V2VErrorKind.InvalidState, $"{path} is not empty.", path);
        }

        Require(ParentOf(path), GuestFileType.Directory).Children.Remove(NameOf(path));
        node.Links--;
    }

    public override void Rename(string fromPath, string toPath)
    {
        CheckWrite();
        Node node = Require(fromPath);
        Node target = Require(ParentOf(toPath), GuestFileType.Directory);
        Require(ParentOf(fromPath)).Children.Remove(NameOf(fromPath));
        target.Children[NameOf(toPath)] = node;
    }

    public override void SetMetadata(string path, FileMetadata metadata)
    {
        CheckWrite();
        Require(path).Metadata = metadata;
    }

    public override void SetExtendedAttribute(string path, string name, ReadOnlySpan<byte> value)
    {
        CheckWrite();
        Require(path).Attributes[name] = value.ToArray();
    }

    public override void RemoveExtendedAttribute(string path, string name)
    {
        CheckWrite();
        Require(path).Attributes.Remove(name);
    }

    public override void Flush() => FlushCount++;

    private static string NameOf(string path) => path[(path.LastIndexOf('/') + 1)..];

    private static string ParentOf(string path) => path.LastIndexOf('/') is > 0 and int slash ? path[..slash] : "/";

    private void CheckWrite()
    {
        if (!_canWrite)
        {
            throw ReadOnly();
        }
    }

    private void Insert(string path, Node node)
    {
        CheckWrite();
        if (!Require(ParentOf(path), GuestFileType.Directory).Children.TryAdd(NameOf(path), node))
        {
            throw new V2VException("GuestFileExists", V2VErrorKind.Exists, $"{path} exists.", path);
        }
    }

    private Node MakeParents(string path)
    {
        Node at = _root;
        foreach (string part in ParentOf(path).Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!at.Children.TryGetValue(part, out Node? next))
            {
                next = NewNode(GuestFileType.Directory, new FileMetadata(0x1ED));
                at.Children.Add(part, next);
            }

            at = next;
        }

        return at;
    }

    private Node NewNode(GuestFileType type, FileMetadata metadata) => new(type, _nextId++, Type == "ntfs" ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal) { Metadata = metadata };

    private IEnumerable<Node> Nodes()
    {
        var todo = new Stack<Node>([_root]);
        while (todo.TryPop(out Node? node))
        {
            yield return node;
            foreach (Node child in node.Children.Values)
            {
                todo.Push(child);
            }
        }
    }

    private Node? Find(string path)
    {
        Node? at = _root;
        foreach (string part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            at = at.Children.GetValueOrDefault(part);
            if (at is null)
            {
                return null;
            }
        }

        return at;
    }

    private Node Require(string path, GuestFileType? type = null)
    {
        Node node = Find(path) ?? throw NotFound(path);
        return type is null || node.Type == type
            ? node
            : throw new V2VException("GuestFileWrongType", V2VErrorKind.InvalidState, $"{path} is not a {type}.", path);
    }

    private sealed class Node(GuestFileType type, ulong id, StringComparer names)
    {
        public GuestFileType Type { get; } = type;

        public ulong Id { get; } = id;

        public int Links { get; set; } = 1;

        public FileMetadata Metadata { get; set; }

        public byte[] Content { get; set; } = [];

        public SortedDictionary<string, Node> Children { get; } = new(names);

        public Dictionary<string, byte[]> Attributes { get; } = new(StringComparer.Ordinal);
    }

    /// <summary>Writes go into the node at once.</summary>
    private sealed class NodeStream(Node node) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => true;

        public override long Length => node.Content.Length;

        public override long Position { get; set; }

        public override int Read(byte[] buffer, int offset, int count)
        {
            int step = (int)Math.Clamp(Length - Position, 0, count);
            node.Content.AsSpan((int)Math.Min(Position, Length), step).CopyTo(buffer.AsSpan(offset));
            Position += step;
            return step;
        }

        public override void Write(byte[] buffer, int offset, int count)
        {
            if (Position + count > Length)
            {
                SetLength(Position + count);
            }

            buffer.AsSpan(offset, count).CopyTo(node.Content.AsSpan((int)Position));
            Position += count;
        }

        public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => Position + offset,
            _ => Length + offset,
        };

        public override void SetLength(long value)
        {
            byte[] content = node.Content;
            Array.Resize(ref content, (int)value);
            node.Content = content;
        }

        public override void Flush()
        {
        }
    }
}
