namespace V2V.FileSystems.Ntfs;

/// <summary>The part of the bitmap that takes and gives clusters.</summary>
internal sealed partial class ClusterBitmap
{
    /// <summary>Takes clusters, in as few runs as a search from the hint gives.</summary>
    /// <param name="count">Number of clusters.</param>
    /// <param name="hint">Cluster to begin at, best the one after the last of the attribute; 0 for none.</param>
    /// <exception cref="V2V.Storage.V2VException"><c>NtfsNoSpace</c>; nothing is taken then.</exception>
    public List<(long Lcn, long Count)> Allocate(long count, long hint)
    {
        if (count > FreeClusters)
        {
            throw NtfsErrors.NoSpace(count, FreeClusters);
        }

        var taken = new List<(long Lcn, long Count)>();
        long start = hint > 0 && hint < volume.Geometry.ClusterCount ? hint : Math.Min(_next, volume.Geometry.ClusterCount - 1);
        long wanted = count;
        foreach ((long from, long to) in ((long, long)[])[(start, volume.Geometry.ClusterCount), (0, start)])
        {
            for (long at = from; at < to && wanted > 0;)
            {
                long end = Math.Min(to, ((at / PieceBits) + 1) * PieceBits);
                byte[] bits = Get(at / PieceBits).Bits;
                long free = Scan(bits, at, end, used: true);
                if (free >= end)
                {
                    at = end;
                    continue;
                }

                long length = Math.Min(Scan(bits, free, end, used: false) - free, wanted);
                Mark(free, length, used: true);
                if (taken.Count > 0 && taken[^1].Lcn + taken[^1].Count == free)
                {
                    taken[^1] = (taken[^1].Lcn, taken[^1].Count + length);
                }
                else
                {
                    taken.Add((free, length));
                }

                wanted -= length;
                at = free + length;
            }
        }

        _next = taken.Count == 0 ? _next : taken[^1].Lcn + taken[^1].Count;
        return taken;
    }

    /// <summary>Gives clusters back.</summary>
    public void Free(IEnumerable<Run> runs)
    {
        foreach (Run run in runs)
        {
            if (!run.IsHole)
            {
                Mark(run.Lcn, run.Count, used: false);
            }
        }
    }

    /// <summary>Writes the changed pieces.</summary>
    public void Flush()
    {
        foreach ((long number, Piece piece) in _pieces)
        {
            if (piece.Dirty)
            {
                volume.Content.Write(_data, number * PieceBytes, piece.Bits);
                piece.Dirty = false;
            }
        }
    }

    private void Mark(long lcn, long count, bool used)
    {
        _ = FreeClusters;
        while (count > 0)
        {
            Piece piece = Get(lcn / PieceBits);
            piece.Dirty = true;
            long end = Math.Min(lcn + count, ((lcn / PieceBits) + 1) * PieceBits);
            for (; lcn < end; lcn++, count--)
            {
                int index = (int)(lcn % PieceBits);
                byte mask = (byte)(1 << (index % 8));
                if ((piece.Bits[index / 8] & mask) != 0 == used)
                {
                    throw NtfsErrors.Bitmap(FormattableString.Invariant($"cluster {lcn} is {(used ? "taken twice" : "freed twice")}"));
                }

                piece.Bits[index / 8] ^= mask;
                _free += used ? -1 : 1;
            }
        }
    }
}
