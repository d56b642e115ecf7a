using V2V.Storage;

namespace V2V.FileSystems.Btrfs.Storage;

/// <summary>Logical addresses of a file system, read from and written to its devices through its chunks.</summary>
internal sealed class ChunkMap(DeviceSet devices)
{
    private const int MaxChunks = 1 << 20;
    private readonly SortedList<long, Chunk> _chunks = [];

    public DeviceSet Devices { get; } = devices;

    /// <summary>All chunks, ascending.</summary>
    public IList<Chunk> All => _chunks.Values;

    /// <summary>Adds a chunk; one that is known already is kept.</summary>
    public void Add(Chunk chunk)
    {
        if (_chunks.ContainsKey(chunk.Start))
        {
            return;
        }

        int after = IndexAfter(chunk.Start);
        if ((after > 0 && _chunks.Values[after - 1].End > chunk.Start) || (after < _chunks.Count && chunk.End > _chunks.Values[after].Start) || _chunks.Count >= MaxChunks)
        {
            throw BtrfsErrors.Chunk(FormattableString.Invariant($"the chunk at {chunk.Start} overlaps another"));
        }

        _chunks.Add(chunk.Start, chunk);
    }

    /// <summary>The chunk that an address lies in, or null.</summary>
    public Chunk? Find(long address)
    {
        int after = IndexAfter(address);
        return after > 0 && address < _chunks.Values[after - 1].End ? _chunks.Values[after - 1] : null;
    }

    /// <summary>The number of ways to read an address: copies, or data and its reconstruction.</summary>
    public int WaysToRead(long address) =>
        Find(address) is not { } chunk ? 0 : (chunk.Type & ChunkType.Raid6) != 0 ? 3 : (chunk.Type & ChunkType.Raid5) != 0 ? 2 : chunk.Copies;

    /// <summary>Reads a range in one of the possible ways.</summary>
    /// <returns>False if a device that it would take is missing.</returns>
    /// <exception cref="V2VException">The range lies in no chunk, or outside its device.</exception>
    public bool TryRead(long address, Span<byte> buffer, int way)
    {
        while (!buffer.IsEmpty)
        {
            Chunk chunk = Find(address) ?? throw BtrfsErrors.Chunk(FormattableString.Invariant($"no chunk holds the address {address}"));
            bool isParity = (chunk.Type & ChunkType.Parity) != 0;
            ChunkPiece piece = chunk.Locate(address - chunk.Start, buffer.Length, isParity ? 0 : way);
            Span<byte> target = buffer[..piece.Length];
            if (isParity && way > 0)
            {
                if (!ParityStripes.TryRebuild(this, chunk, address - chunk.Start, target, useSecond: way == 2))
                {
                    return false;
                }
            }
            else if (!TryReadStripe(chunk, piece.Stripe, piece.Offset, target))
            {
                return false;
            }

            address += piece.Length;
            buffer = buffer[piece.Length..];
        }

        return true;
    }

    /// <summary>Reads from the device of a stripe.</summary>
    public bool TryReadStripe(Chunk chunk, int stripe, long offset, Span<byte> target)
    {
        if (Devices.Find(chunk.Stripes[stripe].DeviceId) is not { } device)
        {
            return false;
        }

        if (offset > device.Length - target.Length)
        {
            throw BtrfsErrors.Chunk(FormattableString.Invariant($"the chunk at {chunk.Start} reaches past the end of device {chunk.Stripes[stripe].DeviceId}"));
        }

        device.Read(offset, target);
        return true;
    }

    /// <summary>Writes all copies of a range.</summary>
    public void Write(long address, ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            Chunk chunk = Find(address) ?? throw BtrfsErrors.Chunk(FormattableString.Invariant($"no chunk holds the address {address}"));
            int length = 0;
            for (int copy = 0; copy < chunk.Copies; copy++)
            {
                ChunkPiece piece = chunk.Locate(address - chunk.Start, buffer.Length, copy);
                ulong number = chunk.Stripes[piece.Stripe].DeviceId;
                BlockDevice device = Devices.Find(number) ?? throw BtrfsErrors.MissingDevice(number);
                device.Write(piece.Offset, buffer[..piece.Length]);
                length = piece.Length;
            }

            address += length;
            buffer = buffer[length..];
        }
    }

    /// <summary>The error of a range that could be read in no way: what is missing.</summary>
    public V2VException Unreadable(long address)
    {
        Chunk? chunk = Find(address);
        if (chunk is not null)
        {
            foreach (Stripe stripe in chunk.Stripes)
            {
                if (Devices.Find(stripe.DeviceId) is null)
                {
                    return BtrfsErrors.MissingDevice(stripe.DeviceId);
                }
            }
        }

        return BtrfsErrors.Checksum(FormattableString.Invariant($"the data at {address}"));
    }

    private int IndexAfter(long address)
    {
        int low = 0;
        int high = _chunks.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_chunks.Keys[middle] <= address)
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
