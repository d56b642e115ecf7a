using System.Buffers.Binary;
using System.IO.Hashing;

namespace V2V.Storage.Partitions;

/// <summary>
/// A GPT header (UEFI Specification 2.10, table 5.5): 0 "EFI PART", 8 revision, 12 header size, 16 header CRC, 24 own LBA,
/// 32 alternate LBA, 56 disk GUID, 72 LBA of the entries, 80 number of entries, 84 size of an entry, 88 CRC of the entries.
/// </summary>
internal sealed record GptHeader(
    long AlternateLba, Guid DiskGuid, long EntriesLba, int EntryCount, int EntrySize, uint EntriesCrc)
{
    private const int MinimumSize = 92;
    private const int MaximumEntrySize = 4096;
    private const int MaximumEntriesSize = 16 << 20;

    public static bool HasSignature(ReadOnlySpan<byte> sector) => sector.StartsWith("EFI PART"u8);

    /// <summary>The header in a sector, or null if its checksum or a field is wrong.</summary>
    public static GptHeader? TryParse(ReadOnlySpan<byte> sector, long ownLba)
    {
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(sector[12..]);
        if (size < MinimumSize || size > sector.Length)
        {
            return null;
        }

        Span<byte> copy = stackalloc byte[(int)size];
        sector[..(int)size].CopyTo(copy);
        copy.Slice(16, 4).Clear();
        if (Crc32.HashToUInt32(copy) != BinaryPrimitives.ReadUInt32LittleEndian(sector[16..]))
        {
            return null;
        }

        ulong alternate = ReadUInt64(sector, 32);
        ulong entriesLba = ReadUInt64(sector, 72);
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(sector[80..]);
        uint entrySize = BinaryPrimitives.ReadUInt32LittleEndian(sector[84..]);
        bool isValid = ReadUInt64(sector, 24) == (ulong)ownLba
            && BinaryPrimitives.ReadUInt32LittleEndian(sector[8..]) >> 16 == 1
            && entrySize is >= 128 and <= MaximumEntrySize && entrySize % 128 == 0
            && (ulong)count * entrySize <= MaximumEntriesSize
            && alternate < long.MaxValue / MaximumEntrySize
            && entriesLba is > 0 and < long.MaxValue / MaximumEntrySize;
        return isValid
            ? new GptHeader(
                (long)alternate,
                new Guid(sector.Slice(56, 16)),
                (long)entriesLba,
                (int)count,
                (int)entrySize,
                BinaryPrimitives.ReadUInt32LittleEndian(sector[88..]))
            : null;
    }

    public static ulong ReadUInt64(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);
}
