using System.Globalization;
using V2V.FileSystems.Btrfs.Files;
using V2V.FileSystems.Btrfs.Trees;
using V2V.Storage;

namespace V2V.FileSystems.Btrfs;

/// <summary>
/// Btrfs (btrfs.readthedocs.io, "On-disk Format"), on one device or several. An object shows one subvolume as a mount would, with the
/// subvolumes inside it as directories; <see cref="GetMount"/> gives others of the same file system. This file opens it and reads;
/// <c>BtrfsFileSystem.Write.cs</c> changes it.
/// </summary>
public sealed partial class BtrfsFileSystem : GuestFileSystem
{
    private const int MaxLinkLength = 4096;
    private const int MaxPathDepth = 1024;

    private readonly BtrfsVolume _volume;
    private readonly BlockDevice _device;
    private readonly ulong _subvolume;
    private readonly BtrfsFileSystem? _owner;

    private BtrfsFileSystem(BlockDevice device, BtrfsVolume volume, ulong subvolume, bool writable, BtrfsFileSystem? owner)
    {
        _device = device;
        _volume = volume;
        _subvolume = subvolume;
        _owner = owner;
        CanWrite = writable;
    }

    /// <inheritdoc/>
    public override string Type => "btrfs";

    /// <inheritdoc/>
    public override string Label => _volume.Super.Label;

    /// <inheritdoc/>
    public override string? Uuid => new Guid(_volume.Super.Fsid, bigEndian: true).ToString("D");

    /// <inheritdoc/>
    public override BlockDevice Device => _device;

    /// <inheritdoc/>
    public override int BlockSize => _volume.SectorSize;

    /// <inheritdoc/>
    public override long TotalBytes => _volume.Super.TotalBytes;

    /// <inheritdoc/>
    public override long FreeBytes => _volume.Groups.FreeBytes;

    /// <inheritdoc/>
    public override long TotalInodes => 0;

    /// <inheritdoc/>
    public override long FreeInodes => long.MaxValue;

    /// <inheritdoc/>
    public override bool CanWrite { get; }

    /// <summary>Path of the subvolume that is shown, from the top level; <c>/</c> for the top level itself.</summary>
    public string SubvolumePath => _volume.Subvolumes.PathOf(_subvolume) ?? "/";

    /// <summary>True if the subvolume is marked as read-only, as snapshots are and the roots of systems that update by transactions.</summary>
    public bool IsReadOnlySubvolume => _volume.FindRootItem(_subvolume) is { IsReadOnly: true };

    /// <summary>Opens the file system in a volume, at its default subvolume.</summary>
    /// <param name="device">The volume; stays open after the file system is disposed.</param>
    /// <param name="writable">True to write: the log of fsync calls is replayed first.</param>
    /// <param name="candidates">Volumes that may be further devices of the file system; they are recognised by themselves.</param>
    /// <exception cref="V2VException">The volume holds no valid Btrfs, one with features that cannot be handled, or devices are missing.</exception>
    public static BtrfsFileSystem Open(BlockDevice device, bool writable, IEnumerable<BlockDevice>? candidates = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        BtrfsVolume volume = BtrfsMount.Open(device, writable, candidates ?? []);
        return new BtrfsFileSystem(device, volume, volume.Subvolumes.DefaultId, writable, null);
    }

    /// <inheritdoc/>
    public override GuestFileSystem GetMount(string options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ulong? chosen = null;
        foreach (string option in options.Split(','))
        {
            if (option.StartsWith("subvolid=", StringComparison.Ordinal))
            {
                bool isNumber = ulong.TryParse(option.AsSpan(9), NumberStyles.None, CultureInfo.InvariantCulture, out ulong id);
                chosen = isNumber && (id is 0 || ObjectIds.IsFileTree(id)) ? (id == 0 ? ObjectIds.FileTree : id) : throw NoSubvolume(option);
            }
            else if (option.StartsWith("subvol=", StringComparison.Ordinal))
            {
                chosen = FindSubvolume(option[7..]) ?? throw NoSubvolume(option);
            }
        }

        if (chosen is not { } subvolume)
        {
            subvolume = _volume.Subvolumes.DefaultId;
        }

        if (_volume.FindTree(subvolume) is null)
        {
            throw NoSubvolume(options);
        }

        return subvolume == _subvolume ? this : new BtrfsFileSystem(_device, _volume, subvolume, CanWrite, _owner ?? this);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> GetRootCandidates()
    {
        // A snapshot holds an old state of a system, unless it was made the default, as openSUSE does after a rollback.
        const int MaxCandidates = 64;
        var options = new List<string> { "" };
        if (_volume.Subvolumes.DefaultId != ObjectIds.FileTree)
        {
            options.Add("subvolid=5");
        }

        options.AddRange(_volume.Subvolumes.All()
            .Where(s => s.Id != _volume.Subvolumes.DefaultId && !s.IsSnapshot && !s.Path.Contains("/.snapshots/", StringComparison.Ordinal) && !s.Path.Contains(',', StringComparison.Ordinal))
            .Take(MaxCandidates).Select(s => "subvol=" + s.Path));
        return options;
    }

    /// <inheritdoc/>
    public override FileEntry? TryGetEntry(string path)
    {
        StartRead();
        return Resolve(path, out string normal) is { } node ? Describe(normal, node) : null;
    }

    /// <inheritdoc/>
    public override IEnumerable<DirectoryEntry> EnumerateDirectory(string path)
    {
        StartRead();
        BtrfsNode node = GetNode(path);
        return node.Load().IsDirectory ? Enumerate(node) : throw GuestPathErrors.NotDirectory(path);
    }

    /// <inheritdoc/>
    public override Stream OpenRead(string path)
    {
        StartRead();
        return new BtrfsFileStream(_volume, GetFile(path), writable: false);
    }

    /// <inheritdoc/>
    public override string ReadLink(string path)
    {
        StartRead();
        BtrfsNode node = GetNode(path);
        InodeItem inode = node.Load();
        if (inode.Type != GuestFileType.SymbolicLink)
        {
            throw GuestPathErrors.NotSymbolicLink(path);
        }

        if (inode.Length is 0 or > MaxLinkLength)
        {
            throw BtrfsErrors.Item(node.Key, "the length of its link target is out of range");
        }

        var target = new byte[inode.Length];
        new FileReader(_volume, node).Read(0, target);
        return GuestName.Decode(target);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ListExtendedAttributes(string path)
    {
        StartRead();
        return [.. ExtendedAttributes.All(GetNode(path)).Select(a => GuestName.Decode(a.Name))];
    }

    /// <inheritdoc/>
    public override byte[]? GetExtendedAttribute(string path, string name)
    {
        StartRead();
        return ExtendedAttributes.Get(GetNode(path), GuestName.Encode(name));
    }

    /// <inheritdoc/>
    public override IEnumerable<(long Offset, long Length)> GetFreeExtents() => GetFreeExtents(_device);

    /// <inheritdoc/>
    public override IEnumerable<(long Offset, long Length)> GetFreeExtents(BlockDevice device)
    {
        StartRead();
        return _volume.FindFreeExtents(device);
    }

    private static V2VException NoSubvolume(string option) =>
        new("BtrfsSubvolumeMissing", V2VErrorKind.NotFound, $"The Btrfs file system has no subvolume that '{option}' names.", option);

    private void StartRead()
    {
        _volume.WriteBackStreams();
        _volume.Trim();
    }

    /// <summary>The subvolume at a path from the top level.</summary>
    private ulong? FindSubvolume(string path)
    {
        string[] names = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return Walk(new BtrfsNode(_volume.GetTree(ObjectIds.FileTree), ObjectIds.FirstFree), names) is { Inode: ObjectIds.FirstFree, IsPlaceholder: false } node
            ? node.Tree.Id
            : null;
    }

    private IEnumerable<DirectoryEntry> Enumerate(BtrfsNode directory)
    {
        foreach (DirectoryItem entry in DirectoryReader.Enumerate(directory))
        {
            BtrfsNode node = DirectoryReader.Follow(_volume, directory, entry);
            yield return new DirectoryEntry(GuestName.Decode(entry.Name), entry.FileType ?? node.Load().Type, FileId(node));
        }
    }

    private BtrfsNode? Resolve(string path, out string normal)
    {
        string[] names = GuestName.SplitPath(path);
        normal = "/" + string.Join('/', names);
        return Walk(new BtrfsNode(_volume.GetTree(_subvolume), ObjectIds.FirstFree), names);
    }

    private BtrfsNode? Walk(BtrfsNode node, string[] names)
    {
        foreach (string name in names)
        {
            if (DirectoryReader.Find(node, GuestName.Encode(name)) is not { } entry)
            {
                return null;
            }

            node = DirectoryReader.Follow(_volume, node, entry);
        }

        return node;
    }

    private BtrfsNode GetNode(string path) => Resolve(path, out _) ?? throw NotFound(path);

    private BtrfsNode GetFile(string path)
    {
        BtrfsNode node = GetNode(path);
        return node.Load().Type == GuestFileType.File
            ? node
            : throw GuestPathErrors.NotFile(path);
    }

    /// <summary>Inode numbers are counted anew in each subvolume.</summary>
    private ulong FileId(BtrfsNode node) => node.Tree.Id == _subvolume ? node.Inode : node.Inode ^ (node.Tree.Id << 40);

    private FileEntry Describe(string path, BtrfsNode node)
    {
        InodeItem inode = node.Load();
        GuestFileType type = inode.Type;
        bool isDevice = type is GuestFileType.CharacterDevice or GuestFileType.BlockDevice;
        return new FileEntry(
            path, type, inode.Length, inode.Mode & 0xFFF, inode.Uid, inode.Gid, FileId(node), (int)Math.Min(inode.Links, int.MaxValue),
            inode.ModifiedTime, inode.AccessTime, inode.ChangeTime, isDevice ? (uint)(inode.Device >> 20) : 0, isDevice ? (uint)(inode.Device & 0xFFFFF) : 0, inode.Bytes);
    }
}
