using V2V.FileSystems.Xfs.Allocation;
using V2V.FileSystems.Xfs.Btrees;

namespace V2V.FileSystems.Xfs.Mapping;

/// <summary>
/// Changes of the list of extents, with the reverse map, the reference counts and the inode's block count. The stored form (extents
/// in the inode, or a B+tree, which is built anew) follows with <see cref="Commit"/>; its blocks are reserved until then.
/// </summary>
internal sealed partial class Fork
{
    private bool _changed;
    private long _reserved;

    private BlockUse TreeUse => new(_inode.Number, 0, IsAttribute, TreeBlock: true);

    /// <summary>Makes the fork local with this content; it must have no extents.</summary>
    public void SetLocal(ReadOnlySpan<byte> content)
    {
        Commit();
        _extents = null;
        Format = ForkFormat.Local;
        Area.Clear();
        content.CopyTo(Area);
        _inode.Dirty = true;
    }

    /// <summary>Makes an empty list of extents of a fork that was local.</summary>
    public void Clear()
    {
        Format = ForkFormat.Extents;
        Area.Clear();
        _extents = [];
        _changed = true;
        Settle();
    }

    /// <summary>The place in the volume that a file block should have.</summary>
    public ulong Goal(long logical)
    {
        int index = IndexOf((ulong)logical);
        if (index > 0 && List[index - 1] is var before && (ulong)logical - before.End < 1 << 16)
        {
            return before.FsBlock + (ulong)logical - before.FileBlock;
        }

        return _inode.Number >> _volume.Super.InodesPerBlockLog;
    }

    /// <summary>Allocates blocks for the start of a hole and maps them; returns what was mapped.</summary>
    public BlockRun Allocate(long logical, long wanted, long ahead = 0)
    {
        Prepare(1);
        (ulong fsBlock, uint count) = _volume.Space.Allocate(Goal(logical), wanted + ahead);
        uint used = (uint)Math.Min(count, wanted);
        if (used < count)
        {
            _volume.Space.Free(fsBlock + used, count - used);
        }

        Map(logical, fsBlock, used);
        return new BlockRun(BlockRunKind.Data, logical, fsBlock, used);
    }

    /// <summary>Maps written blocks at a hole.</summary>
    public void Map(long logical, ulong fsBlock, uint count)
    {
        Prepare(1);
        int index = IndexOf((ulong)logical);
        var extent = new ExtentRecord((ulong)logical, fsBlock, count, unwritten: false);
        _volume.MapRun(fsBlock, count, UseOf(extent));
        List.Insert(index, extent);
        _inode.Blocks += count;
        _changed = true;
        Join(index, index + 1);
        Settle();
    }

    /// <summary>Makes a hole, and frees what no other file shares.</summary>
    public void Unmap(long logical, long count)
    {
        ulong behind = (ulong)logical + (ulong)count;
        int at = IndexOf((ulong)logical);
        if (at < List.Count && List[at].FileBlock < (ulong)logical && List[at].End > behind)
        {
            Prepare(1);
        }

        int first = Cut((ulong)logical);
        int end = Cut(behind);
        for (int i = first; i < end; i++)
        {
            Release(List[i]);
        }

        List.RemoveRange(first, end - first);
        _changed |= end > first;
        Settle();
    }

    /// <summary>Frees everything from a file block on.</summary>
    public void Truncate(long logical)
    {
        if (Exists && Format is (ForkFormat.Extents or ForkFormat.Tree) && List.Count > 0)
        {
            Unmap(logical, (long)MaxFileBlock - logical);
        }
    }

    /// <summary>Notes that blocks that were unwritten hold data now.</summary>
    public void MarkWritten(long logical, long count)
    {
        Prepare(2);
        int first = Cut((ulong)logical);
        int end = Cut((ulong)logical + (ulong)count);
        for (int i = first; i < end; i++)
        {
            ExtentRecord extent = List[i];
            if (extent.IsUnwritten)
            {
                _volume.UnmapRun(extent.FsBlock, extent.Count, UseOf(extent));
                extent = new ExtentRecord(extent.FileBlock, extent.FsBlock, extent.Count, unwritten: false);
                _volume.MapRun(extent.FsBlock, extent.Count, UseOf(extent));
                List[i] = extent;
            }
        }

        _changed = true;
        Join(first, end);
        Settle();
    }

    /// <summary>The fork's area has another size: the stored form has to be made again.</summary>
    public void AreaChanged()
    {
        if (Format is ForkFormat.Extents or ForkFormat.Tree)
        {
            _ = List;
            _changed = true;
            Settle();
        }
    }

    /// <summary>Makes sure that the list is in memory and its tree could be built in an area of this size.</summary>
    public void RequireArea(int size)
    {
        if (Format is ForkFormat.Extents or ForkFormat.Tree)
        {
            _volume.Space.Require(Math.Max(0, TreeBlocksFor(List.Count, size) - _treeBlocks.Count));
        }
    }

    /// <summary>Stores the list in the inode, or in a tree.</summary>
    public void Commit()
    {
        if (!_changed)
        {
            return;
        }

        _changed = false;
        _volume.Space.Reserve(-_reserved);
        _reserved = 0;
        Span<byte> area = Area;
        if (List.Count * ExtentRecord.Size <= area.Length)
        {
            ResizeTree(0);
            area = Area;
            area.Clear();
            for (int i = 0; i < List.Count; i++)
            {
                List[i].Write(area[(i * ExtentRecord.Size)..]);
            }

            Format = ForkFormat.Extents;
        }
        else
        {
            BuildTree();
            Format = ForkFormat.Tree;
        }

        StoreCount((ulong)List.Count);
    }

    private BlockUse UseOf(ExtentRecord extent) => new(_inode.Number, extent.FileBlock, IsAttribute, Unwritten: extent.IsUnwritten);

    /// <summary>Blocks of a tree for so many extents whose root has so many bytes; 0 if no tree is needed.</summary>
    private long TreeBlocksFor(int extents, int area)
    {
        if (extents * (long)ExtentRecord.Size <= area)
        {
            return 0;
        }

        int root = Math.Max(1, (area - 4) / 16);
        long total = 0;
        long blocks = extents;
        do
        {
            blocks = (blocks + TreeItems - 1) / TreeItems;
            total += blocks;
        }
        while (blocks > root);

        return total;
    }

    /// <summary>Reserves what a list longer by some extents may need.</summary>
    private void Prepare(int more)
    {
        int count = List.Count + more;
        if (count > MaxExtents || (IsAttribute && !_inode.HasLargeExtentCounts && count > short.MaxValue))
        {
            throw new V2V.Storage.V2VException(
                "XfsTooManyExtents", V2V.Storage.V2VErrorKind.Limit, FormattableString.Invariant($"Inode {_inode.Number} would have too many extents."));
        }

        long needed = Math.Max(0, TreeBlocksFor(count, Area.Length) - _treeBlocks.Count);
        if (needed > _reserved)
        {
            _volume.Space.Reserve(needed - _reserved);
            _reserved = needed;
        }
    }

    private void Settle()
    {
        long needed = _changed ? Math.Max(0, TreeBlocksFor(List.Count, Area.Length) - _treeBlocks.Count) : 0;
        if (needed > _reserved)
        {
            _volume.Space.Reserve(needed - _reserved);
        }
        else
        {
            _volume.Space.Reserve(-(_reserved - needed));
        }

        _reserved = needed;
        _inode.Dirty = true;
    }

    /// <summary>Splits the extent across a file block; returns the index of the first extent at or behind it.</summary>
    private int Cut(ulong at)
    {
        int index = IndexOf(at);
        if (index == List.Count || List[index].FileBlock >= at)
        {
            return index;
        }

        ExtentRecord extent = List[index];
        uint before = (uint)(at - extent.FileBlock);
        List[index] = new ExtentRecord(extent.FileBlock, extent.FsBlock, before, extent.IsUnwritten);
        List.Insert(index + 1, new ExtentRecord(at, extent.FsBlock + before, extent.Count - before, extent.IsUnwritten));
        return index + 1;
    }

    /// <summary>Joins neighbours that continue each other, among the extents from one before <paramref name="first"/> to one behind <paramref name="end"/>.</summary>
    private void Join(int first, int end)
    {
        for (int i = Math.Min(end, List.Count - 1); i >= Math.Max(first, 1); i--)
        {
            ExtentRecord left = List[i - 1];
            ExtentRecord right = List[i];
            if (left.End == right.FileBlock && left.FsBlock + left.Count == right.FsBlock && left.IsUnwritten == right.IsUnwritten
                && left.Count + (ulong)right.Count <= ExtentRecord.MaxCount)
            {
                List[i - 1] = new ExtentRecord(left.FileBlock, left.FsBlock, left.Count + right.Count, left.IsUnwritten);
                List.RemoveAt(i);
            }
        }
    }

    private void Release(ExtentRecord extent)
    {
        _inode.Blocks -= extent.Count;
        _volume.UnmapRun(extent.FsBlock, extent.Count, UseOf(extent));
        AllocationGroup group = _volume.Group(_volume.Super.GroupOf(extent.FsBlock));
        uint start = _volume.Super.BlockInGroup(extent.FsBlock);
        if (_inode.IsReflink && !IsAttribute && group.Refcounts is { } counts)
        {
            group.RequireTreeSpace((uint)counts.Levels + 1);
            counts.Decrease(start, extent.Count, (from, count) => group.Free(from, count, RmapOwner.None));
        }
        else
        {
            group.Free(start, extent.Count, RmapOwner.None);
        }
    }

    private void StoreCount(ulong count)
    {
        byte[] raw = _inode.Raw;
        switch (IsAttribute, _inode.HasLargeExtentCounts)
        {
            case (false, true):
                Be.Set64(raw, InodeLayout.LargeDataExtents, count);
                break;
            case (true, false):
                Be.Set16(raw, InodeLayout.AttributeExtents, (int)count);
                break;
            default:
                Be.Set32(raw, InodeLayout.DataExtents, (uint)count);
                break;
        }

        _inode.Dirty = true;
    }

    private void ResizeTree(int blocks)
    {
        while (_treeBlocks.Count > blocks)
        {
            ulong last = _treeBlocks[^1];
            _treeBlocks.RemoveAt(_treeBlocks.Count - 1);
            _volume.UnmapRun(last, 1, TreeUse);
            _volume.Space.Free(last, 1);
            _inode.Blocks--;
        }

        while (_treeBlocks.Count < blocks)
        {
            ulong goal = _treeBlocks.Count > 0 ? _treeBlocks[^1] + 1 : _inode.Number >> _volume.Super.InodesPerBlockLog;
            (ulong block, _) = _volume.Space.Allocate(goal, 1, promised: true);
            _volume.MapRun(block, 1, TreeUse);
            _treeBlocks.Add(block);
            _inode.Blocks++;
        }
    }

    private void BuildTree()
    {
        int rootItems = (Area.Length - 4) / 16;
        ResizeTree((int)TreeBlocksFor(List.Count, Area.Length));
        var below = new List<(ulong Key, ulong Block)>();
        int used = 0;
        int level = 0;
        int items = List.Count;
        while (level == 0 || items > rootItems)
        {
            int blocks = (items + TreeItems - 1) / TreeItems;
            var built = new List<(ulong Key, ulong Block)>(blocks);
            int next = 0;
            for (int i = 0; i < blocks; i++)
            {
                int take = (items / blocks) + (i < items % blocks ? 1 : 0);
                ulong left = i == 0 ? BtreeBlock.NullLong : _treeBlocks[used + i - 1];
                ulong right = i == blocks - 1 ? BtreeBlock.NullLong : _treeBlocks[used + i + 1];
                built.Add((level == 0 ? List[next].FileBlock : below[next].Key, _treeBlocks[used + i]));
                WriteBlock(_treeBlocks[used + i], level, left, right, below, next, take);
                next += take;
            }

            used += blocks;
            below = built;
            items = blocks;
            level++;
        }

        Span<byte> root = Area;
        root.Clear();
        Be.Set16(root, 0, level);
        Be.Set16(root, 2, items);
        for (int i = 0; i < items; i++)
        {
            Be.Set64(root, 4 + (i * 8), below[i].Key);
            Be.Set64(root, 4 + (rootItems * 8) + (i * 8), below[i].Block);
        }
    }

    private void WriteBlock(ulong number, int level, ulong left, ulong right, List<(ulong Key, ulong Block)> below, int first, int count)
    {
        CachedBlock block = _volume.Cache.GetNew(_volume.Super.Linear(number));
        BtreeBlock.Initialise(_volume.Super, block, TreeMagic, isLong: true, level, _inode.Number);
        byte[] raw = block.Data;
        BtreeBlock.SetCount(raw, count);
        Be.Set64(raw, 8, left);
        Be.Set64(raw, 16, right);
        for (int i = 0; i < count; i++)
        {
            if (level == 0)
            {
                List[first + i].Write(raw.AsSpan(TreeHeader + (i * 16)));
            }
            else
            {
                Be.Set64(raw, TreeHeader + (i * 8), below[first + i].Key);
                Be.Set64(raw, TreeHeader + (TreeItems * 8) + (i * 8), below[first + i].Block);
            }
        }
    }
}
