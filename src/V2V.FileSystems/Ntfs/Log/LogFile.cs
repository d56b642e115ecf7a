using V2V.Storage;
using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>
/// The journal of metadata, <c>$LogFile</c>. Its first two pages (magic <c>RSTR</c>) are restart areas, the newer of which says whether Windows
/// closed the volume. A log that is all 0xFF is new: Windows sets it up when it first mounts the volume.
/// </summary>
internal sealed class LogFile(NtfsVolume volume)
{
    private const int MaxPageSize = 64 << 10;
    private const ushort NoClient = 0xFFFF;
    private const ushort VolumeIsClean = 2;

    private readonly NtfsAttribute _data = volume.Mft.Get(NtfsVolume.LogFileNumber).Get(AttributeType.Data);
    private bool _emptied;

    /// <summary>Null if nothing in the log is left to be done, else why there may be.</summary>
    public string? FindReasonNotToWrite()
    {
        if (_data.Length < 2 * MaxPageSize)
        {
            return "the log is too short to be one";
        }

        Span<byte> head = stackalloc byte[32];
        volume.Content.Read(_data, 0, head);
        if (ReadUInt32LittleEndian(head) == uint.MaxValue)
        {
            return null;
        }

        RestartArea? newest = FindNewestRestart(out _);
        return newest switch
        {
            null => "neither of its restart areas can be read",
            { IsClean: true } => null,
            { Major: 2 } => "Windows had it open (LFS 2.0), or keeps changes of it in a hibernation file (Fast Startup)",
            _ => FormattableString.Invariant($"Windows had it open (LFS {newest.Value.Major}.{newest.Value.Minor})"),
        };
    }

    /// <summary>Makes the changes that the log holds and Windows has yet to make, and empties the log. The volume must be opened anew after that.</summary>
    /// <returns>False if there was nothing to do.</returns>
    /// <exception cref="V2VException"><c>NtfsLogDirty</c>: the log cannot be replayed; nothing was written.</exception>
    public bool Replay()
    {
        if (FindReasonNotToWrite() is not { } reason)
        {
            return false;
        }

        // From LFS 2.0 on a dirty log may also be that of Fast Startup, which keeps changes in the hibernation file of the system volume. Only on
        // that volume itself can one see that there is none.
        if (FindNewestRestart(out _) is not { } newest
            || (newest.Major >= 2 && volume.OpenDirectory(volume.Mft.Get(NtfsVolume.RootNumber)).FindName("Windows") is null))
        {
            throw Dirty(reason);
        }

        ReplayOpened(reason);
        return true;
    }

    /// <summary>Replays the log of a volume of which no hibernation file holds changes, and empties it.</summary>
    /// <param name="reason">Why the log is not clean.</param>
    /// <exception cref="V2VException"><c>NtfsLogDirty</c>: the log cannot be replayed; nothing was written.</exception>
    internal void ReplayOpened(string reason)
    {
        RestartArea newest = FindNewestRestart(out long offset) ?? throw Dirty(reason);
        try
        {
            LogRestart restart = ReadRestartFields(offset, newest);
            LogReplay.Run(volume, new LogPages(restart, at => ReadPage(at, restart.PageSize)));
        }
        catch (V2VException e) when (e.ErrorId != "NtfsLogDirty" && e.Kind == V2VErrorKind.Corrupt)
        {
            throw Dirty($"{reason}, and its log cannot be replayed: {e.Message}");
        }

        Empty();
    }

    /// <summary>A log that cannot be replayed.</summary>
    /// <param name="what">What is wrong with it.</param>
    public static V2VException Unusable(string what) => Dirty($"Windows had it open, and its log cannot be replayed: {what}");

    private static V2VException Dirty(string reason) => new(
        "NtfsLogDirty",
        V2VErrorKind.InvalidState,
        $"The NTFS volume was not shut down: {reason}.",
        "$LogFile",
        "Start the guest, run 'powercfg /h off', and shut it down fully (shutdown /s /t 0), without a snapshot of the running machine.");

    private byte[] ReadPage(long offset, int size)
    {
        var page = new byte[size];
        volume.Content.Read(_data, offset, page);
        return page;
    }

    private LogRestart ReadRestartFields(long offset, RestartArea area)
    {
        const int ClientSize = 48;
        byte[] page = ReadPage(offset, area.PageSize);
        Fixups.Undo(page);
        int at = ReadUInt16LittleEndian(page.AsSpan(24)), client = at + ReadUInt16LittleEndian(page.AsSpan(at + 22));
        uint bits = ReadUInt32LittleEndian(page.AsSpan(at + 16));
        long size = ReadInt64LittleEndian(page.AsSpan(at + 24));
        int dataOffset = ReadUInt16LittleEndian(page.AsSpan(at + 38)), headerLength = ReadUInt16LittleEndian(page.AsSpan(at + 36));
        if (area is not ({ Major: 1, Minor: 1 } or { Major: 2, Minor: 0 }))
        {
            throw Unusable(FormattableString.Invariant($"LFS {area.Major}.{area.Minor} is not known"));
        }

        // The lower bits of a record's number are its place in units of eight bytes.
        if (client + ClientSize > page.Length || size > _data.Length || size < 64L * area.PageSize || size % area.PageSize != 0 || bits is < 16 or > 60
            || headerLength != LogRecord.HeaderSize || dataOffset < 64 || dataOffset % 8 != 0 || dataOffset > area.PageSize / 2
            || 64 + 3 - (int)bits != 64 - System.Numerics.BitOperations.LeadingZeroCount((ulong)size))
        {
            throw Unusable("its restart area contradicts itself");
        }

        return new LogRestart(area.Lsn, area.IsClean, area.Major, area.Minor, area.PageSize, (int)bits, size, dataOffset, ReadUInt64LittleEndian(page.AsSpan(client + 8)));
    }

    private RestartArea? FindNewestRestart(out long offset)
    {
        offset = 0;
        int pageSize = PageSize();
        RestartArea? first = ReadRestart(0, pageSize), second = ReadRestart(pageSize, pageSize);
        if (first is null || (second is not null && second.Value.Lsn > first.Value.Lsn))
        {
            offset = pageSize;
            return second;
        }

        return first;
    }

    private int PageSize()
    {
        Span<byte> head = stackalloc byte[32];
        volume.Content.Read(_data, 0, head);
        uint pageSize = ReadUInt32LittleEndian(head[16..]);
        return LogPages.IsPageSize(pageSize) ? (int)pageSize : 4096;
    }

    /// <summary>
    /// Makes the log a new one, since what it says of earlier writes no longer holds. This is what ntfs-3g and the Linux kernel leave,
    /// and Windows takes for a clean volume.
    /// </summary>
    public void Empty()
    {
        if (_emptied)
        {
            return;
        }

        var filled = new byte[1 << 20];
        filled.AsSpan().Fill(0xFF);
        volume.Content.Overwrite(_data, _data.Length, filled);
        _emptied = true;
    }

    private readonly record struct RestartArea(ulong Lsn, bool IsClean, int Major, int Minor, int PageSize);

    private RestartArea? ReadRestart(long offset, int pageSize)
    {
        byte[] page = ReadPage(offset, pageSize);
        if (!(page.AsSpan().StartsWith("RSTR"u8) || page.AsSpan().StartsWith("CHKD"u8)) || !Fixups.Undo(page))
        {
            return null;
        }

        int area = ReadUInt16LittleEndian(page.AsSpan(24));
        if (area < 30 || area + 48 > pageSize)
        {
            return null;
        }

        ushort inUse = ReadUInt16LittleEndian(page.AsSpan(area + 12));
        ushort flags = ReadUInt16LittleEndian(page.AsSpan(area + 14));
        return new RestartArea(
            ReadUInt64LittleEndian(page.AsSpan(area)),
            inUse == NoClient || (flags & VolumeIsClean) != 0,
            ReadUInt16LittleEndian(page.AsSpan(28)),
            ReadUInt16LittleEndian(page.AsSpan(26)),
            pageSize);
    }
}
