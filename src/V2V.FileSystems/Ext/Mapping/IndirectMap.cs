namespace V2V.FileSystems.Ext.Mapping;

/// <summary>
/// A file mapped by direct and up to triply indirect blocks, as in ext2 and ext3 (kernel documentation, filesystems/ext4,
/// "Direct/Indirect Block Addressing"). Edits change the pointer blocks in the cache at once.
/// </summary>
internal sealed partial class IndirectMap(ExtVolume volume, Inode inode) : BlockMap
{
    private const int DirectCount = 12;

    private readonly int _perBlock = volume.BlockSize / 4;

    /// <inheritdoc/>
    public override long LogicalLimit => Math.Min(DirectCount + _perBlock + ((long)_perBlock * _perBlock) + ((long)_perBlock * _perBlock * _perBlock), uint.MaxValue);

    /// <inheritdoc/>
    public override BlockRun Find(long logical, long maxCount)
    {
        if (logical >= LogicalLimit)
        {
            return new BlockRun(logical, 0, maxCount, BlockRunKind.Hole);
        }

        ReadOnlySpan<byte> pointers = inode.BlockArea;
        int slot = Locate(logical, out int level, out long inTree, out int slotEnd);
        while (level > 0)
        {
            long child = Le.U32(pointers, slot * 4);
            long span = Span(level);
            if (child == 0)
            {
                return new BlockRun(logical, 0, Math.Min(maxCount, span - (inTree % span)), BlockRunKind.Hole);
            }

            pointers = Pointers(child).Data;
            level--;
            inTree %= span;
            slot = (int)(inTree / Span(level));
            slotEnd = _perBlock;
        }

        long first = Le.U32(pointers, slot * 4);
        long limit = Math.Min(maxCount, slotEnd - slot);
        long count = 1;
        while (count < limit && Le.U32(pointers, (slot + (int)count) * 4) == (first == 0 ? 0 : first + count))
        {
            count++;
        }

        if (first == 0)
        {
            return new BlockRun(logical, 0, count, BlockRunKind.Hole);
        }

        if (!volume.IsValid(first, count))
        {
            throw ExtErrors.Mapping(inode.Number, "a block number is out of range");
        }

        return new BlockRun(logical, first, count, BlockRunKind.Data);
    }

    /// <inheritdoc/>
    public override long Goal(long logical)
    {
        if (logical == 0)
        {
            return 0;
        }

        BlockRun before = Find(logical - 1, 1);
        return before.Kind == BlockRunKind.Hole ? 0 : before.Physical + 1;
    }

    /// <summary>Blocks that one pointer of a level covers: 1 at level 0.</summary>
    private long Span(int level) => level switch
    {
        0 => 1,
        1 => _perBlock,
        2 => (long)_perBlock * _perBlock,
        _ => (long)_perBlock * _perBlock * _perBlock,
    };

    /// <summary>The slot in the inode for a logical block, the level of its tree, and the block's place in that tree.</summary>
    private int Locate(long logical, out int level, out long inTree, out int slotEnd)
    {
        slotEnd = DirectCount;
        level = 0;
        inTree = logical;
        if (logical < DirectCount)
        {
            return (int)logical;
        }

        inTree -= DirectCount;
        for (level = 1; level < 3 && inTree >= Span(level); level++)
        {
            inTree -= Span(level);
        }

        return DirectCount + level - 1;
    }

    private CachedBlock Pointers(long block) => volume.IsValid(block, 1)
        ? volume.Cache.Get(block)
        : throw ExtErrors.Mapping(inode.Number, "the number of an indirect block is out of range");
}
