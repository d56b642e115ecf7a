using System.Globalization;
using V2V.Core.Export.Targets;
using V2V.Storage;

namespace V2V.Core.Export.Copy;

/// <summary>
/// Refuses an export that cannot fit before it is begun. What is allocated in the source is the most that is written; only
/// if that does not fit is the source read once to count what is not zero, or samples of it to see how far it compresses.
/// </summary>
internal sealed class SpaceCheck(ExportOptions options, IOperationObserver observer)
{
    /// <summary>Room for metadata, directories and the host's own.</summary>
    private const long Reserve = 1 << 20;

    /// <summary>How far an estimate of compressed data may be wrong, as a part of it.</summary>
    private const double Uncertainty = 0.2;

    public void Run(TargetDirectory target, IReadOnlyList<DiskCopy> copies)
    {
        long most = copies.Sum(c => c.MaxStoredBytes);
        if (target.FreeBytes is not { } free || most <= free - Reserve)
        {
            return;
        }

        if (options.Compression != ExportCompression.None)
        {
            CheckCompressed(target.Path, free, copies);
            return;
        }

        long needed = most;
        if (options.Allocation == ExportAllocation.Sparse)
        {
            var progress = new CopyProgress(observer, "Counting the bytes to export", copies.Sum(c => c.DataBytes));
            needed = copies.Sum(c => c.CountStored(progress, observer.CancellationToken));
            progress.Complete();
        }

        if (needed > free - Reserve)
        {
            throw NoSpace(target.Path, string.Create(CultureInfo.InvariantCulture, $"The export needs {needed + Reserve} bytes, {free} are free."), "Free some space, choose another directory, or export with -Compress.");
        }
    }

    private void CheckCompressed(string path, long free, IReadOnlyList<DiskCopy> copies)
    {
        long estimate = copies.Sum(c => c.EstimateCompressed(observer.CancellationToken));
        if (estimate * (1 - Uncertainty) > free - Reserve)
        {
            throw NoSpace(path, string.Create(CultureInfo.InvariantCulture, $"The export needs about {estimate + Reserve} bytes when compressed, {free} are free."), "Free some space, or choose another directory.");
        }

        if (estimate * (1 + Uncertainty) > free - Reserve)
        {
            observer.Warning(string.Create(
                CultureInfo.InvariantCulture, $"{path} has {free} bytes free; the disks will take about {estimate} bytes when compressed, which may not fit."));
        }
    }

    private static V2VException NoSpace(string path, string message, string advice) => new("ExportTargetNoSpace", V2VErrorKind.NoSpace, message, path, advice);
}
