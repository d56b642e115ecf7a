using V2V.Storage.Volumes.Mapping;

namespace V2V.Storage.Volumes.Lvm.Thin;

/// <summary>
/// A thin volume or a snapshot of one. What no block was given out for reads as zero, or as its external origin; writing there gives out a block, and
/// writing to a block that a snapshot has too copies it first.
/// </summary>
internal sealed class ThinDevice : BlockDevice
{
    private readonly ThinPool _pool;
    private readonly BlockDevice? _origin;
    private readonly ulong _device;

    /// <param name="pool">The pool.</param>
    /// <param name="device">Number of the thin device in the pool.</param>
    /// <param name="length">Length in bytes.</param>
    /// <param name="origin">What blocks that are not mapped read as; null for zeroes.</param>
    internal ThinDevice(ThinPool pool, ulong device, long length, BlockDevice? origin)
    {
        (_pool, _device, _origin, Length) = (pool, device, origin, length);
        pool.Open(device);
    }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override int SectorSize => _pool.Data.SectorSize;

    /// <inheritdoc/>
    public override bool CanWrite => _pool.CanWrite;

    /// <summary>True if the pool can be read only, as a snapshot of its metadata is held.</summary>
    internal bool IsHeld => _pool.HasMetadataSnapshot;

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        while (!buffer.IsEmpty)
        {
            DeviceRun run = Locate(offset);
            Span<byte> part = buffer[..(int)Math.Min(run.Length, buffer.Length)];
            run.Device.Read(run.Offset, part);
            offset += part.Length;
            buffer = buffer[part.Length..];
        }
    }

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        if (!CanWrite)
        {
            throw ReadOnly();
        }

        while (!buffer.IsEmpty)
        {
            (long block, long within) = Math.DivRem(offset, _pool.BlockSize);
            int step = (int)Math.Min(_pool.BlockSize - within, buffer.Length);
            _pool.Write(_device, (ulong)block, within, buffer[..step], _origin);
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
            DeviceRun run = Locate(offset);
            long step = Math.Min(run.Length, length);
            if (run.Device is not ZeroDevice)
            {
                base.WriteZeroes(offset, step);
            }

            offset += step;
            length -= step;
        }
    }

    /// <inheritdoc/>
    public override void Flush() => _pool.Flush();

    /// <inheritdoc/>
    public override IEnumerable<BlockExtent> GetExtents(long offset, long length)
    {
        CheckRange(offset, length);
        return ExtentCursor.Enumerate(offset, length, Locate);
    }

    private DeviceRun Locate(long offset)
    {
        (long block, long within) = Math.DivRem(offset, _pool.BlockSize);
        (long? data, _, ulong unmapped) = _pool.Map(_device, (ulong)block);
        if (data is { } found)
        {
            return new DeviceRun(_pool.Data, (found * _pool.BlockSize) + within, _pool.BlockSize - within);
        }

        long end = unmapped > (ulong)(Length / _pool.BlockSize) ? Length : Math.Min(Length, (block + (long)unmapped) * _pool.BlockSize);
        return _origin is not null && offset < _origin.Length
            ? new DeviceRun(_origin, offset, Math.Min(end, _origin.Length) - offset)
            : new DeviceRun(new ZeroDevice(end), offset, end - offset);
    }
}
