namespace V2V.Storage;

/// <summary>
/// Changes in memory over a device that stays untouched: for replaying a journal when a file system is opened read-only, and
/// for sparse devices in tests. Blocks are copied when first written. Bounded: more than <c>memoryLimit</c> bytes of changes are refused.
/// </summary>
public sealed class CopyOnWriteDevice : BlockDevice
{
    /// <summary>Granularity of the changes in bytes.</summary>
    public const int BlockSize = 4096;

    private static readonly byte[] s_zeroBlock = new byte[BlockSize];

    private readonly BlockDevice _source;
    private readonly bool _ownsSource;
    private readonly long _maximumBlocks;
    private readonly Dictionary<long, byte[]> _blocks = [];
    private readonly Lock _lock = new();

    /// <param name="source">The device below; never written.</param>
    /// <param name="memoryLimit">Most bytes of changes to hold.</param>
    /// <param name="ownsSource">True to dispose of the source with this device.</param>
    public CopyOnWriteDevice(BlockDevice source, long memoryLimit = 256L << 20, bool ownsSource = false)
    {
        _source = source;
        _ownsSource = ownsSource;
        _maximumBlocks = Math.Max(1, memoryLimit / BlockSize);
    }

    /// <inheritdoc/>
    public override long Length => _source.Length;

    /// <inheritdoc/>
    public override int SectorSize => _source.SectorSize;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <summary>True if nothing has been written.</summary>
    public bool IsUnchanged
    {
        get
        {
            lock (_lock)
            {
                return _blocks.Count == 0;
            }
        }
    }

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        while (!buffer.IsEmpty)
        {
            int step = ReadRun(offset, buffer);
            offset += step;
            buffer = buffer[step..];
        }
    }

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        while (!buffer.IsEmpty)
        {
            int within = (int)(offset % BlockSize);
            int step = Math.Min(BlockSize - within, buffer.Length);
            lock (_lock)
            {
                buffer[..step].CopyTo(OwnBlock(offset / BlockSize, keepContent: step < BlockSize).AsSpan(within));
            }

            offset += step;
            buffer = buffer[step..];
        }
    }

    /// <inheritdoc/>
    public override void WriteZeroes(long offset, long length)
    {
        CheckRange(offset, length);
        while (length > 0)
        {
            int within = (int)(offset % BlockSize);
            int step = (int)Math.Min(BlockSize - within, length);
            lock (_lock)
            {
                if (step == BlockSize)
                {
                    CheckLimit(offset / BlockSize);
                    _blocks[offset / BlockSize] = s_zeroBlock;
                }
                else
                {
                    OwnBlock(offset / BlockSize, keepContent: true).AsSpan(within, step).Clear();
                }
            }

            offset += step;
            length -= step;
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<BlockExtent> GetExtents(long offset, long length)
    {
        CheckRange(offset, length);
        List<long> changed;
        lock (_lock)
        {
            changed = [.. _blocks.Keys.Where(b => b >= offset / BlockSize && b * BlockSize < offset + length).Order()];
        }

        return Enumerate(offset, offset + length, changed);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && _ownsSource)
        {
            _source.Dispose();
        }

        base.Dispose(disposing);
    }

    private IEnumerable<BlockExtent> Enumerate(long offset, long end, List<long> changed)
    {
        foreach (long block in changed)
        {
            long start = Math.Max(offset, block * BlockSize);
            if (start > offset)
            {
                foreach (BlockExtent extent in _source.GetExtents(offset, start - offset))
                {
                    yield return extent;
                }
            }

            long stop = Math.Min(end, (block + 1) * BlockSize);
            BlockExtentKind kind;
            lock (_lock)
            {
                kind = ReferenceEquals(_blocks[block], s_zeroBlock) ? BlockExtentKind.Zero : BlockExtentKind.Data;
            }

            yield return new BlockExtent(start, stop - start, kind);
            offset = stop;
        }

        if (offset < end)
        {
            foreach (BlockExtent extent in _source.GetExtents(offset, end - offset))
            {
                yield return extent;
            }
        }
    }

    /// <summary>Reads one changed block's part, or a run of unchanged blocks; returns the bytes read.</summary>
    private int ReadRun(long offset, Span<byte> buffer)
    {
        int run = 0;
        lock (_lock)
        {
            if (_blocks.Count == 0)
            {
                run = buffer.Length;
            }

            while (run < buffer.Length)
            {
                long at = offset + run;
                int within = (int)(at % BlockSize);
                int step = Math.Min(BlockSize - within, buffer.Length - run);
                if (_blocks.TryGetValue(at / BlockSize, out byte[]? block))
                {
                    if (run > 0)
                    {
                        break;
                    }

                    block.AsSpan(within, step).CopyTo(buffer);
                    return step;
                }

                run += step;
            }
        }

        _source.Read(offset, buffer[..run]);
        return run;
    }

    private byte[] OwnBlock(long index, bool keepContent)
    {
        if (_blocks.TryGetValue(index, out byte[]? block) && !ReferenceEquals(block, s_zeroBlock))
        {
            return block;
        }

        CheckLimit(index);
        var copy = new byte[BlockSize];
        if (block is null && keepContent)
        {
            long start = index * BlockSize;
            _source.Read(start, copy.AsSpan(0, (int)Math.Min(BlockSize, Length - start)));
        }

        _blocks[index] = copy;
        return copy;
    }

    private void CheckLimit(long index)
    {
        if (_blocks.Count >= _maximumBlocks && !_blocks.ContainsKey(index))
        {
            throw new V2VException(
                "CopyOnWriteLimit",
                V2VErrorKind.Limit,
                FormattableString.Invariant($"More than {_maximumBlocks * BlockSize} bytes of changes would have to be held in memory."),
                advice: "Convert the guest: a conversion keeps its changes in a file.");
        }
    }
}
