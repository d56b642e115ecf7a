using V2V.FileSystems.Ntfs;

namespace V2V.FileSystems.Tests.Ntfs.Log;

/// <summary>A place in a log at which one transaction was open, which began right behind another place at which none was.</summary>
/// <param name="Before">The last record before the transaction.</param>
/// <param name="Undone">Its records.</param>
/// <param name="IsSettled">True if something that it changed could not be brought back to what it was then.</param>
internal sealed record LogEnd(ulong Before, LogRecord[] Undone, bool IsSettled)
{
    /// <summary>For each transaction that no other overlaps: its end before it is committed, and its middle.</summary>
    public static IEnumerable<LogEnd> Find(LogRecord first, LogRecord[] records, Func<LogRecord, bool> isSettled)
    {
        ulong before = first.Lsn;
        var open = new List<LogRecord>();
        bool overlaps = false;
        for (int i = 0; i < records.Length; i++)
        {
            LogRecord record = records[i];
            bool isEnd = record.Redo is LogOperation.CommitTransaction or LogOperation.ForgetTransaction;
            if (!record.IsChange || (open.Count > 0 && record.Transaction != open[0].Transaction))
            {
                overlaps |= open.Count > 0;
            }
            else if (!isEnd)
            {
                open.Add(record);
            }

            if (isEnd && open.Count > 0 && record.Transaction == open[0].Transaction)
            {
                if (!overlaps)
                {
                    LogRecord[] all = [.. open], half = [.. open.Take((open.Count + 1) / 2)];
                    yield return new LogEnd(before, all, all.Any(isSettled));
                    if (half.Length < all.Length)
                    {
                        yield return new LogEnd(before, half, half.Any(isSettled));
                    }
                }

                overlaps = false;
                open.Clear();
                before = record.Lsn;
            }
            else if (open.Count == 0)
            {
                before = record.Lsn;
            }
        }
    }
}
