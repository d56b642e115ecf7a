using V2V.Storage;

namespace V2V.Core.Export.Copy;

/// <summary>
/// Cuts the data of a disk into work items, in ascending order and on demand, so that a plan takes no memory whatever the
/// disk's size. No two items touch the same block of <see cref="ItemSize"/> bytes, so that grains and clusters are decompressed once.
/// </summary>
internal sealed class CopyPlan : IDisposable
{
    /// <summary>Size of the blocks in bytes.</summary>
    public const int ItemSize = 1 << 20;

    private readonly Lock _lock = new();
    private readonly IEnumerator<BlockExtent> _extents;
    private readonly long[] _inProgress;
    private readonly Action<long> _completedBefore;
    private BlockExtent _next;
    private bool _hasNext;
    private long _reported;

    /// <param name="device">The disk.</param>
    /// <param name="workers">Number of threads that will ask for items.</param>
    /// <param name="completedBefore">Told now and then, from one thread at a time, that everything below an offset is done.</param>
    public CopyPlan(BlockDevice device, int workers, Action<long> completedBefore)
    {
        _extents = device.GetExtents(0, device.Length).GetEnumerator();
        _inProgress = new long[workers];
        _completedBefore = completedBefore;
        MoveNext();
    }

    /// <summary>Sum of the data of a disk in bytes, and number of blocks of <paramref name="unit"/> bytes (a power of two) that hold any.</summary>
    public static (long Bytes, long Units) Measure(BlockDevice device, int unit, CancellationToken cancellation)
    {
        long bytes = 0;
        long units = 0;
        long lastUnit = -1;
        foreach (BlockExtent extent in device.GetExtents(0, device.Length))
        {
            cancellation.ThrowIfCancellationRequested();
            if (extent.Kind != BlockExtentKind.Data)
            {
                continue;
            }

            bytes += extent.Length;
            long first = Math.Max(extent.Offset / unit, lastUnit + 1);
            lastUnit = (extent.End - 1) / unit;
            units += lastUnit - first + 1;
        }

        return (bytes, units);
    }

    /// <summary>Takes the next item; what the worker had before is done.</summary>
    /// <param name="worker">Number of the worker, from 0.</param>
    /// <param name="fragments">Receives the extents of data in one block; left empty at the end of the disk.</param>
    /// <returns>False if nothing is left.</returns>
    public bool TryTake(int worker, List<BlockExtent> fragments)
    {
        fragments.Clear();
        lock (_lock)
        {
            if (!_hasNext)
            {
                _inProgress[worker] = long.MaxValue;
                return false;
            }

            long block = _next.Offset / ItemSize;
            long end = (block + 1) * ItemSize;
            _inProgress[worker] = block * ItemSize;
            while (_hasNext && _next.Offset < end)
            {
                if (_next.End <= end)
                {
                    fragments.Add(_next);
                    MoveNext();
                }
                else
                {
                    fragments.Add(_next with { Length = end - _next.Offset });
                    _next = new BlockExtent(end, _next.End - end, BlockExtentKind.Data);
                }
            }

            ReportCompleted();
            return true;
        }
    }

    public void Dispose() => _extents.Dispose();

    private void MoveNext()
    {
        do
        {
            _hasNext = _extents.MoveNext();
        }
        while (_hasNext && _extents.Current.Kind != BlockExtentKind.Data);
        _next = _hasNext ? _extents.Current : default;
    }

    private void ReportCompleted()
    {
        long low = _inProgress.Min();
        if (low != long.MaxValue && low - _reported >= 64L * ItemSize)
        {
            _reported = low;
            _completedBefore(low);
        }
    }
}
