using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>Reads records by their numbers (LSNs), and one after another up to the end of the log.</summary>
internal sealed class LogReader(LogPages pages)
{
    private const int MaxRecord = 1 << 20;

    /// <summary>The record with a number, or null if it is not there or was not written to its end.</summary>
    public LogRecord? TryRead(ulong lsn)
    {
        long offset = pages.OffsetOf(lsn);
        long at = offset - (offset % pages.Restart.PageSize);
        int within = (int)(offset - at);
        if (at < pages.First || at > pages.Restart.FileSize - pages.Restart.PageSize || within < pages.Restart.DataOffset
            || within > pages.Restart.PageSize - LogRecord.HeaderSize || pages.Read(at) is not { } page || ReadUInt64LittleEndian(page.AsSpan(within)) != lsn)
        {
            return null;
        }

        uint length = ReadUInt32LittleEndian(page.AsSpan(within + 24));
        if (length > MaxRecord)
        {
            return null;
        }

        var record = new byte[LogRecord.HeaderSize + (int)length];
        for (int done = 0; ;)
        {
            int step = Math.Min(record.Length - done, pages.Restart.PageSize - within);
            page.AsSpan(within, step).CopyTo(record.AsSpan(done));
            done += step;
            if (done == record.Length)
            {
                return LogPages.LastEnd(page) >= lsn ? new LogRecord(record) : null;
            }

            at = pages.Next(at);
            within = pages.Restart.DataOffset;
            if (pages.Read(at) is not { } next)
            {
                return null;
            }

            page = next;
        }
    }

    /// <summary>The record that follows one, or null at the end.</summary>
    public LogRecord? TryReadNext(LogRecord record)
    {
        int pageSize = pages.Restart.PageSize;
        long offset = pages.OffsetOf(record.Lsn);
        long at = offset - (offset % pageSize);
        int within = (int)(offset - at);
        ulong sequence = pages.SequenceOf(record.Lsn);
        for (int left = LogRecord.HeaderSize + record.Client.Length; ;)
        {
            int step = Math.Min(left, pageSize - within);
            within += step;
            left -= step;
            if (left == 0)
            {
                break;
            }

            Advance(ref at, ref sequence);
            within = pages.Restart.DataOffset;
        }

        // The next one is on the same page, unless the page was given up before it was full.
        within = (within + 7) & ~7;
        if (within <= pageSize - LogRecord.HeaderSize && TryRead(pages.LsnAt(at + within, sequence)) is { } same)
        {
            return same;
        }

        Advance(ref at, ref sequence);
        return TryRead(pages.LsnAt(at + pages.Restart.DataOffset, sequence));
    }

    private void Advance(ref long at, ref ulong sequence)
    {
        at = pages.Next(at);
        sequence += at == pages.First ? 1UL : 0;
    }
}
