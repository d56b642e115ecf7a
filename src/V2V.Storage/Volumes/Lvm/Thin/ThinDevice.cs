using V2V.Storage.Volumes.Mapping;

namespace V2V.Storage.Volumes.Lvm.Thin;

/// <summary>
/// A thin volume or a snapshot of one. What no block was given out for reads as zero, or as its external origin. Blocks that only this volume has are
/// written in place; a write that would need a new block is refused by name.
/// </summary>
internal sealed class ThinDevice : BlockDevice
{
    private readonly ThinPool _pool;
    private readonly BlockDevice? _origin;
    private readonly ulong _root;
    private readonly uint _snapshotTime;
    private readonly string _target;

    /// <param name="pool">The pool.</param>
    /// <param name="device">Number of the thin device in the pool.</param>
    /// <param name="length">Length in bytes.</param>
    /// <param name="origin">What blocks that are not mapped read as; null for zeroes.</param>
    /// <param name="target">Name for messages.</param>
    internal ThinDevice(ThinPool pool, ulong device, long length, BlockDevice? origin, string target)
    {
        (_pool, _origin, _target, Length) = (pool, origin, target, length);
        (_root, _snapshotTime) = pool.FindDevice(device);
    }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override int SectorSize => _pool.Data.SectorSize;

    /// <inheritdoc/>
    public override bool CanWrite => _pool.Data.CanWrite;

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
        while (!buffer.IsEmpty)
        {
            (long block, long within) = Math.DivRem(offset, _pool.BlockSize);
            int step = (int)Math.Min(_pool.BlockSize - within, buffer.Length);
            (long? data, uint time, _) = _pool.Map(_root, (ulong)block);
            if (data is null || time < _snapshotTime)
            {
                throw new V2VException(
                    "LvmThinWriteUnsupported", V2VErrorKind.Unsupported,
                    $"A write to {_target} needs a new block of its thin pool{(data is null ? "" : ", as the block is shared with a snapshot")}, which V2V does not give out.", _target,
                    "Move the guest to linear volumes first, or fill the volume's free space in the guest (dd if=/dev/zero) and remove its snapshots before it is exported.");
            }

            _pool.Data.Write((data.Value * _pool.BlockSize) + within, buffer[..step]);
            offset += step;
            buffer = buffer[step..];
        }
    }

    /// <inheritdoc/>
    public override void Flush() => _pool.Data.Flush();

    /// <inheritdoc/>
    public override IEnumerable<BlockExtent> GetExtents(long offset, long length)
    {
        CheckRange(offset, length);
        return ExtentCursor.Enumerate(offset, length, Locate);
    }

    private DeviceRun Locate(long offset)
    {
        (long block, long within) = Math.DivRem(offset, _pool.BlockSize);
        (long? data, _, ulong unmapped) = _pool.Map(_root, (ulong)block);
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
