namespace V2V.FileSystems.Btrfs.Allocation;

/// <summary>A set of ranges of addresses, kept ascending and merged.</summary>
internal sealed class FreeRanges
{
    private readonly List<(long Start, long End)> _ranges = [];

    /// <summary>The ranges, ascending.</summary>
    public IReadOnlyList<(long Start, long End)> All => _ranges;

    /// <summary>Bytes in all ranges.</summary>
    public long Total { get; private set; }

    /// <summary>Adds a range; what is there already stays.</summary>
    public void Add(long start, long end)
    {
        int first = FirstEndingAtOrAfter(start);
        int last = first;
        while (last < _ranges.Count && _ranges[last].Start <= end)
        {
            start = Math.Min(start, _ranges[last].Start);
            end = Math.Max(end, _ranges[last].End);
            Total -= _ranges[last].End - _ranges[last].Start;
            last++;
        }

        _ranges.RemoveRange(first, last - first);
        _ranges.Insert(first, (start, end));
        Total += end - start;
    }

    /// <summary>Takes a range out; what is not there is ignored.</summary>
    public void Remove(long start, long end)
    {
        for (int i = FirstEndingAtOrAfter(start); i < _ranges.Count && _ranges[i].Start < end;)
        {
            (long from, long to) = _ranges[i];
            if (to <= start)
            {
                i++;
                continue;
            }

            _ranges.RemoveAt(i);
            Total -= to - from;
            if (to > end)
            {
                _ranges.Insert(i, (end, to));
                Total += to - end;
            }

            if (from < start)
            {
                _ranges.Insert(i++, (from, start));
                Total += start - from;
            }
        }
    }

    /// <summary>Finds the first range that holds <paramref name="wanted"/> bytes; else the largest with at least <paramref name="least"/>.</summary>
    /// <param name="hint">Where to begin to look.</param>
    /// <param name="wanted">Bytes wanted.</param>
    /// <param name="least">Bytes that are enough.</param>
    /// <param name="alignment">What the start must be a multiple of.</param>
    public (long Start, long Length)? Find(long hint, long wanted, long least, long alignment)
    {
        (long Start, long Length)? best = null;
        int first = FirstEndingAtOrAfter(hint);
        for (int i = 0; i < _ranges.Count; i++)
        {
            (long from, long to) = _ranges[(first + i) % _ranges.Count];
            long start = (from + alignment - 1) / alignment * alignment;
            long length = to - start;
            if (length >= wanted)
            {
                return (start, wanted);
            }

            if (length >= least && length > (best?.Length ?? 0))
            {
                best = (start, length / alignment * alignment);
            }
        }

        return best is { } found && found.Length >= least ? found : null;
    }

    private int FirstEndingAtOrAfter(long address)
    {
        int low = 0;
        int high = _ranges.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_ranges[middle].End < address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
