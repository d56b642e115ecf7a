namespace V2V.FileSystems.Ext.Mapping;

/// <summary>
/// A file mapped by an extent tree (kernel documentation, filesystems/ext4, "Extent Tree"). The tree is read once into an ordered
/// list, which edits change; a commit packs the list into the tree's blocks again and writes those that differ.
/// Blocks for the tree are allocated and freed with every edit, so that lack of space shows at once.
/// </summary>
internal sealed partial class ExtentMap : BlockMap
{
    private const int HeaderSize = 12;
    private const int EntrySize = 12;
    private const int InodeCapacity = 4;
    private const int MaxDepth = 5;
    private const int MaxWritten = 32768;
    private const ushort Magic = 0xF30A;

    private readonly ExtVolume _volume;
    private readonly Inode _inode;
    private readonly List<BlockRun> _runs = [];
    private readonly List<long> _treeBlocks = [];

    public ExtentMap(ExtVolume volume, Inode inode)
    {
        _volume = volume;
        _inode = inode;
        Load();
    }

    /// <inheritdoc/>
    public override long LogicalLimit => uint.MaxValue;

    private int Capacity => (_volume.BlockSize - HeaderSize) / EntrySize;

    /// <summary>Turns the block area of an inode into an empty extent tree.</summary>
    public static void Initialize(Inode inode)
    {
        Span<byte> area = inode.BlockArea;
        area.Clear();
        Le.Set16(area, 0, Magic);
        Le.Set16(area, 4, InodeCapacity);
        inode.Flags |= InodeFlags.Extents;
        inode.Dirty = true;
    }

    /// <inheritdoc/>
    public override BlockRun Find(long logical, long maxCount)
    {
        int index = IndexAtOrAfter(logical);
        if (index == _runs.Count)
        {
            return new BlockRun(logical, 0, maxCount, BlockRunKind.Hole);
        }

        BlockRun run = _runs[index];
        if (run.Logical > logical)
        {
            return new BlockRun(logical, 0, Math.Min(maxCount, run.Logical - logical), BlockRunKind.Hole);
        }

        long skip = logical - run.Logical;
        return run with { Logical = logical, Physical = run.Physical + skip, Count = Math.Min(maxCount, run.Count - skip) };
    }

    /// <inheritdoc/>
    public override long Goal(long logical)
    {
        int index = IndexAtOrAfter(logical);
        return index == 0 ? 0 : _runs[index - 1].Physical + _runs[index - 1].Count;
    }

    /// <summary>The first run that ends after a logical block.</summary>
    private int IndexAtOrAfter(long logical)
    {
        int low = 0;
        int high = _runs.Count;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (_runs[middle].End > logical)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }

    private void Load()
    {
        var pending = new Stack<(long Block, int Depth)>();
        int depth = Le.U16(_inode.BlockArea, 6);
        if (depth > MaxDepth)
        {
            throw ExtErrors.Mapping(_inode.Number, "its tree is too deep");
        }

        LoadNode(_inode.BlockArea, depth, pending, InodeCapacity);
        while (pending.TryPop(out (long Block, int Depth) next))
        {
            CachedBlock block = _volume.Cache.Get(next.Block);
            Verify(block);
            _treeBlocks.Add(next.Block);
            if (_treeBlocks.Count > _volume.Super.BlockCount)
            {
                throw ExtErrors.Mapping(_inode.Number, "its tree refers to itself");
            }

            LoadNode(block.Data, next.Depth, pending, Capacity);
        }
    }

    private void LoadNode(ReadOnlySpan<byte> node, int depth, Stack<(long Block, int Depth)> pending, int capacity)
    {
        int count = Le.U16(node, 2);
        int max = Le.U16(node, 4);
        if (Le.U16(node, 0) != Magic || max > capacity || count > max || Le.U16(node, 6) != depth
            || (count == 0 && (depth > 0 || capacity > InodeCapacity)))
        {
            throw ExtErrors.Mapping(_inode.Number, "the header of a tree node is not valid");
        }

        if (depth == 0)
        {
            for (int i = 0; i < count; i++)
            {
                AddExtent(node.Slice(HeaderSize + (i * EntrySize), EntrySize));
            }

            return;
        }

        for (int i = count - 1; i >= 0; i--)
        {
            ReadOnlySpan<byte> entry = node.Slice(HeaderSize + (i * EntrySize), EntrySize);
            long child = Le.U32(entry, 4) | ((long)Le.U16(entry, 8) << 32);
            if (!_volume.IsValid(child, 1) || (i > 0 && Le.U32(entry, 0) <= Le.U32(node, HeaderSize + ((i - 1) * EntrySize))))
            {
                throw ExtErrors.Mapping(_inode.Number, "an index entry is not valid");
            }

            pending.Push((child, depth - 1));
        }
    }

    private void AddExtent(ReadOnlySpan<byte> entry)
    {
        long logical = Le.U32(entry, 0);
        int length = Le.U16(entry, 4);
        long physical = Le.U32(entry, 8) | ((long)Le.U16(entry, 6) << 32);
        bool unwritten = length > MaxWritten;
        long count = unwritten ? length - MaxWritten : length;
        long previousEnd = _runs.Count > 0 ? _runs[^1].End : 0;
        if (count == 0 || logical < previousEnd || logical + count > 1L + uint.MaxValue || !_volume.IsValid(physical, count))
        {
            throw ExtErrors.Mapping(_inode.Number, "an extent is not valid");
        }

        var run = new BlockRun(logical, physical, count, unwritten ? BlockRunKind.Unwritten : BlockRunKind.Data);
        if (_runs.Count > 0 && CanMerge(_runs[^1], run))
        {
            _runs[^1] = _runs[^1] with { Count = _runs[^1].Count + count };
        }
        else
        {
            _runs.Add(run);
        }
    }

    private static bool CanMerge(BlockRun first, BlockRun second) =>
        first.Kind == second.Kind && first.End == second.Logical && first.Physical + first.Count == second.Physical;

    private void Verify(CachedBlock block)
    {
        if (!_volume.Super.HasChecksums || block.Verified)
        {
            return;
        }

        int tail = TailOffset(block.Data);
        if (tail > _volume.BlockSize - 4 || Le.U32(block.Data, tail) != ExtChecksum.Crc32C(_inode.ChecksumSeed, block.Data.AsSpan(0, tail)))
        {
            throw ExtErrors.Checksum(FormattableString.Invariant($"extent block {block.Number} of inode {_inode.Number}"));
        }

        block.Verified = true;
    }

    private static int TailOffset(ReadOnlySpan<byte> node) => HeaderSize + (Le.U16(node, 4) * EntrySize);

}
