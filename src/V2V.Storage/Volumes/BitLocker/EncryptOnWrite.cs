using System.Buffers.Binary;
using System.IO.Hashing;

namespace V2V.Storage.Volumes.BitLocker;

/// <summary>
/// How far Windows 8 and later have come with encrypting or decrypting a volume: for each region a bitmap, in which a set bit is a chunk that is encrypted
/// (structures FVE-EOW, FVE-EOWBM, FVE-EOWBR of fvevol.sys, as dissect.fve names them).
/// </summary>
internal sealed class EncryptOnWrite
{
    private const int InfoSize = 56;
    private const int MapSize = 60;
    private const int RecordHeader = 36;
    private const int MaxRegions = 4096;
    private const int MaxMap = 4 << 20;
    private const int MaxRuns = 1 << 20;

    private EncryptOnWrite(List<(long Start, long End, bool IsEncrypted)> runs, List<(long Start, long End)> reserved) => (Runs, Reserved) = (runs, reserved);

    /// <summary>What is encrypted and what is not, in order; gaps hold nothing but what BitLocker keeps for itself.</summary>
    internal List<(long Start, long End, bool IsEncrypted)> Runs { get; }

    /// <summary>The ranges that the bitmaps and their logs lie in.</summary>
    internal List<(long Start, long End)> Reserved { get; }

    /// <summary>True if parts are encrypted and parts are not: the conversion is under way.</summary>
    internal bool IsMixed => Runs.Exists(r => r.IsEncrypted) && Runs.Exists(r => !r.IsEncrypted);

    /// <summary>Reads the bitmaps.</summary>
    /// <exception cref="V2VException"><c>BitLockerMetadataDamaged</c>.</exception>
    internal static EncryptOnWrite Read(BlockDevice device, VolumeHeader header, string target)
    {
        var reserved = new List<(long Start, long End)>();
        byte[]? info = null;
        foreach (long offset in header.EncryptOnWriteOffsets)
        {
            byte[]? copy = TryReadBlock(device, offset, "FVE-EOW\0"u8, 10, isWide: false, 36, InfoSize, 64 << 10);
            if (copy is not null)
            {
                reserved.Add((offset, offset + RoundUp(copy.Length, header.SectorSize)));
                info ??= copy;
            }
        }

        if (info is null)
        {
            throw BitLockerErrors.Damaged("neither description of its conversion has the right checksum", target);
        }

        int headerSize = BinaryPrimitives.ReadUInt16LittleEndian(info.AsSpan(8));
        uint chunk = BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(20)), log = BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(24));
        int count = headerSize is < InfoSize || headerSize > info.Length ? 0 : (info.Length - headerSize) / 8;
        if (count is 0 or > MaxRegions || chunk < header.SectorSize || chunk % header.SectorSize != 0)
        {
            throw BitLockerErrors.Damaged("the description of its conversion contradicts itself", target);
        }

        var runs = new List<(long Start, long End, bool IsEncrypted)>();
        for (int i = 0; i < count; i++)
        {
            ReadRegion(device, BinaryPrimitives.ReadInt64LittleEndian(info.AsSpan(headerSize + (i * 8))), chunk, log, runs, reserved, target);
        }

        return new EncryptOnWrite(runs, reserved);
    }

    private static void ReadRegion(
        BlockDevice device, long offset, uint chunk, uint log, List<(long Start, long End, bool IsEncrypted)> runs, List<(long Start, long End)> reserved, string target)
    {
        // Of the two records, that with the higher number holds; the checksum of the map itself ends where the first begins.
        Span<byte> map = stackalloc byte[MapSize];
        if (offset <= 0 || offset > device.Length - MapSize)
        {
            throw BitLockerErrors.Damaged("a bitmap of its conversion lies outside", target);
        }

        device.Read(offset, map);
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(map[12..]), first = BinaryPrimitives.ReadUInt32LittleEndian(map[44..]);
        long start = BinaryPrimitives.ReadInt64LittleEndian(map[20..]), length = BinaryPrimitives.ReadInt64LittleEndian(map[28..]);
        long logStart = BinaryPrimitives.ReadInt64LittleEndian(map[36..]);
        if (!map.StartsWith("FVE-EOWBM\0"u8) || size > MaxMap || first < MapSize || first > size || start < 0 || length <= 0 || start > device.Length || length > device.Length - start
            || (runs.Count > 0 && start < runs[^1].End) || logStart < 0 || logStart > device.Length || !HasChecksum(device, offset, (int)first, 56))
        {
            throw BitLockerErrors.Damaged("a bitmap of its conversion contradicts itself", target);
        }

        reserved.Add((offset, Math.Min(offset + size, device.Length)));
        reserved.Add((logStart, Math.Min(logStart + log, device.Length)));
        byte[]? active = null;
        for (int i = 0; i < 2; i++)
        {
            uint at = BinaryPrimitives.ReadUInt32LittleEndian(map[(44 + (i * 4))..]);
            byte[]? record = at >= MapSize && at <= size ? TryReadBlock(device, offset + at, "FVE-EOWBR\0"u8, 12, isWide: true, 32, RecordHeader, MaxMap) : null;
            if (record is not null && (active is null || Number(record) > Number(active)))
            {
                active = record;
            }
        }

        long bits = active is null ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(active.AsSpan(16));
        int head = active is null ? 0 : BinaryPrimitives.ReadUInt16LittleEndian(active.AsSpan(10));
        if (active is null || head < RecordHeader || bits > (active.Length - head) * 8L || bits * chunk < length)
        {
            throw BitLockerErrors.Damaged("neither record of a bitmap of its conversion is whole", target);
        }

        for (long i = 0; i * chunk < length; i++)
        {
            bool isEncrypted = (active[head + (i / 8)] & (1 << (int)(i % 8))) != 0;
            long from = start + (i * chunk), to = start + Math.Min((i + 1) * chunk, length);
            if (runs.Count > 0 && runs[^1].End == from && runs[^1].IsEncrypted == isEncrypted)
            {
                runs[^1] = runs[^1] with { End = to };
            }
            else if (runs.Count < MaxRuns)
            {
                runs.Add((from, to, isEncrypted));
            }
            else
            {
                throw BitLockerErrors.Unfinished(target);
            }
        }
    }

    private static ulong Number(byte[] record) => BinaryPrimitives.ReadUInt64LittleEndian(record.AsSpan(20));

    /// <summary>A structure with signature, size and CRC-32 of all of it; null if it is not whole.</summary>
    private static byte[]? TryReadBlock(BlockDevice device, long offset, ReadOnlySpan<byte> signature, int sizeAt, bool isWide, int checksumAt, int minSize, int maxSize)
    {
        Span<byte> head = stackalloc byte[16];
        if (offset <= 0 || offset > device.Length - minSize)
        {
            return null;
        }

        device.Read(offset, head);
        uint size = isWide ? BinaryPrimitives.ReadUInt32LittleEndian(head[sizeAt..]) : BinaryPrimitives.ReadUInt16LittleEndian(head[sizeAt..]);
        if (!head.StartsWith(signature) || size < minSize || size > maxSize || size > device.Length - offset)
        {
            return null;
        }

        var block = new byte[size];
        device.Read(offset, block);
        return IsWhole(block, checksumAt) ? block : null;
    }

    private static bool HasChecksum(BlockDevice device, long offset, int size, int checksumAt)
    {
        if (size > device.Length - offset)
        {
            return false;
        }

        var block = new byte[size];
        device.Read(offset, block);
        return IsWhole(block, checksumAt);
    }

    private static bool IsWhole(byte[] block, int checksumAt)
    {
        Span<byte> field = block.AsSpan(checksumAt, 4);
        uint stored = BinaryPrimitives.ReadUInt32LittleEndian(field);
        field.Clear();
        return Crc32.HashToUInt32(block) == stored;
    }

    private static long RoundUp(long length, int unit) => (length + unit - 1) / unit * unit;
}
