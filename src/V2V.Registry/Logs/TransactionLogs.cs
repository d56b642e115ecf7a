namespace V2V.Registry.Logs;

/// <summary>
/// Completes a hive from its transaction logs (LOG, LOG1, LOG2), all of a log or nothing. Windows 8.1 and later write entries with sequence numbers
/// ("HvLE"), earlier releases one map of changed sectors ("DIRT").
/// </summary>
internal static class TransactionLogs
{
    private const uint DirtyVectorType = 1;
    private const uint DirtyVectorTypeXp = 2;
    private const uint EntriesType = 6;

    /// <summary>Applies what the logs hold to an unclean hive.</summary>
    /// <param name="pages">The hive; changed by the logs.</param>
    /// <param name="block">The hive's base block; takes the sequence numbers and the size that the logs tell.</param>
    /// <param name="logs">The files, in any order; empty ones are allowed.</param>
    public static HiveRecovery Apply(HivePages pages, BaseBlock block, IReadOnlyList<Stream> logs)
    {
        List<(Stream Stream, BaseBlock Block)> usable = [];
        foreach (Stream log in logs)
        {
            if (BaseBlock.Read(log) is { IsValid: true } copy)
            {
                usable.Add((log, copy));
            }
        }

        if (usable.Count == 0)
        {
            return new HiveRecovery(HiveState.Dirty, 0, 0, logs.Any(l => l.Length > 0) ? "every log is damaged." : "there is no log.");
        }

        return usable.Any(l => l.Block.FileType == EntriesType)
            ? LogEntries.Apply(pages, block, [.. usable.Where(l => l.Block.FileType == EntriesType)])
            : usable.FirstOrDefault(l => l.Block.FileType is DirtyVectorType or DirtyVectorTypeXp) is { Stream: not null } old
                ? DirtyVector.Apply(pages, block, old.Stream, old.Block)
                : new HiveRecovery(HiveState.Dirty, 0, 0, "the logs are of an unknown kind.");
    }
}
