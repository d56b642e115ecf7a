using V2V.Storage;
using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>
/// The journal of metadata, <c>$LogFile</c>. Its first two pages (magic <c>RSTR</c>) are restart areas, the newer of which says whether Windows
/// closed the volume. A log that is all 0xFF is new: Windows sets it up when it first mounts the volume.
/// </summary>
internal sealed class LogFile(NtfsVolume volume)
{
    private const int MinPageSize = 512;
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

        uint pageSize = ReadUInt32LittleEndian(head[16..]);
        if (pageSize is < MinPageSize or > MaxPageSize || !System.Numerics.BitOperations.IsPow2(pageSize))
        {
            pageSize = 4096;
        }

        RestartArea? first = ReadRestart(0, (int)pageSize);
        RestartArea? second = ReadRestart(pageSize, (int)pageSize);
        RestartArea? newest = first is null || (second is not null && second.Value.Lsn > first.Value.Lsn) ? second : first;
        return newest switch
        {
            null => "neither of its restart areas can be read",
            { IsClean: true } => null,
            { Major: 2 } => "Windows had it open (LFS 2.0), or keeps changes of it in a hibernation file (Fast Startup)",
            _ => FormattableString.Invariant($"Windows had it open (LFS {newest.Value.Major}.{newest.Value.Minor})"),
        };
    }

    /// <summary>Throws if the log holds changes that Windows has yet to make.</summary>
    /// <exception cref="V2VException"><c>NtfsLogDirty</c>.</exception>
    public void CheckClean()
    {
        if (FindReasonNotToWrite() is { } reason)
        {
            throw new V2VException(
                "NtfsLogDirty",
                V2VErrorKind.InvalidState,
                $"The NTFS volume was not shut down: {reason}.",
                "$LogFile",
                "Start the guest, run 'powercfg /h off', and shut it down fully (shutdown /s /t 0), without a snapshot of the running machine.");
        }
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

    private readonly record struct RestartArea(ulong Lsn, bool IsClean, int Major, int Minor);

    private RestartArea? ReadRestart(long offset, int pageSize)
    {
        var page = new byte[pageSize];
        volume.Content.Read(_data, offset, page);
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
            ReadUInt16LittleEndian(page.AsSpan(26)));
    }
}
