namespace V2V.FileSystems.Xfs.Log;

/// <summary>Searches of the ring, many blocks to a read.</summary>
internal sealed class LogSearch(LogBlocks log)
{
    private readonly byte[] _buffer = new byte[LogBlocks.Step * LogBlocks.BlockSize];

    /// <summary>The first block of a range with a cycle, or -1.</summary>
    public int FindCycle(int start, int count, uint cycle)
    {
        int end = start + count;
        for (int at = start; at < end; at += LogBlocks.Step)
        {
            int step = Math.Min(LogBlocks.Step, end - at);
            log.Read(at, _buffer.AsSpan(0, step * LogBlocks.BlockSize));
            for (int i = 0; i < step; i++)
            {
                if (LogBlocks.CycleOf(_buffer.AsSpan(i * LogBlocks.BlockSize)) == cycle)
                {
                    return at + i;
                }
            }
        }

        return -1;
    }

    /// <summary>Halves a range until one block of another cycle and one of the cycle meet; the latter is returned.</summary>
    public int FindCycleStart(int first, int last, uint cycle)
    {
        int middle = (first + last) >> 1;
        while (middle != first && middle != last)
        {
            if (log.ReadCycle(middle) == cycle)
            {
                last = middle;
            }
            else
            {
                first = middle;
            }

            middle = (first + last) >> 1;
        }

        return last;
    }

    /// <summary>The last block before <paramref name="end"/> and not before <paramref name="start"/> that heads a record, or -1.</summary>
    public int FindHeaderBefore(int end, int start)
    {
        while (end > start)
        {
            int step = Math.Min(LogBlocks.Step, end - start);
            log.Read(end - step, _buffer.AsSpan(0, step * LogBlocks.BlockSize));
            for (int i = step - 1; i >= 0; i--)
            {
                if (RecordHeader.HasMagic(_buffer.AsSpan(i * LogBlocks.BlockSize)))
                {
                    return end - step + i;
                }
            }

            end -= step;
        }

        return -1;
    }

    /// <summary>The first block from <paramref name="start"/> and before <paramref name="end"/> that heads a record, or -1.</summary>
    public int FindHeaderFrom(int start, int end)
    {
        while (start < end)
        {
            int step = Math.Min(LogBlocks.Step, end - start);
            log.Read(start, _buffer.AsSpan(0, step * LogBlocks.BlockSize));
            for (int i = 0; i < step; i++)
            {
                if (RecordHeader.HasMagic(_buffer.AsSpan(i * LogBlocks.BlockSize)))
                {
                    return start + i;
                }
            }

            start += step;
        }

        return -1;
    }

    /// <summary>Goes back from <paramref name="head"/> over up to <paramref name="count"/> headers, not beyond <paramref name="tail"/> (the whole ring if they are the same).</summary>
    /// <returns>The last header found, and whether the end of the ring lies between; -1 if none was found.</returns>
    public (int Block, bool Wrapped) Backward(int head, int tail, int count)
    {
        int found = -1;
        int limit = head > tail ? tail : 0;
        int at = head;
        while (count > 0 && (at = FindHeaderBefore(at, limit)) >= 0)
        {
            found = at;
            count--;
        }

        bool wrapped = false;
        at = log.Count;
        while (tail >= head && count > 0 && (at = FindHeaderBefore(at, tail)) >= 0)
        {
            found = at;
            wrapped = true;
            count--;
        }

        return (found, wrapped);
    }

    /// <summary>The first header at or after a block and before <paramref name="head"/>, or -1.</summary>
    public int Forward(int from, int head)
    {
        if (head > from)
        {
            return FindHeaderFrom(from, head);
        }

        int found = FindHeaderFrom(from, log.Count);
        return found >= 0 ? found : FindHeaderFrom(0, head);
    }
}
