using V2V.FileSystems.Ext.Allocation;
using V2V.FileSystems.Ext.Attributes;
using V2V.FileSystems.Ext.Directories;
using V2V.Storage;

namespace V2V.FileSystems.Ext;

/// <summary>
/// ext2, ext3 and ext4 (kernel documentation, filesystems/ext4). This file opens it and reads; <c>ExtFileSystem.Write.cs</c>
/// changes it. Values of POSIX ACL attributes have the form of getxattr(2).
/// </summary>
public sealed partial class ExtFileSystem : GuestFileSystem
{
    private const uint RootInode = 2;
    private const int MaxLinkLength = 65536;

    private readonly ExtVolume _volume;
    private readonly BlockDevice _device;

    private ExtFileSystem(BlockDevice device, ExtVolume volume, bool writable)
    {
        _device = device;
        _volume = volume;
        CanWrite = writable;
    }

    /// <inheritdoc/>
    public override string Type
    {
        get
        {
            const ExtIncompat Ext3Incompat = ExtIncompat.FileType | ExtIncompat.NeedsRecovery | ExtIncompat.MetaBg;
            const ExtRoCompat Ext3RoCompat = ExtRoCompat.SparseSuper | ExtRoCompat.LargeFile | ExtRoCompat.BtreeDir;
            if ((Super.Incompat & ~Ext3Incompat) != 0 || (Super.RoCompat & ~Ext3RoCompat) != 0)
            {
                return "ext4";
            }

            return Super.Has(ExtCompat.HasJournal) ? "ext3" : "ext2";
        }
    }

    /// <inheritdoc/>
    public override string Label => Super.Label;

    /// <inheritdoc/>
    public override string? Uuid => Super.UuidBytes.ContainsAnyExcept((byte)0) ? new Guid(Super.UuidBytes, bigEndian: true).ToString("D") : null;

    /// <inheritdoc/>
    public override BlockDevice Device => _device;

    /// <inheritdoc/>
    public override int BlockSize => Super.BlockSize * Super.ClusterRatio;

    /// <inheritdoc/>
    public override long TotalBytes => Super.BlockCount * Super.BlockSize;

    /// <inheritdoc/>
    public override long FreeBytes => Math.Max(0, Super.FreeBlocks - Super.ReservedBlocks) * Super.BlockSize;

    /// <inheritdoc/>
    public override long TotalInodes => Super.InodeCount;

    /// <inheritdoc/>
    public override long FreeInodes => Super.FreeInodes;

    /// <inheritdoc/>
    public override bool CanWrite { get; }

    private Superblock Super => _volume.Super;

    /// <summary>Opens the file system in a volume.</summary>
    /// <param name="device">The volume; stays open after the file system is disposed.</param>
    /// <param name="writable">True to write: a dirty journal is replayed and orphans are removed first.</param>
    /// <exception cref="V2VException">The volume holds no valid ext file system, or one with features that cannot be handled.</exception>
    public static ExtFileSystem Open(BlockDevice device, bool writable)
    {
        ArgumentNullException.ThrowIfNull(device);
        return new ExtFileSystem(device, ExtMount.Open(device, writable), writable);
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
        Inode inode = GetInode(path);
        if (!inode.IsDirectory)
        {
            throw GuestPathErrors.NotDirectory(path);
        }

        return Enumerate(new DirectoryFile(_volume, inode));
    }

    /// <inheritdoc/>
    public override Stream OpenRead(string path)
    {
        _volume.Trim();
        return new ExtFileStream(_volume, GetFile(path), writable: false);
    }

    /// <inheritdoc/>
    public override string ReadLink(string path)
    {
        _volume.Trim();
        Inode inode = GetInode(path);
        if (!inode.IsSymbolicLink)
        {
            throw GuestPathErrors.NotSymbolicLink(path);
        }

        return GuestName.Decode(ReadLinkBytes(inode));
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
        Inode inode = GetInode(path);
        if (!AttributeName.TryParse(name, out byte index, out byte[] rest) || new AttributeStore(_volume, inode).Get(index, rest) is not { } value)
        {
            return null;
        }

        return index is AttributeName.PosixAclAccess or AttributeName.PosixAclDefault ? PosixAcl.ToPublic(value) ?? value : value;
    }

    /// <inheritdoc/>
    public override IEnumerable<(long Offset, long Length)> GetFreeExtents()
    {
        if ((Super.State & ExtMount.StateErrors) != 0)
        {
            // The kernel found damage: its own bitmaps cannot be trusted to say what may be discarded.
            yield break;
        }

        (long Start, long End) pending = (0, 0);
        for (int group = 0; group < _volume.Groups.Count; group++)
        {
            _volume.Trim();
            foreach ((long start, long end) in FreeRuns(group))
            {
                if (start == pending.End)
                {
                    pending.End = end;
                    continue;
                }

                if (pending.End > pending.Start)
                {
                    yield return (pending.Start * Super.BlockSize, (pending.End - pending.Start) * Super.BlockSize);
                }

                pending = (start, end);
            }
        }

        if (pending.End > pending.Start)
        {
            yield return (pending.Start * Super.BlockSize, (pending.End - pending.Start) * Super.BlockSize);
        }
    }

    private List<(long Start, long End)> FreeRuns(int group)
    {
        var runs = new List<(long, long)>();
        if (_volume.Groups.Get(group).FreeClusters == 0)
        {
            return runs;
        }

        ReadOnlySpan<byte> bitmap = _volume.Bitmaps.ReadBlocks(group);
        long first = _volume.Groups.FirstBlock(group);
        int clusters = _volume.Groups.ClustersIn(group);
        for (int bit = BitSpan.NextClear(bitmap, 0, clusters); bit < clusters;)
        {
            int end = BitSpan.NextSet(bitmap, bit, clusters);
            long startBlock = first + ((long)bit * Super.ClusterRatio);
            runs.Add((startBlock, Math.Min(first + ((long)end * Super.ClusterRatio), Super.BlockCount)));
            bit = BitSpan.NextClear(bitmap, end, clusters);
        }

        return runs;
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
    private Inode? Resolve(string path, out string normal)
    {
        string[] names = GuestName.SplitPath(path);
        normal = "/" + string.Join('/', names);
        Inode inode = _volume.Inodes.GetNamed(RootInode);
        foreach (string name in names)
        {
            if (!inode.IsDirectory || new DirectoryFile(_volume, inode).Find(GuestName.Encode(name)) is not { } found)
            {
                return null;
            }

            inode = _volume.Inodes.GetNamed(found.Entry.Inode);
        }

        return inode;
    }

    private Inode GetInode(string path) => Resolve(path, out _) ?? throw NotFound(path);

    private Inode GetFile(string path)
    {
        Inode inode = GetInode(path);
        if (!inode.IsFile)
        {
            throw GuestPathErrors.NotFile(path);
        }

        if (inode.Has(InodeFlags.Encrypted))
        {
            throw ExtErrors.Encrypted(inode.Number);
        }

        return inode;
    }

    private byte[] ReadLinkBytes(Inode inode)
    {
        if (inode.Has(InodeFlags.Encrypted))
        {
            throw ExtErrors.Encrypted(inode.Number);
        }

        if (inode.Size is 0 or > MaxLinkLength)
        {
            throw ExtErrors.Inode(inode.Number, "the length of its link target is out of range");
        }

        if (inode.Has(InodeFlags.InlineData))
        {
            return InlineData.Read(inode);
        }

        if (inode.Size < InlineData.AreaSize && !inode.Has(InodeFlags.Extents))
        {
            return inode.BlockArea[..(int)inode.Size].ToArray();
        }

        var target = new byte[inode.Size];
        for (int at = 0; at < target.Length; at += Super.BlockSize)
        {
            Mapping.BlockRun run = _volume.Inodes.MapOf(inode).Find(at / Super.BlockSize, 1);
            if (run.Kind == Mapping.BlockRunKind.Data)
            {
                _volume.Cache.Get(run.Physical).Data.AsSpan(0, Math.Min(Super.BlockSize, target.Length - at)).CopyTo(target.AsSpan(at));
            }
        }

        return target;
    }

    private static FileEntry Describe(string path, Inode inode)
    {
        GuestFileType type = inode.Type;
        uint major = 0;
        uint minor = 0;
        if (type is GuestFileType.CharacterDevice or GuestFileType.BlockDevice)
        {
            uint old = inode.DeviceNumberOld;
            uint wide = inode.DeviceNumberNew;
            (major, minor) = old != 0 ? ((old >> 8) & 0xFF, old & 0xFF) : ((wide >> 8) & 0xFFF, (wide & 0xFF) | ((wide >> 12) & 0xFFF00));
        }

        return new FileEntry(
            path, type, inode.Size, inode.Mode & 0xFFF, inode.Uid, inode.Gid, inode.Number, inode.Links,
            inode.ModifiedTime, inode.AccessTime, inode.ChangeTime, major, minor, inode.AllocatedBytes);
    }
}
