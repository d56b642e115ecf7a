namespace V2V.Storage.Volumes.Mapping;

/// <summary>A place on a device below, and how far it goes on there.</summary>
/// <param name="Device">The device below.</param>
/// <param name="Offset">First byte on it.</param>
/// <param name="Length">Bytes that follow one another there, at least 1.</param>
internal readonly record struct DeviceRun(BlockDevice Device, long Offset, long Length);

/// <summary>A device each byte of which lies in exactly one place of a device below, as a table of the device mapper says.</summary>
internal abstract class MappedDevice : BlockDevice
{
    /// <summary>Where a byte lies.</summary>
    /// <param name="offset">A byte of the device.</param>
    protected abstract DeviceRun Locate(long offset);

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        while (!buffer.IsEmpty)
        {
            DeviceRun run = Locate(offset);
            int step = (int)Math.Min(run.Length, buffer.Length);
            run.Device.Read(run.Offset, buffer[..step]);
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
            DeviceRun run = Locate(offset);
            int step = (int)Math.Min(run.Length, buffer.Length);
            run.Device.Write(run.Offset, buffer[..step]);
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
            run.Device.WriteZeroes(run.Offset, step);
            offset += step;
            length -= step;
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<BlockExtent> GetExtents(long offset, long length)
    {
        CheckRange(offset, length);
        return ExtentCursor.Enumerate(offset, length, Locate);
    }
}
