using V2V.FileSystems.Xfs.Allocation;

namespace V2V.FileSystems.Xfs.Btrees;

/// <summary>
/// How many files share a run of blocks ("Reference Count B+tree" of the XFS documentation). Blocks that one file uses have no record.
/// Records with the high bit of the start set are space set aside for copy-on-write; they sort last and are left alone.
/// </summary>
internal sealed partial class RefcountTree(AllocationGroup group) : AgBtree(group)
{
    private const int Size = 12;
    private const uint CopyOnWriteBit = 1u << 31;

    protected override uint Magic => 0x52334643;

    protected override string Name => "reference count";

    protected override int RecordSize => Size;

    protected override int KeySize => 4;

    protected override (uint Root, uint Levels) Root
    {
        get => Group.Agf.GetTree(3);
        set => Group.Agf.SetTree(3, value.Root, value.Levels);
    }

    private Record CurrentRecord => new(Be.U32(Current, 0), Be.U32(Current, 4), Be.U32(Current, 8));

    /// <summary>How many of the blocks from <paramref name="start"/> on are all shared, or all not.</summary>
    public (uint Count, bool Shared) Classify(uint start, uint count)
    {
        if (SeekAtMost(new BtreeKey(start)) && CurrentRecord is var record && start < record.End)
        {
            return (Math.Min(count, record.End - start), true);
        }

        return SeekAtLeast(new BtreeKey(start)) && CurrentRecord.Start < start + count ? (CurrentRecord.Start - start, false) : (count, false);
    }

    /// <summary>Counts one user less; blocks that had only that one are handed to <paramref name="free"/>.</summary>
    public void Decrease(uint start, uint count, Action<uint, uint> free)
    {
        while (count > 0)
        {
            (uint length, bool shared) = Classify(start, count);
            if (shared)
            {
                SeekAtMost(new BtreeKey(start));
                Change(CurrentRecord, start, length, -1);
            }
            else
            {
                free(start, length);
            }

            start += length;
            count -= length;
        }
    }

    /// <summary>Counts one user more.</summary>
    public void Increase(uint start, uint count)
    {
        while (count > 0)
        {
            (uint length, bool shared) = Classify(start, count);
            if (shared)
            {
                SeekAtMost(new BtreeKey(start));
                Change(CurrentRecord, start, length, 1);
            }
            else
            {
                Add(new Record(start, length, 2));
                Merge(start);
                Merge(start + length);
            }

            start += length;
            count -= length;
        }
    }

    protected override BtreeKey KeyOf(ReadOnlySpan<byte> record) => new(Be.U32(record, 0));

    protected override BtreeKey KeyOfNode(ReadOnlySpan<byte> key) => new(Be.U32(key, 0));

    protected override void StoreKey(ReadOnlySpan<byte> record, Span<byte> key) => record[..4].CopyTo(key);

    protected override uint AllocateBlock()
    {
        Group.Agf.RefcountBlocks++;
        return Group.AllocateForTree(RmapOwner.Refcount);
    }

    protected override void FreeBlock(uint block)
    {
        Group.Agf.RefcountBlocks--;
        Group.Free(block, 1, RmapOwner.Refcount);
    }

    /// <summary>Changes the count of a part of the record at the cursor.</summary>
    private void Change(Record record, uint start, uint count, int change)
    {
        if ((record.Start & CopyOnWriteBit) != 0 || record.Count == 0 || record.Users < 2)
        {
            throw XfsErrors.Group(Group.Number, "the reference count tree is damaged: a record has no meaning");
        }

        Delete();
        if (record.Start < start)
        {
            Add(record with { Count = start - record.Start });
        }

        // The highest count stands for more than can be counted.
        uint users = record.Users == uint.MaxValue ? record.Users : (uint)(record.Users + change);
        if (users > 1)
        {
            Add(new Record(start, count, users));
        }

        uint end = start + count;
        if (record.End > end)
        {
            Add(record with { Start = end, Count = record.End - end });
        }

        Merge(start);
        Merge(end);
    }

    /// <summary>Joins the records that meet at a block if they count the same.</summary>
    private void Merge(uint at)
    {
        if (!Seek(new BtreeKey(at)))
        {
            return;
        }

        Record right = CurrentRecord;
        if (!Previous())
        {
            return;
        }

        Record left = CurrentRecord;
        if (left.End == at && left.Users == right.Users)
        {
            Span<byte> raw = stackalloc byte[Size];
            Store(left with { Count = left.Count + right.Count }, raw);
            Update(raw);
            Seek(new BtreeKey(at));
            Delete();
        }
    }

    private void Add(Record record)
    {
        Span<byte> raw = stackalloc byte[Size];
        Store(record, raw);
        Insert(raw);
    }

    private static void Store(Record record, Span<byte> raw)
    {
        Be.Set32(raw, 0, record.Start);
        Be.Set32(raw, 4, record.Count);
        Be.Set32(raw, 8, record.Users);
    }

    private readonly record struct Record(uint Start, uint Count, uint Users)
    {
        public uint End => Start + Count;
    }
}
