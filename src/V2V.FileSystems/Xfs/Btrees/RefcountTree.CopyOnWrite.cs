namespace V2V.FileSystems.Xfs.Btrees;

/// <summary>Space that was set aside for a copy-on-write: only the recovery after a crash meets it.</summary>
internal sealed partial class RefcountTree
{
    /// <summary>Notes that blocks are set aside.</summary>
    public void SetAside(uint start, uint count)
    {
        uint key = start | CopyOnWriteBit;
        Add(new Record(key, count, 1));
        Merge(key);
        Merge(key + count);
    }

    /// <summary>Notes that blocks are not set aside any more.</summary>
    public void Restore(uint start, uint count)
    {
        uint key = start | CopyOnWriteBit;
        for (uint end = key + count; key < end;)
        {
            Record record = SeekAtMost(new BtreeKey(key)) ? CurrentRecord : default;
            if (record.End <= key || (record.Start & CopyOnWriteBit) == 0)
            {
                throw XfsErrors.Group(Group.Number, "the reference count tree does not know space that was set aside");
            }

            uint stop = Math.Min(end, record.End);
            Delete();
            if (record.Start < key)
            {
                Add(record with { Count = key - record.Start });
            }

            if (record.End > stop)
            {
                Add(record with { Start = stop, Count = record.End - stop });
            }

            key = stop;
        }
    }

    /// <summary>Takes the first run that is set aside out of the tree; a count of 0 means that there is none.</summary>
    public (uint Start, uint Count) TakeSetAside()
    {
        if (!SeekAtLeast(new BtreeKey(CopyOnWriteBit)))
        {
            return default;
        }

        Record record = CurrentRecord;
        uint start = record.Start & ~CopyOnWriteBit;
        if (record.Count == 0 || start >= Group.Length || record.Count > Group.Length - start)
        {
            throw XfsErrors.Group(Group.Number, "the reference count tree is damaged: space outside the group is set aside");
        }

        Delete();
        return (start, record.Count);
    }
}
