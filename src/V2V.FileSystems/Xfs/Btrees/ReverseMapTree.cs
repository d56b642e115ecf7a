using V2V.FileSystems.Xfs.Allocation;

namespace V2V.FileSystems.Xfs.Btrees;

/// <summary>Owners of blocks that are no inodes.</summary>
internal static class RmapOwner
{
    /// <summary>Nobody: the tree is not told.</summary>
    public const ulong None = ulong.MaxValue;

    /// <summary>Free space and reverse map trees and the free list.</summary>
    public const ulong Group = unchecked((ulong)-5);

    public const ulong InodeTree = unchecked((ulong)-6);

    public const ulong Inodes = unchecked((ulong)-7);

    public const ulong Refcount = unchecked((ulong)-8);

    /// <summary>Space set aside for a copy-on-write that is under way.</summary>
    public const ulong CopyOnWrite = unchecked((ulong)-9);

    /// <summary>True for an inode number.</summary>
    public static bool IsInode(ulong owner) => owner >> 63 == 0;
}

/// <summary>Who owns blocks, and what for.</summary>
/// <param name="Owner">An inode, or one of <see cref="RmapOwner"/>.</param>
/// <param name="Offset">First file block; 0 for block map blocks and for owners that are no inodes.</param>
/// <param name="Attribute">They belong to the attribute fork.</param>
/// <param name="TreeBlock">They are blocks of the inode's block map.</param>
/// <param name="Unwritten">They are allocated but not written.</param>
internal readonly record struct BlockUse(ulong Owner, ulong Offset = 0, bool Attribute = false, bool TreeBlock = false, bool Unwritten = false)
{
    private const ulong AttributeBit = 1UL << 63;
    private const ulong TreeBit = 1UL << 62;
    private const ulong UnwrittenBit = 1UL << 61;
    private const ulong OffsetMask = (1UL << 54) - 1;

    /// <summary>True if file blocks go along with volume blocks.</summary>
    public bool HasOffset => RmapOwner.IsInode(Owner) && !TreeBlock;

    /// <summary>The stored form of offset and flags.</summary>
    public ulong Packed => (Attribute ? AttributeBit : 0) | (TreeBlock ? TreeBit : 0) | (Unwritten ? UnwrittenBit : 0) | Offset;

    /// <summary>The part of the stored form that sorts.</summary>
    public ulong SortKey => Packed & ~UnwrittenBit;

    public static ulong ToSortKey(ulong packed) => packed & ~UnwrittenBit;

    public static BlockUse Unpack(ulong owner, ulong packed) =>
        new(owner, packed & OffsetMask, (packed & AttributeBit) != 0, (packed & TreeBit) != 0, (packed & UnwrittenBit) != 0);

    /// <summary>The use of the block <paramref name="blocks"/> further on.</summary>
    public BlockUse Advance(long blocks) => HasOffset ? this with { Offset = Offset + (ulong)blocks } : this;
}

/// <summary>
/// The reverse map: every used run of blocks of a group with its owner ("Reverse-Mapping B+tree" of the XFS documentation). Runs of
/// one owner that continue each other are one record, as the kernel keeps them.
/// </summary>
internal sealed class ReverseMapTree(AllocationGroup group) : FreeListTree(group)
{
    private const int Size = 24;

    protected override uint Magic => 0x524D4233;

    protected override string Name => "reverse map";

    protected override int RecordSize => Size;

    protected override int KeySize => 20;

    protected override bool Overlaps => true;

    protected override (uint Root, uint Levels) Root
    {
        get => Group.Agf.GetTree(2);
        set => Group.Agf.SetTree(2, value.Root, value.Levels);
    }

    /// <summary>Notes the use of blocks that nobody (or, if shared, somebody else) used.</summary>
    public void Map(uint start, uint count, BlockUse use)
    {
        var whole = new Record(start, count, use);
        if (start > 0 && Find(start - 1, use.Advance(-1), precise: true) is { } left && left.End == start)
        {
            Remove(left);
            whole = whole with { Start = left.Start, Count = left.Count + whole.Count, Use = left.Use };
        }

        if (SeekExact(start + count, use.Advance(count)) is { } right)
        {
            Remove(right);
            whole = whole with { Count = whole.Count + right.Count };
        }

        Add(whole);
    }

    /// <summary>Notes that blocks are not used any more in this way.</summary>
    public void Unmap(uint start, uint count, BlockUse use)
    {
        for (uint end = start + count; start < end;)
        {
            if (Find(start, use, precise: false) is not { } record)
            {
                throw XfsErrors.Group(Group.Number, FormattableString.Invariant($"the reverse map does not know the owner {use.Owner:x} of block {start}"));
            }

            uint length = Math.Min(end, record.End) - start;
            Remove(record);
            if (record.Start < start)
            {
                Add(record with { Count = start - record.Start });
            }

            if (record.End > start + length)
            {
                uint skipped = start + length - record.Start;
                Add(new Record(start + length, record.Count - skipped, record.Use.Advance(skipped)));
            }

            start += length;
            use = use.Advance(length);
        }
    }

    /// <summary>Every use of the blocks of a run, cut to the run.</summary>
    public List<(uint Start, uint Count, BlockUse Use)> UsesOf(uint start, uint count)
    {
        var uses = new List<(uint Start, uint Count, BlockUse Use)>();
        VisitOverlapping(new BtreeKey(start), new BtreeKey(start + count - 1, ulong.MaxValue, ulong.MaxValue), raw =>
        {
            Record record = Read(raw);
            uint from = Math.Max(start, record.Start);
            uint end = Math.Min(start + count, record.End);
            if (from < end)
            {
                uses.Add((from, end - from, record.Use.Advance(from - record.Start)));
            }
        });
        return uses;
    }

    protected override BtreeKey KeyOf(ReadOnlySpan<byte> record) =>
        new(Be.U32(record, 0), Be.U64(record, 8), BlockUse.ToSortKey(Be.U64(record, 16)));

    protected override BtreeKey KeyOfNode(ReadOnlySpan<byte> key) =>
        new(Be.U32(key, 0), Be.U64(key, 4), BlockUse.ToSortKey(Be.U64(key, 12)));

    protected override void StoreKey(ReadOnlySpan<byte> record, Span<byte> key)
    {
        record[..4].CopyTo(key);
        record[8..16].CopyTo(key[4..]);
        Be.Set64(key, 12, BlockUse.ToSortKey(Be.U64(record, 16)));
    }

    protected override void StoreHighKey(ReadOnlySpan<byte> record, Span<byte> key)
    {
        Record whole = Read(record);
        Be.Set32(key, 0, whole.End - 1);
        Be.Set64(key, 4, whole.Use.Owner);
        Be.Set64(key, 12, whole.Use.Advance(whole.Count - 1).SortKey);
    }

    private static Record Read(ReadOnlySpan<byte> record) =>
        new(Be.U32(record, 0), Be.U32(record, 4), BlockUse.Unpack(Be.U64(record, 8), Be.U64(record, 16)));

    private static BtreeKey KeyOf(Record record) => new(record.Start, record.Use.Owner, record.Use.SortKey);

    /// <summary>The record that covers a block with this use.</summary>
    /// <param name="block">Block of the group.</param>
    /// <param name="use">How it is used.</param>
    /// <param name="precise">True if the block must be written or unwritten as <paramref name="use"/> says.</param>
    private Record? Find(uint block, BlockUse use, bool precise)
    {
        if (SeekAtMost(new BtreeKey(block, use.Owner, use.SortKey)))
        {
            Record record = Read(Current);
            if (Covers(record, block, use, precise))
            {
                return record;
            }
        }

        if (!Group.Super.HasReflink)
        {
            return null;
        }

        Record? found = null;
        VisitOverlapping(new BtreeKey(block), new BtreeKey(block, ulong.MaxValue, ulong.MaxValue), raw =>
        {
            Record record = Read(raw);
            if (Covers(record, block, use, precise))
            {
                found = record;
            }
        });
        return found;
    }

    private static bool Covers(Record record, uint block, BlockUse use, bool precise)
    {
        if (block < record.Start || block >= record.End)
        {
            return false;
        }

        BlockUse there = record.Use.Advance(block - record.Start);
        return precise ? there == use : there with { Unwritten = use.Unwritten } == use;
    }

    private Record? SeekExact(uint start, BlockUse use)
    {
        if (Seek(new BtreeKey(start, use.Owner, use.SortKey)))
        {
            Record record = Read(Current);
            return record.Use == use ? record : null;
        }

        return null;
    }

    private void Remove(Record record)
    {
        if (!Seek(KeyOf(record)))
        {
            throw XfsErrors.Group(Group.Number, "the reverse map is out of order");
        }

        Delete();
    }

    private void Add(Record record)
    {
        Span<byte> raw = stackalloc byte[Size];
        Be.Set32(raw, 0, record.Start);
        Be.Set32(raw, 4, record.Count);
        Be.Set64(raw, 8, record.Use.Owner);
        Be.Set64(raw, 16, record.Use.Packed);
        Insert(raw);
    }

    protected override uint AllocateBlock()
    {
        Group.Agf.ReverseMapBlocks++;
        return base.AllocateBlock();
    }

    protected override void FreeBlock(uint block)
    {
        Group.Agf.ReverseMapBlocks--;
        base.FreeBlock(block);
    }

    private readonly record struct Record(uint Start, uint Count, BlockUse Use)
    {
        public uint End => Start + Count;
    }
}
