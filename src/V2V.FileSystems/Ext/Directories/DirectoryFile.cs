using V2V.FileSystems.Ext.Mapping;
using V2V.Storage;

namespace V2V.FileSystems.Ext.Directories;

/// <summary>Where an entry was found.</summary>
/// <param name="Entry">The entry.</param>
/// <param name="Block">Its block, or null in an inline directory.</param>
/// <param name="InTail">In an inline directory: true if it is in the attribute area.</param>
/// <param name="Place">Where in its region.</param>
internal readonly record struct FoundEntry(RawEntry Entry, CachedBlock? Block, bool InTail, EntryPlace Place);

/// <summary>
/// The content of a directory: linear, indexed by a hash tree, or inline. The part that reads; see the other files of this
/// class for what changes it.
/// </summary>
internal sealed partial class DirectoryFile
{
    private const int DotLength = 12;
    private const int InlineEntriesOffset = 4;

    private readonly ExtVolume _volume;
    private readonly Inode _inode;
    private readonly int _blockSize;

    public DirectoryFile(ExtVolume volume, Inode inode)
    {
        _volume = volume;
        _inode = inode;
        _blockSize = volume.BlockSize;
        if (inode.Has(InodeFlags.Encrypted))
        {
            throw ExtErrors.Encrypted(inode.Number);
        }

        if (!IsInline && (inode.Size % _blockSize != 0 || inode.Size / _blockSize > volume.Super.BlockCount))
        {
            throw ExtErrors.Directory(inode.Number, "its size is not a whole number of blocks, or is out of range");
        }

        if (inode.Has(InodeFlags.HashIndex) && volume.Super.HasChecksums && !volume.Super.Has(ExtCompat.DirIndex))
        {
            throw ExtErrors.Directory(inode.Number, "it has a hash index, which the file system's features exclude");
        }
    }

    private bool IsInline => _inode.Has(InodeFlags.InlineData);

    private bool IsIndexed => _inode.Has(InodeFlags.HashIndex) && _volume.Super.Has(ExtCompat.DirIndex) && !IsInline;

    private BlockMap Map => _volume.Inodes.MapOf(_inode);

    private long BlockCount => _inode.Size / _blockSize;

    /// <summary>The parent, from <c>..</c>.</summary>
    public uint Parent
    {
        get
        {
            if (IsInline)
            {
                return Le.U32(_inode.BlockArea, 0);
            }

            return FindDotDot() is { } found ? found.Entry.Inode : throw ExtErrors.Directory(_inode.Number, "it has no entry '..'");
        }
    }

    /// <summary>All entries in stored order without <c>.</c> and <c>..</c>, a block at a time.</summary>
    public IEnumerable<RawEntry> Enumerate()
    {
        var entries = new List<RawEntry>();
        if (IsInline)
        {
            InlineRegion(false).Collect(entries);
            InlineRegion(true).Collect(entries);
            foreach (RawEntry entry in entries)
            {
                yield return entry;
            }

            yield break;
        }

        long end = BlockCount;
        for (long logical = 0; logical < end;)
        {
            BlockRun run = Map.Find(logical, end - logical);
            for (long i = 0; run.Kind == BlockRunKind.Data && i < run.Count; i++)
            {
                entries.Clear();
                Region(GetBlock(run.Logical + i, run.Physical + i)).Collect(entries);
                foreach (RawEntry entry in entries)
                {
                    if (!entry.IsDots)
                    {
                        yield return entry;
                    }
                }
            }

            logical = run.End;
        }
    }

    /// <summary>Finds a name; null if the directory does not have it.</summary>
    public FoundEntry? Find(ReadOnlySpan<byte> name)
    {
        if (IsInline)
        {
            return FindInline(name);
        }

        if (IsIndexed && TryFindIndexed(name, out FoundEntry? found))
        {
            return found;
        }

        long end = BlockCount;
        for (long logical = 0; logical < end;)
        {
            BlockRun run = Map.Find(logical, end - logical);
            for (long i = 0; run.Kind == BlockRunKind.Data && i < run.Count; i++)
            {
                if (FindIn(GetBlock(run.Logical + i, run.Physical + i), name) is { } entry)
                {
                    return entry;
                }
            }

            logical = run.End;
        }

        return null;
    }

    private FoundEntry? FindInline(ReadOnlySpan<byte> name)
    {
        foreach (bool inTail in (ReadOnlySpan<bool>)[false, true])
        {
            EntryRegion region = InlineRegion(inTail);
            if (region.TryFind(name, out EntryPlace place))
            {
                return new FoundEntry(new RawEntry(region.InodeAt(place.Offset), region.TypeAt(place.Offset), name.ToArray()), null, inTail, place);
            }
        }

        return null;
    }

    private FoundEntry? FindIn(CachedBlock block, ReadOnlySpan<byte> name)
    {
        EntryRegion region = Region(block);
        return region.TryFind(name, out EntryPlace place)
            ? new FoundEntry(new RawEntry(region.InodeAt(place.Offset), region.TypeAt(place.Offset), name.ToArray()), block, false, place)
            : null;
    }

    private FoundEntry? FindDotDot() => BlockAt(0) is { } block ? FindIn(block, ".."u8) : null;

    /// <summary>The region of entries of a block: all of it but the checksum at its end.</summary>
    private EntryRegion Region(CachedBlock block) =>
        new(block.Data.AsSpan(0, _blockSize - (HasTail(block.Data) ? EntryRegion.TailSize : 0)), _inode.Number, _volume);

    private EntryRegion InlineRegion(bool inTail) =>
        new(inTail ? InlineData.Tail(_inode) : _inode.BlockArea[InlineEntriesOffset..], _inode.Number, _volume);

    /// <summary>A block of the directory, or null for a hole.</summary>
    private CachedBlock? BlockAt(long logical)
    {
        if (logical >= BlockCount)
        {
            return null;
        }

        BlockRun run = Map.Find(logical, 1);
        return run.Kind == BlockRunKind.Data ? GetBlock(logical, run.Physical) : null;
    }

    private CachedBlock GetBlock(long logical, long physical)
    {
        CachedBlock block = _volume.Cache.Get(physical);
        if (!block.Verified && _volume.Super.HasChecksums && !ChecksumMatches(block))
        {
            throw ExtErrors.Checksum(FormattableString.Invariant($"block {logical} of the directory in inode {_inode.Number}"));
        }

        block.Verified = true;
        return block;
    }

    private bool ChecksumMatches(CachedBlock block)
    {
        if (IsHashNode(block.Data))
        {
            return TryHashNodeChecksum(block, out uint crc, out int offset) && Le.U32(block.Data, offset) == crc;
        }

        return HasTail(block.Data) && Le.U32(block.Data, _blockSize - 4) == LeafChecksum(block);
    }

    private uint LeafChecksum(CachedBlock block) =>
        ExtChecksum.Crc32C(_inode.ChecksumSeed, block.Data.AsSpan(0, _blockSize - EntryRegion.TailSize));

    private bool HasTail(ReadOnlySpan<byte> block)
    {
        ReadOnlySpan<byte> tail = block[^EntryRegion.TailSize..];
        return _volume.Super.HasChecksums && Le.U32(tail, 0) == 0 && Le.U16(tail, 4) == EntryRegion.TailSize && tail[6] == 0
            && tail[7] == EntryRegion.TailType && !IsHashNode(block);
    }

    /// <summary>True for a block of the hash tree itself: its root, whose entry <c>..</c> fills the block, or an interior node, which looks like one unused entry.</summary>
    private bool IsHashNode(ReadOnlySpan<byte> block)
    {
        int length = EntryRegion.DecodeLength(Le.U16(block, 4), _blockSize);
        return IsIndexed && (length == _blockSize
            ? Le.U32(block, 0) == 0
            : length == DotLength && EntryRegion.DecodeLength(Le.U16(block, DotLength + 4), _blockSize) == _blockSize - DotLength);
    }

    private V2VException Damaged(string what) => ExtErrors.Directory(_inode.Number, what);
}
