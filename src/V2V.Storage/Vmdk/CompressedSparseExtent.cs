using System.Buffers;
using System.Buffers.Binary;
using V2V.Storage.Images;

namespace V2V.Storage.Vmdk;

/// <summary>
/// Grains compressed one by one, each behind a marker of 12 bytes (0 LBA, 8 compressed size) and padded to a sector. A large read
/// fetches neighbouring grains in one go and inflates them into the caller's buffer; a small one goes through a cache of grains.
/// </summary>
internal sealed class CompressedSparseExtent : SparseExtent
{
    private const int MarkerSize = 12;

    /// <summary>Most compressed bytes that one read fetches.</summary>
    private const int MaximumRun = 2 << 20;

    private readonly bool _hasMarkers;
    private readonly DecodedBlockCache _cache;
    private readonly DecodedBlockCache.Decode _decode;

    public CompressedSparseExtent(BlockDevice file, string name, GrainMap map, int grainSize, long length, BlockDevice? parent, bool hasMarkers)
        : base(file, name, map, grainSize, length, parent)
    {
        _hasMarkers = hasMarkers;
        _cache = new DecodedBlockCache(grainSize);
        _decode = (grain, location, block) => InflateOne(grain, location, block);
    }

    /// <summary>Most bytes that a grain takes in the file: what does not compress grows a little.</summary>
    private int MaximumStored => (2 * GrainSize) + MarkerSize;

    protected override int ReadStored(long offset, Span<byte> buffer, long location)
    {
        long grain = offset / GrainSize;
        int within = (int)(offset % GrainSize);
        int wanted = (int)Math.Min(GrainSize, Length - (grain * GrainSize));
        if (within != 0 || buffer.Length < wanted)
        {
            int step = Math.Min(wanted - within, buffer.Length);
            _cache.Read(grain, location, within, buffer[..step], _decode);
            return step;
        }

        int count = CountRun(grain, location, buffer.Length, out long lastLocation);
        return InflateRun(grain, count, location, lastLocation, buffer);
    }

    /// <summary>How many whole grains from this one on fit into the buffer and stand behind each other in the file.</summary>
    private int CountRun(long grain, long location, int space, out long lastLocation)
    {
        lastLocation = location;
        int count = 1;
        while (true)
        {
            long start = (grain + count) * GrainSize;
            long filled = (long)count * GrainSize;
            if (start >= Length || filled + Math.Min(GrainSize, Length - start) > space)
            {
                return count;
            }

            long next = Map.Locate(grain + count);
            if (next <= lastLocation || next - lastLocation > MaximumStored + SparseHeader.SectorSize || next - location > MaximumRun)
            {
                return count;
            }

            lastLocation = next;
            count++;
        }
    }

    private int InflateRun(long grain, int count, long location, long lastLocation, Span<byte> buffer)
    {
        long available = File.Length - location;
        if (available < MarkerSize)
        {
            throw Truncated(location);
        }

        // The last grain's size is known only from its marker: take the others' average, and fetch the rest if that was too little.
        long span = lastLocation - location;
        long guess = count > 1 ? span / (count - 1) : GrainSize / 2;
        int fetched = (int)Math.Min(available, span + Math.Clamp(guess, 4096, MaximumStored));
        byte[] stored = ArrayPool<byte>.Shared.Rent((int)Math.Min(available, span + MaximumStored));
        try
        {
            File.Read(location, stored.AsSpan(0, fetched));
            int filled = 0;
            long at = location;
            for (int i = 0; i < count; i++)
            {
                if (i > 0)
                {
                    at = Map.Locate(grain + i);
                }

                int start = (int)(at - location);
                int need = StoredEnd(stored, start, fetched, location, available);
                if (need > fetched)
                {
                    File.Read(location + fetched, stored.AsSpan(fetched, need - fetched));
                    fetched = need;
                }

                int wanted = (int)Math.Min(GrainSize, Length - ((grain + i) * GrainSize));
                Inflate(grain + i, at, stored, start, need - start, buffer.Slice(filled, wanted));
                filled += wanted;
            }

            return filled;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(stored);
        }
    }

    /// <summary>Where a grain that begins at <paramref name="start"/> of the fetched bytes ends, reading its marker.</summary>
    private int StoredEnd(byte[] stored, int start, int fetched, long location, long available)
    {
        if (!_hasMarkers)
        {
            return (int)Math.Min(available, start + (long)MaximumStored);
        }

        if (start + MarkerSize > available)
        {
            throw Truncated(location + start);
        }

        if (start + MarkerSize > fetched)
        {
            File.Read(location + start, stored.AsSpan(start, MarkerSize));
        }

        uint size = BinaryPrimitives.ReadUInt32LittleEndian(stored.AsSpan(start + 8));
        if (size == 0 || size > MaximumStored - MarkerSize)
        {
            throw Damaged(location + start, "its size is impossible");
        }

        long end = start + MarkerSize + (long)size;
        return end <= available ? (int)end : throw Truncated(location + start);
    }

    private void InflateOne(long grain, long location, Span<byte> block)
    {
        int wanted = (int)Math.Min(GrainSize, Length - (grain * GrainSize));
        InflateRun(grain, 1, location, location, block[..wanted]);
    }

    private void Inflate(long grain, long location, byte[] stored, int start, int size, Span<byte> destination)
    {
        int skipped = 0;
        if (_hasMarkers)
        {
            ulong lba = BinaryPrimitives.ReadUInt64LittleEndian(stored.AsSpan(start));
            if (lba != (ulong)(grain * (GrainSize / SparseHeader.SectorSize)))
            {
                throw Damaged(location, "it belongs elsewhere");
            }

            skipped = MarkerSize;
        }

        int count = destination.Length == GrainSize
            ? InflateDecoder.DecodeZlib(stored, start + skipped, size - skipped, destination)
            : InflateShortGrain(stored, start + skipped, size - skipped, destination);
        if (count < destination.Length)
        {
            throw Damaged(location, "its compressed data is not valid");
        }
    }

    /// <summary>The disk's last grain may be stored whole although the disk ends within it.</summary>
    private int InflateShortGrain(byte[] stored, int start, int size, Span<byte> destination)
    {
        byte[] whole = ArrayPool<byte>.Shared.Rent(GrainSize);
        try
        {
            int count = InflateDecoder.DecodeZlib(stored, start, size, whole.AsSpan(0, GrainSize));
            if (count >= destination.Length)
            {
                whole.AsSpan(0, destination.Length).CopyTo(destination);
            }

            return count;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(whole);
        }
    }

    private V2VException Truncated(long location) =>
        V2VException.Corrupt("VmdkGrainTruncated", FormattableString.Invariant($"The grain at byte {location} lies behind the end of the VMDK file."), Name);

    private V2VException Damaged(long location, string why) =>
        V2VException.Corrupt("VmdkGrainDamaged", FormattableString.Invariant($"The grain at byte {location} of the VMDK file is damaged: {why}."), Name);
}
