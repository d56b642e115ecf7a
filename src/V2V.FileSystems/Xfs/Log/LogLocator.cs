namespace V2V.FileSystems.Xfs.Log;

/// <summary>
/// Finds head and tail of the log. The head is where the cycle numbers drop by one; what of the last writes did not reach the disk
/// as a whole is left out, as the kernel leaves it out: holes in the cycle numbers, incomplete records, and, among the last eight records,
/// the first wrong checksum and all after it.
/// </summary>
internal sealed class LogLocator(LogBlocks log)
{
    private const byte UnmountFlag = 0x20;
    private readonly LogSearch _search = new(log);
    private readonly RecordReader _reader = new(log);

    /// <summary>Finds head and tail.</summary>
    /// <param name="verify">False if it is enough to know whether the log is clean: checksums are not looked at.</param>
    public LogPosition Locate(bool verify)
    {
        int head = FindHead();
        if (head == 0 && log.ReadCycle(0) == 0)
        {
            return new LogPosition(0, 1, 0, 0, IsClean: true);
        }

        (int last, bool wrapped) = _search.Backward(head, head, 1);
        if (last < 0)
        {
            throw LogErrors.Corrupt($"it holds no record");
        }

        LogPosition position = Describe(head, last, wrapped);
        if (position.IsClean || !verify)
        {
            return position;
        }

        position = TrimHead(position);
        return position.IsClean ? position : position with { Tail = TrimTail(position) };
    }

    private LogPosition Describe(int head, int last, bool wrapped)
    {
        RecordHeader header = ReadHeader(last);
        uint cycle = header.Cycle + (wrapped ? 1u : 0);
        bool clean = false;
        int content = header.HeaderBlocks(log);
        if (header.Operations == 1 && header.Length > 0 && head == log.Wrap((long)last + content + header.ContentBlocks))
        {
            Span<byte> block = stackalloc byte[LogBlocks.BlockSize];
            log.Read(log.Wrap(last + content), block);
            clean = (block[9] & UnmountFlag) != 0;
        }

        int tail = clean ? head : (int)Math.Min((uint)header.TailLsn, int.MaxValue);
        if (tail >= log.Count)
        {
            throw LogErrors.Corrupt($"its tail at block {tail} lies outside it");
        }

        return new LogPosition(head, cycle, tail, last, clean);
    }

    private RecordHeader ReadHeader(int block)
    {
        Span<byte> raw = stackalloc byte[LogBlocks.BlockSize];
        log.Read(block, raw);
        ReadOnlySpan<byte> uuid = raw.Slice(RecordHeader.UuidOffset, 16);
        if (uuid.ContainsAnyExcept((byte)0) && !uuid.SequenceEqual(log.Uuid))
        {
            throw LogErrors.Corrupt($"the record at block {block} belongs to another file system");
        }

        return RecordHeader.Read(raw);
    }

    private int FindHead()
    {
        uint first = log.ReadCycle(0);
        if (first == 0)
        {
            return 0;
        }

        uint last = log.ReadCycle(log.Count - 1);
        if (last == 0)
        {
            return FindHeadBeforeZeroes();
        }

        int head = first == last ? log.Count : _search.FindCycleStart(0, log.Count - 1, last);
        uint stop = first == last ? last - 1 : last;
        head = FindHole(head, stop);
        head = BackOverPartialRecord(head);
        return head == log.Count ? 0 : head;
    }

    /// <summary>The head of a log that has not gone round yet: the blocks after it are still zero.</summary>
    private int FindHeadBeforeZeroes()
    {
        int head = _search.FindCycleStart(0, log.Count - 1, 0);
        int scan = Math.Min(head, log.MaximumInFlight);
        int start = head - scan;
        int hole = _search.FindCycle(start, scan, 0);
        head = hole >= 0 ? hole : head;
        int found = LastRecordBefore(head, start, 0, out int cut);
        return found >= 0 ? cut : throw LogErrors.Corrupt($"no record precedes block {head}");
    }

    /// <summary>Looks for blocks before the head that later writes have overtaken.</summary>
    private int FindHole(int head, uint stop)
    {
        int scan = Math.Min(log.Count, log.MaximumInFlight);
        if (head >= scan)
        {
            int hole = _search.FindCycle(head - scan, scan, stop);
            return hole >= 0 ? hole : head;
        }

        int atEnd = _search.FindCycle(log.Count - (scan - head), scan - head, stop - 1);
        if (atEnd >= 0)
        {
            return atEnd;
        }

        int atStart = _search.FindCycle(0, head, stop);
        return atStart >= 0 ? atStart : head;
    }

    /// <summary>Puts the head at the start of the last record if that is not complete.</summary>
    private int BackOverPartialRecord(int head)
    {
        int scan = Math.Min(log.Count, log.MaximumRecord);
        int start = Math.Max(0, head - scan);
        if (LastRecordBefore(head, start, 0, out int cut) >= 0)
        {
            return cut;
        }

        // The record began before the end of the ring.
        if (start > 0 || LastRecordBefore(log.Count, log.Count - (scan - head), head, out cut) < 0)
        {
            throw LogErrors.Corrupt($"no record precedes block {head}");
        }

        return cut == log.Count ? head : cut;
    }

    /// <param name="end">Where the record should end, together with <paramref name="beyond"/> further blocks.</param>
    /// <param name="start">Where to stop the search.</param>
    /// <param name="beyond">Blocks that follow at the start of the ring.</param>
    /// <param name="cut"><paramref name="end"/> if the record is complete, otherwise its first block.</param>
    private int LastRecordBefore(int end, int start, int beyond, out int cut)
    {
        int found = _search.FindHeaderBefore(end, start);
        cut = end;
        if (found >= 0)
        {
            RecordHeader header = ReadHeader(found);
            if (end - found + beyond != header.ContentBlocks + header.HeaderBlocks(log))
            {
                cut = found;
            }
        }

        return found;
    }

    /// <summary>Cuts the log off at the first wrong checksum among the last records that can have been written at the same time.</summary>
    private LogPosition TrimHead(LogPosition position)
    {
        (int from, _) = _search.Backward(position.Head, position.Tail, 8);
        if (from < 0)
        {
            throw LogErrors.Corrupt($"its last record lies outside its active part");
        }

        if (FindBad(from, position.Head) is not int bad)
        {
            return position;
        }

        (int last, bool wrapped) = _search.Backward(bad, position.Tail, 1);
        if (last < 0)
        {
            throw LogErrors.Corrupt($"its last records are all incomplete");
        }

        LogPosition trimmed = Describe(bad, last, wrapped);
        return trimmed.IsClean || trimmed.Head != trimmed.Tail ? trimmed : throw LogErrors.Corrupt($"a record in its middle has a wrong checksum");
    }

    /// <summary>
    /// Checks everything from the tail on. A record at the very tail may have been overwritten by one that was cut off at the head:
    /// the tail had moved on then, and only the word of it was lost.
    /// </summary>
    private int TrimTail(LogPosition position)
    {
        int reach = 8 * Math.Max(ReadHeader(position.LastRecord).Size, RecordHeader.CycleSpan) / LogBlocks.BlockSize;
        int tail = _search.Forward(position.Tail, position.Head);
        while (tail >= 0)
        {
            if (FindBad(tail, position.Head) is not int bad)
            {
                return tail;
            }

            if (log.Distance(position.Head, bad) > reach)
            {
                break;
            }

            int next = log.Wrap((long)bad + 1);
            tail = next == position.Head ? -1 : _search.Forward(next, position.Head);
        }

        throw LogErrors.Corrupt($"a record in its middle has a wrong checksum");
    }

    /// <summary>The first record that is not whole or has a wrong checksum, or null.</summary>
    private int? FindBad(int from, int to)
    {
        _reader.Start(from, to);
        while (_reader.HasMore)
        {
            if (!_reader.TryNext() || !_reader.HasValidChecksum(required: false))
            {
                return _reader.Block;
            }
        }

        return null;
    }
}
