namespace V2V.Storage.Volumes.Mapping;

/// <summary>A part of a device that another device goes on with.</summary>
/// <param name="Start">First byte in the whole.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Device">Where the bytes lie.</param>
/// <param name="Offset">First byte there.</param>
internal readonly record struct DeviceSegment(long Start, long Length, BlockDevice Device, long Offset);

/// <summary>Parts of devices, one after another: a linear volume.</summary>
internal sealed class SegmentedDevice : MappedDevice
{
    private readonly DeviceSegment[] _segments;

    /// <param name="segments">At least one; each begins where the one before ends, the first at 0.</param>
    internal SegmentedDevice(IReadOnlyList<DeviceSegment> segments)
    {
        _segments = [.. segments];
        Length = _segments[^1].Start + _segments[^1].Length;
        SectorSize = _segments.Max(s => s.Device.SectorSize);
        CanWrite = Array.TrueForAll(_segments, s => s.Device.CanWrite);
    }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override int SectorSize { get; }

    /// <inheritdoc/>
    public override bool CanWrite { get; }

    /// <summary>The parts.</summary>
    internal IReadOnlyList<DeviceSegment> Segments => _segments;

    /// <inheritdoc/>
    public override void Flush()
    {
        foreach (DeviceSegment segment in _segments)
        {
            segment.Device.Flush();
        }
    }

    /// <inheritdoc/>
    protected override DeviceRun Locate(long offset)
    {
        int low = 0, high = _segments.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) >> 1;
            if (_segments[middle].Start <= offset)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        DeviceSegment segment = _segments[low];
        long within = offset - segment.Start;
        return new DeviceRun(segment.Device, segment.Offset + within, segment.Length - within);
    }
}
