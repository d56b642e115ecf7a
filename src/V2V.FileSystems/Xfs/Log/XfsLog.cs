using V2V.Storage;

namespace V2V.FileSystems.Xfs.Log;

/// <summary>What a replay did and left to do.</summary>
/// <param name="Position">Head and tail as they were found.</param>
/// <param name="Transactions">Committed transactions that were replayed.</param>
/// <param name="Writes">Buffers and inodes that were written.</param>
/// <param name="Intents">Changes that have to be finished.</param>
internal sealed record XfsLogReplay(LogPosition Position, int Transactions, long Writes, IntentTable Intents);

/// <summary>
/// The log of XFS ("Journaling Log" of the XFS documentation), versions 1 and 2: whether it is clean, its replay into the volume,
/// and the record that makes it clean.
/// </summary>
internal static class XfsLog
{
    /// <summary>True if the file system was unmounted: nothing has to be replayed.</summary>
    public static bool IsClean(BlockDevice device, XfsSuperblock super) => new LogLocator(new LogBlocks(device, super)).Locate(verify: false).IsClean;

    /// <summary>Replays what was committed into a writable volume. The log itself is left as it is.</summary>
    /// <exception cref="V2VException"><c>XfsLogCorrupt</c>, <c>XfsLogUnsupported</c>, <c>XfsLogLimit</c>.</exception>
    public static XfsLogReplay Replay(BlockDevice device, XfsSuperblock super)
    {
        if (super.IsV5 && (super.LogIncompat & ~1u) != 0)
        {
            throw LogErrors.Unsupported($"it has the incompatible features 0x{super.LogIncompat:x}");
        }

        var log = new LogBlocks(device, super);
        LogPosition position = new LogLocator(log).Locate(verify: true);
        var target = new ReplayTarget(device, super);
        var replay = new LogReplay(log, target);
        if (!position.IsClean)
        {
            replay.Run(position);
        }

        return new XfsLogReplay(position, replay.Transactions, target.Writes, replay.Intents);
    }

    /// <summary>Writes the record that says that the file system was unmounted.</summary>
    public static void MakeClean(BlockDevice device, XfsSuperblock super, LogPosition position) =>
        UnmountRecord.Write(new LogBlocks(device, super), position);
}
