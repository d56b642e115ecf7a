using V2V.FileSystems.Xfs.Allocation;

namespace V2V.FileSystems.Xfs.Btrees;

/// <summary>A tree whose blocks come from the free list of its group: free space and reverse map.</summary>
internal abstract class FreeListTree(AllocationGroup group) : AgBtree(group)
{
    protected override uint AllocateBlock()
    {
        uint block = Group.TakeFromFreeList();
        Group.Agf.TreeBlocks++;
        return block;
    }

    protected override void FreeBlock(uint block)
    {
        Group.Agf.TreeBlocks--;
        Group.PutOnFreeList(block);
    }
}

/// <summary>A run of free blocks: first block (32 bits) and length (32 bits), sorted by the one or by the other.</summary>
internal sealed class FreeSpaceTree(AllocationGroup group, bool bySize) : FreeListTree(group)
{
    public (uint Start, uint Count) CurrentRun => (Be.U32(Current, 0), Be.U32(Current, 4));

    protected override uint Magic => (bySize, Group.Super.IsV5) switch
    {
        (false, false) => 0x41425442,
        (false, true) => 0x41423342,
        (true, false) => 0x41425443,
        (true, true) => 0x41423343,
    };

    protected override string Name => bySize ? "free space by size" : "free space by block";

    protected override int RecordSize => 8;

    protected override int KeySize => 8;

    protected override (uint Root, uint Levels) Root
    {
        get => Group.Agf.GetTree(bySize ? 1 : 0);
        set => Group.Agf.SetTree(bySize ? 1 : 0, value.Root, value.Levels);
    }

    public BtreeKey Key(uint start, uint count) => bySize ? new BtreeKey(count, start) : new BtreeKey(start);

    public void Insert(uint start, uint count)
    {
        Span<byte> record = stackalloc byte[8];
        Be.Set32(record, 0, start);
        Be.Set32(record, 4, count);
        Insert(record);
    }

    /// <summary>Changes the run at the cursor, which must keep its place in the order.</summary>
    public void Update(uint start, uint count)
    {
        Span<byte> record = stackalloc byte[8];
        Be.Set32(record, 0, start);
        Be.Set32(record, 4, count);
        Update(record);
    }

    protected override BtreeKey KeyOf(ReadOnlySpan<byte> record) => Key(Be.U32(record, 0), Be.U32(record, 4));

    protected override BtreeKey KeyOfNode(ReadOnlySpan<byte> key) => KeyOf(key);

    protected override void StoreKey(ReadOnlySpan<byte> record, Span<byte> key) => record.CopyTo(key);
}

/// <summary>A chunk of 64 inodes: which exist (a sparse chunk has holes of 4) and which are free.</summary>
/// <param name="First">First inode, within the group.</param>
/// <param name="Holes">Bit n: inodes 4n to 4n+3 do not exist.</param>
/// <param name="FreeCount">Free inodes that exist.</param>
/// <param name="Free">Bit n: inode n is free or does not exist.</param>
internal readonly record struct InodeChunk(uint First, ushort Holes, uint FreeCount, ulong Free)
{
    public const int Inodes = 64;

    /// <summary>Bit n: inode n exists.</summary>
    public ulong Existing
    {
        get
        {
            ulong mask = 0;
            for (int i = 0; i < 16; i++)
            {
                mask |= ((Holes >> i) & 1) == 0 ? 0xFUL << (i * 4) : 0;
            }

            return mask;
        }
    }
}

/// <summary>The inode tree (every chunk), or the free inode tree (chunks with a free inode).</summary>
internal sealed class InodeTree(AllocationGroup group, bool freeOnly) : AgBtree(group)
{
    private const int Size = 16;

    public InodeChunk CurrentChunk
    {
        get
        {
            ReadOnlySpan<byte> record = Current;
            return Group.Super.HasSparseInodes
                ? new InodeChunk(Be.U32(record, 0), Be.U16(record, 4), record[7], Be.U64(record, 8))
                : new InodeChunk(Be.U32(record, 0), 0, Be.U32(record, 4), Be.U64(record, 8));
        }
    }

    protected override uint Magic => (freeOnly, Group.Super.IsV5) switch
    {
        (false, false) => 0x49414254,
        (false, true) => 0x49414233,
        (true, false) => 0x46494254,
        (true, true) => 0x46494233,
    };

    protected override string Name => freeOnly ? "free inode" : "inode";

    protected override int RecordSize => Size;

    protected override int KeySize => 4;

    protected override (uint Root, uint Levels) Root
    {
        get => Group.Agi.GetTree(freeOnly ? 1 : 0);
        set => Group.Agi.SetTree(freeOnly ? 1 : 0, value.Root, value.Levels);
    }

    public void Insert(InodeChunk chunk)
    {
        Span<byte> record = stackalloc byte[Size];
        Store(chunk, record);
        Insert(record);
    }

    public void Update(InodeChunk chunk)
    {
        Span<byte> record = stackalloc byte[Size];
        Store(chunk, record);
        Update(record);
    }

    protected override BtreeKey KeyOf(ReadOnlySpan<byte> record) => new(Be.U32(record, 0));

    protected override BtreeKey KeyOfNode(ReadOnlySpan<byte> key) => new(Be.U32(key, 0));

    protected override void StoreKey(ReadOnlySpan<byte> record, Span<byte> key) => record[..4].CopyTo(key);

    protected override uint AllocateBlock()
    {
        uint block = Group.AllocateForTree(RmapOwner.InodeTree);
        CountBlocks(1);
        return block;
    }

    protected override void FreeBlock(uint block)
    {
        Group.Free(block, 1, RmapOwner.InodeTree);
        CountBlocks(-1);
    }

    private void Store(InodeChunk chunk, Span<byte> record)
    {
        Be.Set32(record, 0, chunk.First);
        if (Group.Super.HasSparseInodes)
        {
            Be.Set16(record, 4, chunk.Holes);
            record[6] = (byte)System.Numerics.BitOperations.PopCount(chunk.Existing);
            record[7] = (byte)chunk.FreeCount;
        }
        else
        {
            Be.Set32(record, 4, chunk.FreeCount);
        }

        Be.Set64(record, 8, chunk.Free);
    }

    private void CountBlocks(int change)
    {
        if (!Group.Super.HasInodeTreeCounters)
        {
            return;
        }

        if (freeOnly)
        {
            Group.Agi.FreeTreeBlocks += (uint)change;
        }
        else
        {
            Group.Agi.TreeBlocks += (uint)change;
        }
    }
}
