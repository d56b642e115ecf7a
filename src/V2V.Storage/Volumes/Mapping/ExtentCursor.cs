namespace V2V.Storage.Volumes.Mapping;

/// <summary>
/// Answers what is known of places on a device that are asked for in ascending order, with few questions to the device:
/// a striped volume asks for every chunk.
/// </summary>
internal sealed class ExtentCursor(BlockDevice device)
{
    private const long Window = 1L << 30;

    private IEnumerator<BlockExtent>? _extents;
    private BlockExtent _current;

    /// <summary>What is known of a range of a mapped device.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="locate">Where a byte of it lies; a run without a device is data that must be worked out.</param>
    internal static IEnumerable<BlockExtent> Enumerate(long offset, long length, Func<long, DeviceRun> locate)
    {
        var cursors = new Dictionary<BlockDevice, ExtentCursor>(ReferenceEqualityComparer.Instance);
        BlockExtent pending = default;
        long end = offset + length;
        while (offset < end)
        {
            DeviceRun run = locate(offset);
            long step = Math.Min(run.Length, end - offset);
            BlockExtentKind kind = BlockExtentKind.Data;
            if (run.Device is not null)
            {
                if (!cursors.TryGetValue(run.Device, out ExtentCursor? cursor))
                {
                    cursors.Add(run.Device, cursor = new ExtentCursor(run.Device));
                }

                BlockExtent below = cursor.At(run.Offset);
                step = Math.Min(step, below.End - run.Offset);
                kind = below.Kind;
            }

            if (pending.Length > 0 && pending.Kind == kind)
            {
                pending = pending with { Length = pending.Length + step };
            }
            else
            {
                if (pending.Length > 0)
                {
                    yield return pending;
                }

                pending = new BlockExtent(offset, step, kind);
            }

            offset += step;
        }

        if (pending.Length > 0)
        {
            yield return pending;
        }
    }

    private BlockExtent At(long offset)
    {
        if (offset >= _current.Offset && offset < _current.End)
        {
            return _current;
        }

        if (_extents is not null && offset >= _current.End)
        {
            while (_extents.MoveNext())
            {
                _current = _extents.Current;
                if (offset < _current.End)
                {
                    return _current;
                }
            }
        }

        _extents = device.GetExtents(offset, Math.Min(Window, device.Length - offset)).GetEnumerator();
        _current = _extents.MoveNext() ? _extents.Current : new BlockExtent(offset, device.Length - offset, BlockExtentKind.Data);
        return _current;
    }
}
