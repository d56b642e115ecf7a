using System.Diagnostics;
using System.Globalization;
using V2V.Core.Export.Targets;
using V2V.Storage;
using V2V.Storage.Qcow2;

namespace V2V.Core.Export.Copy;

/// <summary>One disk of an export: what is to be copied, and the copy.</summary>
internal sealed class DiskCopy : IDisposable
{
    private readonly BlockDevice _source;
    private readonly ExportOptions _options;

    /// <param name="index">Index of the disk.</param>
    /// <param name="source">The disk; disposed with this.</param>
    /// <param name="options">Format, allocation, threads.</param>
    /// <param name="cancellation">Stops measuring.</param>
    public DiskCopy(int index, BlockDevice source, ExportOptions options, CancellationToken cancellation)
    {
        Index = index;
        _source = source;
        _options = options;
        try
        {
            (DataBytes, long units) = CopyPlan.Measure(source, TargetUnit, cancellation);
            MaxStoredBytes = MaxStored(units);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Index of the disk.</summary>
    public int Index { get; }

    /// <summary>Logical sector size in bytes.</summary>
    public int SectorSize => _source.SectorSize;

    /// <summary>Bytes of the source that have to be read.</summary>
    public long DataBytes { get; }

    /// <summary>Bytes that the target will take at most.</summary>
    public long MaxStoredBytes { get; }

    private int TargetUnit => _options.Format == ExportFormat.Raw ? RawTarget.BlockSize : Qcow2StreamWriter.ClusterSize;

    private int Workers => _options.Parallelism > 0 ? _options.Parallelism : Environment.ProcessorCount;

    private Qcow2StreamLayout Layout => _options switch
    {
        { Allocation: ExportAllocation.Preallocated } => Qcow2StreamLayout.Preallocated,
        { Compression: ExportCompression.Zlib } => Qcow2StreamLayout.Zlib,
        { Compression: ExportCompression.Zstd } => Qcow2StreamLayout.Zstd,
        _ => Qcow2StreamLayout.Sparse,
    };

    /// <summary>Reads everything and writes nothing; tells how many bytes of blocks are not zero.</summary>
    public long CountStored(CopyProgress progress, CancellationToken cancellation)
    {
        using var counter = new NullTarget(TargetUnit);
        DiskCopier.Copy(_source, counter, Workers, progress, cancellation);
        return MaxStored(counter.StoredBytes / TargetUnit);
    }

    /// <summary>About how many bytes the target will take if it is compressed.</summary>
    public long EstimateCompressed(CancellationToken cancellation) =>
        (long)(MaxStoredBytes * CompressionSample.Ratio(_source, DataBytes, TargetUnit, cancellation));

    /// <summary>Copies the disk to a file that has its partial name until the directory is committed.</summary>
    public ExportedDisk Run(TargetDirectory? directory, string name, int diskCount, CopyProgress progress, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        progress.SetStatus(string.Create(CultureInfo.InvariantCulture, $"Disk {Index + 1} of {diskCount}"));
        long before = progress.DoneBytes;
        DiskTarget target = CreateTarget(directory, name);
        bool isAbandoned = false;
        try
        {
            DiskCopier.Copy(_source, target, Workers, progress, cancellation);
            isAbandoned = !TryFlush(target, progress, cancellation);
            cancellation.ThrowIfCancellationRequested();
            string path = directory is null ? "" : Path.Combine(directory.Path, name);
            return new ExportedDisk(Index, path, _source.Length, progress.DoneBytes - before, target.StoredBytes);
        }
        finally
        {
            if (!isAbandoned)
            {
                target.Dispose();
            }
        }
    }

    public void Dispose() => _source.Dispose();

    private DiskTarget CreateTarget(TargetDirectory? directory, string name)
    {
        if (directory is null)
        {
            return new NullTarget(TargetUnit);
        }

        bool isPreallocated = _options.Allocation == ExportAllocation.Preallocated;
        TargetFile file = directory.CreateFile(name, isPreallocated ? MaxStoredBytes : 0);
        try
        {
            return _options.Format == ExportFormat.Raw
                ? new RawTarget(file, _source.Length, isPreallocated)
                : new Qcow2Target(file, _source.Length, Layout);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private long MaxStored(long dataUnits)
    {
        bool isPreallocated = _options.Allocation == ExportAllocation.Preallocated;
        if (_options.Format == ExportFormat.Raw)
        {
            return isPreallocated ? _source.Length : Math.Min(dataUnits * TargetUnit, _source.Length);
        }

        return Qcow2StreamWriter.MaxFileLength(_source.Length, isPreallocated ? (_source.Length / TargetUnit) + 1 : dataUnits);
    }

    /// <summary>
    /// Makes the file durable on a thread of its own, because the host may take long and cannot be interrupted. False if the
    /// wait was cancelled: the thread closes the file when the host lets go of it.
    /// </summary>
    private static bool TryFlush(DiskTarget target, CopyProgress progress, CancellationToken cancellation)
    {
        progress.SetStatus("Writing to disk");
        var flush = Task.Factory.StartNew(target.Flush, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        while (!((IAsyncResult)flush).AsyncWaitHandle.WaitOne(CopyProgress.Interval))
        {
            // Windows deletes no file that is open, so there the wait goes on to the end.
            if (cancellation.IsCancellationRequested && !OperatingSystem.IsWindows())
            {
                _ = flush.ContinueWith(_ => target.Dispose(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
                return false;
            }

            progress.Report();
        }

        flush.GetAwaiter().GetResult();
        return true;
    }
}
