using System.Buffers.Binary;
using System.Globalization;

namespace V2V.Storage.Partitions;

/// <summary>
/// The first sector of an MBR disk: four entries of 16 bytes at byte 446, the disk's signature at 440, 0x55AA at 510.
/// Entry: 0 flag (0x80 active), 4 type, 8 first sector, 12 sectors.
/// </summary>
internal sealed class MasterBootRecord
{
    private const int FirstEntry = 446;
    private const int EntrySize = 16;
    private const byte ProtectiveType = 0xEE;

    private readonly MbrEntry[] _entries;
    private readonly uint _signature;

    private MasterBootRecord(MbrEntry[] entries, uint signature)
    {
        _entries = entries;
        _signature = signature;
    }

    public uint Signature => _signature;

    public bool HasProtectiveEntry => _entries.Any(e => e.Type == ProtectiveType);

    public bool IsEmpty => _entries.All(e => e.IsUnused);

    /// <summary>True if entries beside the protective one are in use.</summary>
    public bool IsHybrid => HasProtectiveEntry && _entries.Any(e => e.Type != ProtectiveType && !e.IsUnused);

    /// <summary>The record in a disk's first sector, or null if the sector is something else.</summary>
    public static MasterBootRecord? TryParse(ReadOnlySpan<byte> sector, BlockDevice device)
    {
        if (sector[510] != 0x55 || sector[511] != 0xAA)
        {
            return null;
        }

        MbrEntry[] entries = ReadEntries(sector);
        if (entries.Any(e => e.Flag is not (0 or 0x80)))
        {
            return null;
        }

        // A boot loader may keep an old BPB in an MBR, so the entries decide; a FAT or NTFS volume has none that make sense.
        if (LooksLikeVolume(sector) && !AreConsistent(entries, device.Length / device.SectorSize))
        {
            return null;
        }

        return new MasterBootRecord(entries, BinaryPrimitives.ReadUInt32LittleEndian(sector[440..]));
    }

    public static MbrEntry[] ReadEntries(ReadOnlySpan<byte> sector)
    {
        var entries = new MbrEntry[4];
        for (int i = 0; i < entries.Length; i++)
        {
            ReadOnlySpan<byte> entry = sector.Slice(FirstEntry + (i * EntrySize), EntrySize);
            entries[i] = new MbrEntry(
                entry[0],
                entry[4],
                BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]),
                BinaryPrimitives.ReadUInt32LittleEndian(entry[12..]));
        }

        return entries;
    }

    public PartitionTable ReadPartitions(BlockDevice device)
    {
        var builder = new MbrPartitionList(device, _signature);
        for (int i = 0; i < _entries.Length; i++)
        {
            if (!_entries[i].IsUnused)
            {
                builder.Add(i + 1, _entries[i], _entries[i].FirstSector);
            }
        }

        foreach (MbrEntry extended in _entries.Where(e => e.IsExtended && !e.IsUnused))
        {
            ExtendedPartition.AddLogical(device, extended, builder);
        }

        return new PartitionTable
        {
            Scheme = PartitionScheme.Mbr,
            SectorSize = device.SectorSize,
            DiskSignature = _signature,
            Partitions = builder.Partitions,
            Warnings = builder.Warnings,
        };
    }

    private static bool AreConsistent(MbrEntry[] entries, long diskSectors)
    {
        MbrEntry[] used = [.. entries.Where(e => e.Type != 0 || e.FirstSector != 0 || e.SectorCount != 0).OrderBy(e => e.FirstSector)];
        long end = 1;
        foreach (MbrEntry entry in used)
        {
            if (entry.Type == 0 || entry.SectorCount == 0 || entry.FirstSector < end || (long)entry.FirstSector + entry.SectorCount > diskSectors)
            {
                return false;
            }

            end = (long)entry.FirstSector + entry.SectorCount;
        }

        return used.Length > 0;
    }

    /// <summary>True for the boot sector of a FAT, exFAT or NTFS volume, by its BIOS parameter block.</summary>
    private static bool LooksLikeVolume(ReadOnlySpan<byte> sector)
    {
        if (sector[3..].StartsWith("NTFS    "u8) || sector[3..].StartsWith("EXFAT   "u8))
        {
            return true;
        }

        int bytesPerSector = BinaryPrimitives.ReadUInt16LittleEndian(sector[11..]);
        int sectorsPerCluster = sector[13];
        int reserved = BinaryPrimitives.ReadUInt16LittleEndian(sector[14..]);
        int fats = sector[16];
        byte media = sector[21];
        return bytesPerSector is 512 or 1024 or 2048 or 4096
            && sectorsPerCluster != 0 && (sectorsPerCluster & (sectorsPerCluster - 1)) == 0
            && reserved != 0
            && fats is 1 or 2
            && media is 0xF0 or >= 0xF8;
    }
}

/// <summary>An entry of an MBR or of an extended boot record; sectors relative to what the record says.</summary>
internal readonly record struct MbrEntry(byte Flag, byte Type, uint FirstSector, uint SectorCount)
{
    public bool IsUnused => Type == 0 || SectorCount == 0;

    public bool IsExtended => Type is 0x05 or 0x0F or 0x85;
}

/// <summary>Partitions of an MBR disk as they are found, clipped to the disk.</summary>
internal sealed class MbrPartitionList(BlockDevice device, uint signature)
{
    private readonly List<Partition> _partitions = [];

    public List<string> Warnings { get; } = [];

    public IReadOnlyList<Partition> Partitions => _partitions;

    public void Add(int number, MbrEntry entry, long firstSector)
    {
        long offset = firstSector * device.SectorSize;
        long length = (long)entry.SectorCount * device.SectorSize;
        if (offset >= device.Length)
        {
            Warnings.Add(string.Create(CultureInfo.InvariantCulture, $"Partition {number} begins behind the end of the disk and is left out."));
            return;
        }

        if (length > device.Length - offset)
        {
            Warnings.Add(string.Create(CultureInfo.InvariantCulture, $"Partition {number} reaches past the end of the disk and is cut there."));
            length = device.Length - offset;
        }

        _partitions.Add(new Partition
        {
            Number = number,
            Offset = offset,
            Length = length,
            Type = string.Create(CultureInfo.InvariantCulture, $"0x{entry.Type:x2}"),
            MbrType = entry.Type,
            PartUuid = string.Create(CultureInfo.InvariantCulture, $"{signature:x8}-{number:x2}"),
            IsActive = entry.Flag == 0x80,
            IsExtended = entry.IsExtended && number <= 4,
        });
    }
}
