using V2V.FileSystems.Xfs.Attributes;
using V2V.FileSystems.Xfs.Directories;
using V2V.Storage;

namespace V2V.FileSystems.Xfs;

/// <summary>
/// XFS, versions 4 and 5 ("XFS Algorithms &amp; Data Structures"). This file opens it and reads; <c>XfsFileSystem.Write.cs</c> changes
/// it. Values of POSIX ACL attributes have the form of getxattr(2).
/// </summary>
public sealed partial class XfsFileSystem : GuestFileSystem
{
    private readonly XfsVolume _volume;
    private readonly BlockDevice _device;

    private XfsFileSystem(BlockDevice device, XfsVolume volume, bool writable)
    {
        _device = device;
        _volume = volume;
        CanWrite = writable;
    }

    /// <inheritdoc/>
    public override string Type => "xfs";

    /// <inheritdoc/>
    public override string Label => Super.Label;

    /// <inheritdoc/>
    public override string? Uuid => new Guid(Super.UuidBytes, bigEndian: true).ToString("D");

    /// <inheritdoc/>
    public override BlockDevice Device => _device;

    /// <inheritdoc/>
    public override int BlockSize => Super.BlockSize;

    /// <inheritdoc/>
    public override long TotalBytes => Super.BlockCount << Super.BlockLog;

    /// <inheritdoc/>
    public override long FreeBytes => CanWrite ? _volume.Space.Available << Super.BlockLog : (long)Math.Min(Super.FreeBlocks, (ulong)Super.BlockCount) << Super.BlockLog;

    /// <summary>0: inodes are allocated as they are needed.</summary>
    public override long TotalInodes => 0;

    /// <summary>No fixed number.</summary>
    public override long FreeInodes => long.MaxValue;

    /// <inheritdoc/>
    public override bool CanWrite { get; }

    internal XfsVolume Volume => _volume;

    private XfsSuperblock Super => _volume.Super;

    /// <summary>Opens the file system in a volume.</summary>
    /// <param name="device">The volume; stays open after the file system is disposed.</param>
    /// <param name="writable">True to write: a dirty log is replayed into the device and unlinked inodes are removed first.</param>
    /// <exception cref="V2VException">The volume holds no valid XFS file system, or one with features that cannot be handled.</exception>
    public static XfsFileSystem Open(BlockDevice device, bool writable)
    {
        ArgumentNullException.ThrowIfNull(device);
        return new XfsFileSystem(device, XfsMount.Open(device, writable), writable);
    }

    /// <inheritdoc/>
    public override FileEntry? TryGetEntry(string path)
    {
        _volume.Trim();
        return Resolve(path, out string normal) is { } inode ? Describe(normal, inode) : null;
    }

    /// <inheritdoc/>
    public override IEnumerable<DirectoryEntry> EnumerateDirectory(string path)
    {
        _volume.Trim();
        XfsInode inode = GetInode(path);
        return inode.IsDirectory ? Enumerate(new DirectoryFile(_volume, inode)) : throw GuestPathErrors.NotDirectory(path);
    }

    /// <inheritdoc/>
    public override Stream OpenRead(string path)
    {
        _volume.Trim();
        return new XfsFileStream(_volume, GetFile(path), writable: false);
    }

    /// <inheritdoc/>
    public override string ReadLink(string path)
    {
        _volume.Trim();
        XfsInode inode = GetInode(path);
        return inode.IsSymbolicLink
            ? GuestName.Decode(SymbolicLink.Read(_volume, inode))
            : throw GuestPathErrors.NotSymbolicLink(path);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ListExtendedAttributes(string path)
    {
        _volume.Trim();
        var names = new List<string>();
        foreach (AttributeEntry entry in new AttributeStore(_volume, GetInode(path)).All())
        {
            if (AttributeName.Format(entry) is { } name)
            {
                names.Add(name);
            }
        }

        return names;
    }

    /// <inheritdoc/>
    public override byte[]? GetExtendedAttribute(string path, string name)
    {
        _volume.Trim();
        XfsInode inode = GetInode(path);
        if (!AttributeName.TryParse(name, out byte space, out byte[] rest) || new AttributeStore(_volume, inode).Get(space, rest) is not { } value)
        {
            return null;
        }

        return AttributeName.IsAccessList(name) ? AccessControlList.ToPublic(value) ?? value : value;
    }

    /// <inheritdoc/>
    public override IEnumerable<(long Offset, long Length)> GetFreeExtents()
    {
        for (int number = 0; number < Super.GroupCount; number++)
        {
            _volume.Trim();
            long start = (long)number * Super.GroupBlocks;
            foreach ((uint first, uint count) in _volume.Group(number).FreeRuns())
            {
                yield return ((start + first) << Super.BlockLog, (long)count << Super.BlockLog);
            }
        }
    }

    private IEnumerable<DirectoryEntry> Enumerate(DirectoryFile directory)
    {
        foreach (RawEntry entry in directory.Enumerate())
        {
            yield return new DirectoryEntry(
                GuestName.Decode(entry.Name), DirectoryEntryCode.ToType(entry.Type) ?? _volume.Inodes.GetNamed(entry.Inode).Type, entry.Inode);
        }
    }

    /// <summary>Walks a path; null if a component is missing.</summary>
    private XfsInode? Resolve(string path, out string normal)
    {
        string[] names = GuestName.SplitPath(path);
        normal = "/" + string.Join('/', names);
        XfsInode inode = _volume.Inodes.GetNamed(Super.RootInode);
        foreach (string name in names)
        {
            if (!inode.IsDirectory || new DirectoryFile(_volume, inode).Find(GuestName.Encode(name)) is not { } found)
            {
                return null;
            }

            inode = _volume.Inodes.GetNamed(found.Inode);
        }

        return inode;
    }

    private XfsInode GetInode(string path) => Resolve(path, out _) ?? throw NotFound(path);

    private XfsInode GetFile(string path)
    {
        XfsInode inode = GetInode(path);
        if (!inode.IsFile)
        {
            throw GuestPathErrors.NotFile(path);
        }

        if (inode.IsRealtime)
        {
            throw V2VException.Unsupported("XfsRealtimeUnsupported", $"The guest's {path} is on a real-time device.", path, "Move it to the data device.");
        }

        return inode.Data.Format is ForkFormat.Extents or ForkFormat.Tree
            ? inode
            : throw XfsErrors.Inode(inode.Number, "the form of its content is unknown");
    }

    private FileEntry Describe(string path, XfsInode inode)
    {
        GuestFileType type = inode.Type;
        (uint major, uint minor) = type is GuestFileType.CharacterDevice or GuestFileType.BlockDevice ? inode.DeviceNumber : default;
        return new FileEntry(
            path, type, inode.Size, inode.Mode & 0xFFF, inode.Uid, inode.Gid, inode.Number, (int)Math.Min(inode.Links, int.MaxValue),
            inode.ModifiedTime, inode.AccessTime, inode.ChangeTime, major, minor, (long)Math.Min(inode.Blocks, (ulong)Super.BlockCount) << Super.BlockLog);
    }
}
