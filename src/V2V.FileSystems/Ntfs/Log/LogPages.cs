using System.Numerics;
using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>What the newer restart page of the log file service (LFS) says.</summary>
/// <param name="CurrentLsn">A late record that was surely written.</param>
/// <param name="IsClean">True if the volume was closed.</param>
/// <param name="Major">Version of LFS: 1 or 2.</param>
/// <param name="Minor">Minor version.</param>
/// <param name="PageSize">Bytes in a page.</param>
/// <param name="SequenceBits">Upper bits of a record's number that count how often the file was filled.</param>
/// <param name="FileSize">Bytes of the file that are used.</param>
/// <param name="DataOffset">First byte of a page that records use.</param>
/// <param name="ClientLsn">The restart record of NTFS, the only client.</param>
internal readonly record struct LogRestart(
    ulong CurrentLsn, bool IsClean, int Major, int Minor, int PageSize, int SequenceBits, long FileSize, int DataOffset, ulong ClientLsn);

/// <summary>
/// The pages of records (magic <c>RCRD</c>). The last page before a crash may be there only as a copy in front of the others: in the two pages
/// behind the restart pages (LFS 1), or in the 32 (LFS 2).
/// </summary>
internal sealed class LogPages
{
    private readonly Func<long, byte[]> _read;
    private readonly Dictionary<long, byte[]> _copies = [];
    private readonly Dictionary<long, byte[]> _recent = [];

    /// <param name="restart">What the restart page says.</param>
    /// <param name="read">Reads the page at a place of the log, as stored.</param>
    public LogPages(LogRestart restart, Func<long, byte[]> read)
    {
        Restart = restart;
        _read = read;
        First = (restart.Major >= 2 ? 34L : 4) * restart.PageSize;
        for (long at = 2L * restart.PageSize; at < First; at += restart.PageSize)
        {
            byte[] page = read(at);
            if (!IsPage(page))
            {
                continue;
            }

            long home = restart.Major >= 2 ? ReadUInt32LittleEndian(page.AsSpan(0x3C)) : ReadInt64LittleEndian(page.AsSpan(8));
            if (home >= First && home <= restart.FileSize - restart.PageSize && home % restart.PageSize == 0
                && (!_copies.TryGetValue(home, out byte[]? other) || LastEnd(other) < LastEnd(page)))
            {
                _copies[home] = page;
            }
        }
    }

    public LogRestart Restart { get; }

    /// <summary>The first page of records.</summary>
    public long First { get; }

    /// <summary>The page at a place, or null if it cannot be used.</summary>
    public byte[]? Read(long at)
    {
        const int MaxRecent = 64;
        if (_recent.TryGetValue(at, out byte[]? known))
        {
            return known;
        }

        byte[] page = _read(at);
        bool usable = IsPage(page);
        if (_copies.TryGetValue(at, out byte[]? copy) && (!usable || LastEnd(copy) > LastEnd(page)))
        {
            (page, usable) = (copy, true);
        }

        if (!usable)
        {
            return null;
        }

        if (_recent.Count >= MaxRecent)
        {
            _recent.Clear();
        }

        _recent.Add(at, page);
        return page;
    }

    /// <summary>The page that follows one.</summary>
    public long Next(long at) => at + Restart.PageSize < Restart.FileSize ? at + Restart.PageSize : First;

    /// <summary>The newest record that ends on any page.</summary>
    public ulong FindNewest()
    {
        ulong newest = 0;
        for (long at = First; at + Restart.PageSize <= Restart.FileSize; at += Restart.PageSize)
        {
            if (Read(at) is { } page && BelongsTo(LastEnd(page), at))
            {
                newest = Math.Max(newest, LastEnd(page));
            }
        }

        return newest;
    }

    /// <summary>The last record that ends on a page.</summary>
    public static ulong LastEnd(ReadOnlySpan<byte> page) => ReadUInt64LittleEndian(page[0x20..]);

    /// <summary>Where a record is in the file.</summary>
    public long OffsetOf(ulong lsn) => (long)((lsn << Restart.SequenceBits >> Restart.SequenceBits) << 3);

    /// <summary>The number of a record at a place.</summary>
    public ulong LsnAt(long offset, ulong sequence) => (sequence << (64 - Restart.SequenceBits)) | ((ulong)offset >> 3);

    /// <summary>How often the file was filled before a record.</summary>
    public ulong SequenceOf(ulong lsn) => lsn >> (64 - Restart.SequenceBits);

    /// <summary>A record that ends on a page begins there, or before it.</summary>
    private bool BelongsTo(ulong lsn, long at) => OffsetOf(lsn) is var offset && offset >= First && offset < Restart.FileSize && lsn != 0 && at >= First;

    private static bool IsPage(Span<byte> page) => page.StartsWith("RCRD"u8) && Fixups.Undo(page);

    /// <summary>True for a size that a page may have.</summary>
    public static bool IsPageSize(uint size) => size is >= 512 and <= 65536 && BitOperations.IsPow2(size);
}
