using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>A transaction that was open at some time.</summary>
internal sealed record LogTransaction
{
    public ulong First { get; init; }

    public ulong UndoNext { get; set; }

    public bool IsCommitted { get; set; }
}

/// <summary>
/// The analysis pass: from the last checkpoint to the end of the log, which clusters may hold older bytes than the log knows, which attributes were
/// open and which transactions had not ended.
/// </summary>
internal sealed class LogAnalysis
{
    private const uint Allocated = 0xFFFFFFFF;
    private const int TableHeader = 24;
    private const int MaxEntries = 1 << 20;

    private readonly LogReader _reader;
    private readonly bool _isOld;

    /// <param name="reader">The log.</param>
    /// <param name="restart">The restart record of NTFS.</param>
    public LogAnalysis(LogReader reader, LogRecord restart)
    {
        _reader = reader;
        ReadOnlySpan<byte> area = restart.Client;
        if (area.Length < 64)
        {
            throw LogFile.Unusable("its checkpoint is too short");
        }

        _isOld = ReadUInt32LittleEndian(area) == 0;
        ReadTransactions(Table(area, 0x28, 0x3C));
        ReadDirtyPages(Table(area, 0x20, 0x38));
        ReadAttributes(Table(area, 0x10, 0x30));
        ulong start = ReadUInt64LittleEndian(area[8..]);
        Walk(start == 0 ? restart : reader.TryRead(start) ?? throw LogFile.Unusable("the record at its checkpoint is missing"));
    }

    /// <summary>Clusters of the volume, and the first record whose change may not be in them.</summary>
    public Dictionary<long, ulong> Dirty { get; } = [];

    /// <summary>Types of the open attributes, by their place in the table.</summary>
    public Dictionary<int, uint> AttributeTypes { get; } = [];

    /// <summary>Transactions that had not ended, by their place in the table.</summary>
    public Dictionary<uint, LogTransaction> Transactions { get; } = [];

    /// <summary>The first record after the checkpoint, or null.</summary>
    public LogRecord? FirstRecord { get; private set; }

    /// <summary>The last record of the log.</summary>
    public ulong Last { get; private set; }

    /// <summary>Where the redo pass begins.</summary>
    public ulong RedoStart
    {
        get
        {
            ulong start = FirstRecord?.Lsn ?? ulong.MaxValue;
            start = Dirty.Values.Aggregate(start, (least, lsn) => lsn == 0 ? least : Math.Min(least, lsn));
            return Transactions.Values.Aggregate(start, (least, t) => t.First == 0 ? least : Math.Min(least, t.First));
        }
    }

    private void Walk(LogRecord checkpoint)
    {
        Last = checkpoint.Lsn;
        for (LogRecord? record = _reader.TryReadNext(checkpoint); record is not null; record = _reader.TryReadNext(record))
        {
            FirstRecord ??= record;
            Last = record.Lsn;
            if (record.IsChange)
            {
                Note(record.IsSound ? record : throw LogFile.Unusable("a record contradicts itself"));
            }
        }
    }

    private void Note(LogRecord record)
    {
        if (!Transactions.TryGetValue(record.Transaction, out LogTransaction? transaction))
        {
            if (Transactions.Count > MaxEntries)
            {
                throw LogFile.Unusable("it has too many transactions");
            }

            Transactions.Add(record.Transaction, transaction = new LogTransaction { First = record.Lsn });
        }

        transaction.UndoNext = record.Undo == LogOperation.Compensation ? record.UndoNext : record.Lsn;
        switch (record.Redo)
        {
            case LogOperation.DeleteDirtyClusters:
                Forget(record.RedoData);
                break;
            case LogOperation.OpenAttribute:
                ReadAttribute(record.Attribute, record.RedoData);
                break;
            case LogOperation.HotFix:
                throw LogFile.Unusable("a bad cluster was replaced");
            case LogOperation.EndTopLevelAction:
                transaction.UndoNext = record.UndoNext;
                break;
            case LogOperation.PrepareTransaction:
                throw LogFile.Unusable("a transaction is prepared and waits for another volume");
            case LogOperation.CommitTransaction:
                transaction.IsCommitted = true;
                break;
            case LogOperation.ForgetTransaction:
                Transactions.Remove(record.Transaction);
                break;
            default:
                if (LogActions.IsChange(record.Redo))
                {
                    for (int i = 0; i < record.ClusterCount; i++)
                    {
                        if (record.Cluster(i) != 0)
                        {
                            Dirty.TryAdd(record.Cluster(i), record.Lsn);
                        }
                    }
                }

                break;
        }
    }

    /// <summary>Clusters were freed: what was to be written there no longer matters.</summary>
    private void Forget(ReadOnlySpan<byte> ranges)
    {
        for (; ranges.Length >= 16; ranges = ranges[16..])
        {
            long first = ReadInt64LittleEndian(ranges), count = ReadInt64LittleEndian(ranges[8..]);
            if (first < 0 || count < 0 || count > long.MaxValue - first)
            {
                throw LogFile.Unusable("freed clusters lie outside the volume");
            }

            if (count < Dirty.Count)
            {
                for (long lcn = first; lcn < first + count; lcn++)
                {
                    Dirty.Remove(lcn);
                }
            }
            else
            {
                foreach (long lcn in Dirty.Keys.Where(lcn => lcn >= first && lcn - first < count).ToArray())
                {
                    Dirty.Remove(lcn);
                }
            }
        }
    }

    /// <summary>A table of the checkpoint, which a record of its own holds; empty if there is none.</summary>
    private byte[] Table(ReadOnlySpan<byte> area, int lsnField, int lengthField)
    {
        if (ReadUInt32LittleEndian(area[lengthField..]) == 0)
        {
            return [];
        }

        LogRecord record = _reader.TryRead(ReadUInt64LittleEndian(area[lsnField..])) ?? throw LogFile.Unusable("a table of its checkpoint is missing");
        if (!record.IsSound)
        {
            throw LogFile.Unusable("a table of its checkpoint contradicts itself");
        }

        // The length in the record has 16 bits; a table may be longer.
        return record.Client[ReadUInt16LittleEndian(record.Client[4..])..].ToArray();
    }

    /// <summary>The entries of a table that are in use, with their places.</summary>
    private static IEnumerable<(int Place, ReadOnlyMemory<byte> Entry)> Entries(byte[] table, int least)
    {
        if (table.Length == 0)
        {
            yield break;
        }

        int size = table.Length < TableHeader ? 0 : ReadUInt16LittleEndian(table), count = size == 0 ? 0 : ReadUInt16LittleEndian(table.AsSpan(2));
        if (size < least || TableHeader + ((long)size * count) > table.Length)
        {
            throw LogFile.Unusable("a table of its checkpoint is damaged");
        }

        for (int i = 0; i < count; i++)
        {
            int place = TableHeader + (i * size);
            if (ReadUInt32LittleEndian(table.AsSpan(place)) == Allocated)
            {
                yield return (place, table.AsMemory(place, size));
            }
        }
    }

    private void ReadTransactions(byte[] table)
    {
        foreach ((int place, ReadOnlyMemory<byte> entry) in Entries(table, 40))
        {
            ReadOnlySpan<byte> bytes = entry.Span;
            const int NotYetUsed = 0, Active = 1, Committed = 3;
            if (bytes[4] == NotYetUsed)
            {
                continue;
            }

            Transactions[(uint)place] = bytes[4] switch
            {
                Active or Committed => new LogTransaction { First = ReadUInt64LittleEndian(bytes[8..]), UndoNext = ReadUInt64LittleEndian(bytes[24..]), IsCommitted = bytes[4] == Committed },
                _ => throw LogFile.Unusable("a transaction is prepared and waits for another volume"),
            };
        }
    }

    private void ReadDirtyPages(byte[] table)
    {
        int lsn = _isOld ? 0x1C : 0x18, clusters = _isOld ? 0x24 : 0x20;
        foreach ((_, ReadOnlyMemory<byte> entry) in Entries(table, clusters))
        {
            ReadOnlySpan<byte> bytes = entry.Span;
            uint count = ReadUInt32LittleEndian(bytes[12..]);
            if (clusters + ((long)count * 8) > bytes.Length)
            {
                throw LogFile.Unusable("its table of dirty pages is damaged");
            }

            for (int i = 0; i < count; i++)
            {
                long lcn = ReadInt64LittleEndian(bytes[(clusters + (i * 8))..]);
                ulong oldest = ReadUInt64LittleEndian(bytes[lsn..]);
                if (lcn != 0)
                {
                    Dirty[lcn] = Dirty.TryGetValue(lcn, out ulong other) ? Math.Min(other, oldest) : oldest;
                }
            }
        }
    }

    private void ReadAttributes(byte[] table)
    {
        foreach ((int place, ReadOnlyMemory<byte> entry) in Entries(table, 40))
        {
            ReadAttribute(place, entry.Span);
        }
    }

    private void ReadAttribute(int place, ReadOnlySpan<byte> entry)
    {
        int field = _isOld ? 0x1C : 8;
        AttributeTypes[place] = field + 4 <= entry.Length ? ReadUInt32LittleEndian(entry[field..]) : throw LogFile.Unusable("an open attribute is described too shortly");
    }
}
