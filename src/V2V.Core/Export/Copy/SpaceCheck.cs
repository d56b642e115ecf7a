using System.Globalization;
using V2V.Core.Export.Targets;
using V2V.Storage;

namespace V2V.Core.Export.Copy;

/// <summary>
/// Refuses an export that cannot fit before it is begun. What is allocated in the source is the most that is written; only
/// if that does not fit is the source read once to count what is not zero. How far data compresses is not foreseen.
/// </summary>
internal sealed class SpaceCheck(ExportOptions options, IOperationObserver observer)
{
    /// <summary>Room for metadata, directories and the host's own.</summary>
    private const long Reserve = 1 << 20;

    public void Run(TargetDirectory target, IReadOnlyList<DiskCopy> copies)
    {
        long most = copies.Sum(c => c.MaxStoredBytes);
        if (target.FreeBytes is not { } free || most <= free - Reserve)
        {
            return;
        }

        if (options.Compression != ExportCompression.None)
        {
            observer.Warning(string.Create(
                CultureInfo.InvariantCulture, $"{target.Path} has {free} bytes free; the disks hold {most} bytes, which must compress to fit."));
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
            throw new V2VException(
                "ExportTargetNoSpace",
                V2VErrorKind.NoSpace,
                string.Create(CultureInfo.InvariantCulture, $"The export needs {needed + Reserve} bytes, {free} are free."),
                target.Path,
                "Free some space, choose another directory, or export with compression.");
        }
    }
}
