using System.Buffers.Binary;

namespace V2V.Core.Inspection.Packages.Rpm;

/// <summary>
/// The write-ahead log of a SQLite database: pages that were committed but not yet copied into the database, as a machine that
/// was not shut down leaves them (SQLite's "Database File Format", section 4).
/// </summary>
internal static class SqliteWal
{
    private const uint Magic = 0x377F0682;
    private const int HeaderBytes = 32, FrameHeaderBytes = 24;

    /// <summary>For each page of a committed transaction the offset of its newest copy in the log.</summary>
    internal static Dictionary<uint, long> ReadPages(DatabaseFile log, int pageSize)
    {
        var committed = new Dictionary<uint, long>();
        if (log.Length < HeaderBytes)
        {
            return committed;
        }

        byte[] header = new byte[HeaderBytes];
        log.Read(0, header);
        uint magic = BinaryPrimitives.ReadUInt32BigEndian(header);
        bool isBig = (magic & 1) != 0;
        (uint, uint) sum = Checksum(header.AsSpan(0, 24), (0, 0), isBig);
        if ((magic & ~1u) != Magic || BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(8)) != pageSize || sum != Stored(header.AsSpan(24)))
        {
            return committed;
        }

        var pending = new List<(uint Page, long Offset)>();
        byte[] frame = new byte[FrameHeaderBytes + pageSize];
        for (long at = HeaderBytes; at + frame.Length <= log.Length; at += frame.Length)
        {
            log.Read(at, frame);
            sum = Checksum(frame.AsSpan(0, 8), sum, isBig);
            sum = Checksum(frame.AsSpan(FrameHeaderBytes), sum, isBig);
            if (!frame.AsSpan(8, 8).SequenceEqual(header.AsSpan(16, 8)) || sum != Stored(frame.AsSpan(16)))
            {
                // The rest is from before the log was begun anew.
                break;
            }

            pending.Add((BinaryPrimitives.ReadUInt32BigEndian(frame), at + FrameHeaderBytes));
            if (BinaryPrimitives.ReadUInt32BigEndian(frame.AsSpan(4)) != 0)
            {
                pending.ForEach(p => committed[p.Page] = p.Offset);
                pending.Clear();
            }
        }

        return committed;
    }

    private static (uint, uint) Stored(ReadOnlySpan<byte> at) => (BinaryPrimitives.ReadUInt32BigEndian(at), BinaryPrimitives.ReadUInt32BigEndian(at[4..]));

    private static (uint, uint) Checksum(ReadOnlySpan<byte> bytes, (uint A, uint B) sum, bool isBig)
    {
        (uint a, uint b) = sum;
        for (int at = 0; at < bytes.Length; at += 8)
        {
            ReadOnlySpan<byte> x = bytes[at..], y = bytes[(at + 4)..];
            a += (isBig ? BinaryPrimitives.ReadUInt32BigEndian(x) : BinaryPrimitives.ReadUInt32LittleEndian(x)) + b;
            b += (isBig ? BinaryPrimitives.ReadUInt32BigEndian(y) : BinaryPrimitives.ReadUInt32LittleEndian(y)) + a;
        }

        return (a, b);
    }
}
