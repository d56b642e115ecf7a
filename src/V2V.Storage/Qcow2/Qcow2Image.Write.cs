using System.Buffers;

namespace V2V.Storage.Qcow2;

/// <summary>Writing into an image: in place where the cluster is its own, otherwise into a new cluster that takes over what is not written.</summary>
public sealed partial class Qcow2Image
{
    /// <summary>Most bytes of new clusters that are added in one go.</summary>
    private const int MaximumRun = 4 << 20;

    /// <summary>Held while clusters are added or freed, data included, so that two writers into one new cluster do not lose each other's bytes.</summary>
    private readonly Lock _allocationLock = new();

    /// <summary>Compressed clusters that were replaced. They are freed when the image is closed: a reader may be decompressing one.</summary>
    private readonly List<ulong> _replacedCompressed = [];

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        Qcow2Refcounts refcounts = _refcounts ?? throw ReadOnly();
        CheckRange(offset, buffer.Length);
        while (!buffer.IsEmpty)
        {
            long host;
            long length;
            lock (_tableLock)
            {
                (host, length) = _map.MapInPlace(offset, buffer.Length);
            }

            int step = (int)length;
            if (step > 0)
            {
                _file.Write(host, buffer[..step]);
            }
            else
            {
                lock (_allocationLock)
                {
                    step = WriteNew(offset, buffer, refcounts);
                }
            }

            offset += step;
            buffer = buffer[step..];
        }
    }

    /// <inheritdoc/>
    public override void WriteZeroes(long offset, long length)
    {
        Qcow2Refcounts refcounts = _refcounts ?? throw ReadOnly();
        CheckRange(offset, length);
        long start = offset;
        long end = offset + length;

        // What reads as zero already stays as it is; asked for piece by piece, because zeroing changes the answer.
        while (offset < end)
        {
            BlockExtent extent = GetExtents(offset, Math.Min(end - offset, _header.L2Coverage)).First();
            if (extent.Kind == BlockExtentKind.Data)
            {
                extent = extent with { Length = ZeroData(start, offset, extent.Length, end, refcounts) };
            }

            offset += extent.Length;
        }
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        WriteTables();
        if (CanWrite)
        {
            _file.Flush();
        }
    }

    private void WriteTables()
    {
        if (_refcounts is null)
        {
            return;
        }

        lock (_allocationLock)
        {
            lock (_tableLock)
            {
                _cache.Flush();
                _refcounts.Flush();
                _map.Flush();
            }
        }
    }

    private void ReleaseReplaced()
    {
        foreach (ulong entry in _replacedCompressed)
        {
            (long host, int length) = _decoder.Locate(entry);
            _refcounts!.Release(host, length);
        }

        _replacedCompressed.Clear();
    }

    private void ClearAutoclearBits()
    {
        if (_header.Autoclear != 0)
        {
            _file.Write(Qcow2Header.AutoclearField, new byte[sizeof(ulong)]);
        }
    }

    /// <summary>Zeroes data at an offset; returns how far it came, which may be past the data, to the end of its last cluster.</summary>
    /// <param name="start">First byte of the whole range to zero; what lies between it and the data reads as zero already.</param>
    /// <param name="offset">First byte of the data.</param>
    /// <param name="length">Length of the data.</param>
    /// <param name="end">End of the whole range to zero.</param>
    /// <param name="refcounts">Takes freed clusters back.</param>
    private long ZeroData(long start, long offset, long length, long end, Qcow2Refcounts refcounts)
    {
        long at = offset - (offset % ClusterSize);
        bool isWhole = at >= start && Math.Min(at + ClusterSize, Length) <= end;
        if (!isWhole || (_header.Version < 3 && _backing is not null))
        {
            return WriteZeroBytes(offset, Math.Min(length, at + ClusterSize - offset));
        }

        lock (_allocationLock)
        {
            lock (_tableLock)
            {
                while (at < offset + length && Math.Min(at + ClusterSize, Length) <= end)
                {
                    MakeZeroCluster(at, refcounts);
                    at = Math.Min(at + ClusterSize, Length);
                }
            }
        }

        return at - offset;
    }

    private long WriteZeroBytes(long offset, long length)
    {
        int step = (int)Math.Min(length, ClusterSize);
        byte[] zeroes = ArrayPool<byte>.Shared.Rent(step);
        try
        {
            zeroes.AsSpan(0, step).Clear();
            Write(offset, zeroes.AsSpan(0, step));
            return step;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(zeroes);
        }
    }

    private void MakeZeroCluster(long offset, Qcow2Refcounts refcounts)
    {
        (ulong entry, _) = _map.Entry(offset);
        if (_header.HasExtendedL2)
        {
            _map.SetEntry(offset, 0, (ulong)uint.MaxValue << 32, refcounts);
        }
        else
        {
            _map.SetEntry(offset, _header.Version >= 3 ? Qcow2Format.ZeroCluster : 0, 0, refcounts);
        }

        ReleaseCluster(entry, refcounts);
    }

    private void ReleaseCluster(ulong entry, Qcow2Refcounts refcounts)
    {
        if ((entry & Qcow2Format.Compressed) != 0)
        {
            _replacedCompressed.Add(entry);
        }
        else if ((entry & Qcow2Format.OffsetMask) != 0)
        {
            refcounts.Release((long)(entry & Qcow2Format.OffsetMask), ClusterSize);
        }
    }

    /// <summary>Writes into clusters that cannot be written in place; returns the bytes taken. Under the allocation lock.</summary>
    private int WriteNew(long offset, ReadOnlySpan<byte> buffer, Qcow2Refcounts refcounts)
    {
        long first = offset - (offset % ClusterSize);
        int wanted = (int)Math.Min(buffer.Length, MaximumRun - (offset - first));
        int count;
        long host;
        lock (_tableLock)
        {
            if (_map.MapInPlace(offset, 1).Length > 0)
            {
                return 0;
            }

            host = ReusableCluster(first);
            count = host != 0 ? 1 : CountNew(first, offset + wanted);
            host = host != 0 ? host : refcounts.Allocate(count);
        }

        int taken = (int)Math.Min(wanted, first + ((long)count * ClusterSize) - offset);
        WriteClusters(host, first, offset, buffer[..taken]);
        lock (_tableLock)
        {
            for (int i = 0; i < count; i++)
            {
                long guest = first + ((long)i * ClusterSize);
                long cluster = host + ((long)i * ClusterSize);
                (ulong old, _) = _map.Entry(guest);
                _map.SetEntry(guest, (ulong)cluster | Qcow2Format.Copied, uint.MaxValue, refcounts);
                if ((long)(old & Qcow2Format.OffsetMask) != cluster || (old & Qcow2Format.Compressed) != 0)
                {
                    ReleaseCluster(old, refcounts);
                }
            }
        }

        return taken;
    }

    /// <summary>The host cluster that is allocated for a guest cluster but not wholly in use (zero flag, subclusters), or 0.</summary>
    private long ReusableCluster(long guest)
    {
        (ulong entry, _) = _map.Entry(guest);
        return (entry & (Qcow2Format.Copied | Qcow2Format.Compressed)) == Qcow2Format.Copied ? (long)(entry & Qcow2Format.OffsetMask) : 0;
    }

    private int CountNew(long first, long end)
    {
        int count = 1;
        for (long at = first + ClusterSize; at < end; at += ClusterSize)
        {
            if (_map.MapInPlace(at, 1).Length > 0 || ReusableCluster(at) != 0)
            {
                break;
            }

            count++;
        }

        return count;
    }

    /// <summary>Writes whole clusters: the given bytes, and around them what the guest reads there now.</summary>
    private void WriteClusters(long host, long first, long offset, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            int within = (int)(offset - first);
            if (within == 0 && data.Length >= ClusterSize)
            {
                int whole = data.Length - (data.Length % ClusterSize);
                _file.Write(host, data[..whole]);
                host += whole;
                first += whole;
                offset += whole;
                data = data[whole..];
                continue;
            }

            int step = Math.Min(ClusterSize - within, data.Length);
            byte[] cluster = ArrayPool<byte>.Shared.Rent(ClusterSize);
            try
            {
                Span<byte> content = cluster.AsSpan(0, ClusterSize);
                int valid = (int)Math.Min(ClusterSize, Length - first);
                Read(first, content[..within]);
                data[..step].CopyTo(content[within..]);
                Read(first + within + step, content[(within + step)..Math.Max(valid, within + step)]);
                content[valid..].Clear();
                _file.Write(host, content);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(cluster);
            }

            host += ClusterSize;
            first += ClusterSize;
            offset += step;
            data = data[step..];
        }
    }
}
