using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace V2V.Storage.Partitions;

/// <summary>A GPT (UEFI Specification 2.10, chapter 5.3): a header and an array of entries, kept twice, each with a CRC-32.</summary>
internal static class GuidPartitionTable
{
    private const int EntryNameOffset = 56;
    private const int EntryNameSize = 72;
    private const ulong LegacyBoot = 1 << 2;

    /// <summary>The GPT of a disk; null if there is none.</summary>
    /// <param name="device">The disk.</param>
    /// <param name="mbr">Its MBR, or null if the first sector is none.</param>
    /// <param name="announced">True if the MBR has a protective entry, so that a missing GPT is damage.</param>
    public static PartitionTable? TryRead(BlockDevice device, MasterBootRecord? mbr, bool announced)
    {
        int other = device.SectorSize == 512 ? 4096 : 512;
        List<string> problems = [];
        foreach (int sectorSize in (int[])[device.SectorSize, other])
        {
            if (Load(device, 1, sectorSize, problems) is not { } primary)
            {
                continue;
            }

            List<string> warnings = [];
            if (Load(device, primary.Header.AlternateLba, sectorSize, warnings) is null && warnings.Count == 0)
            {
                warnings.Add("The backup GPT header is missing.");
            }

            return Build(device, mbr, primary, sectorSize, warnings);
        }

        // Without an announcement only a header that is there at all makes it worth looking at the end of the disk.
        if (announced || problems.Count > 0)
        {
            foreach (int sectorSize in (int[])[device.SectorSize, other])
            {
                if (Load(device, (device.Length / sectorSize) - 1, sectorSize, problems) is { } backup)
                {
                    string reason = problems.Count > 0 ? problems[0] : "The primary GPT header is missing.";
                    return Build(device, mbr, backup, sectorSize, [$"{reason} The backup at the end of the disk is used."]);
                }
            }
        }

        if (announced)
        {
            throw V2VException.Corrupt(
                "GptDamaged",
                "The disk announces a GUID partition table, but neither the primary nor the backup copy is usable: "
                + (problems.Count > 0 ? string.Join(' ', problems) : "both headers are missing."));
        }

        return null;
    }

    private static (GptHeader Header, byte[] Entries)? Load(BlockDevice device, long lba, int sectorSize, List<string> problems)
    {
        if (lba < 1 || lba > (device.Length / sectorSize) - 1)
        {
            return null;
        }

        var sector = new byte[sectorSize];
        device.Read(lba * sectorSize, sector);
        if (!GptHeader.HasSignature(sector))
        {
            return null;
        }

        string which = lba == 1 ? "primary" : "backup";
        GptHeader? header = GptHeader.TryParse(sector, lba);
        if (header is null)
        {
            problems.Add($"The {which} GPT header is damaged.");
            return null;
        }

        long entriesOffset = header.EntriesLba * sectorSize;
        int entriesLength = header.EntryCount * header.EntrySize;
        if (header.EntriesLba > device.Length / sectorSize || entriesOffset > device.Length - entriesLength)
        {
            problems.Add($"The {which} GPT's entries lie behind the end of the disk.");
            return null;
        }

        var entries = new byte[entriesLength];
        device.Read(entriesOffset, entries);
        if (Crc32.HashToUInt32(entries) != header.EntriesCrc)
        {
            problems.Add($"The checksum of the {which} GPT's entries is wrong.");
            return null;
        }

        return (header, entries);
    }

    private static PartitionTable Build(
        BlockDevice device, MasterBootRecord? mbr, (GptHeader Header, byte[] Entries) table, int sectorSize, List<string> warnings)
    {
        if (mbr is null || mbr.IsEmpty)
        {
            warnings.Add("The protective MBR is missing.");
        }

        List<Partition> partitions = [];
        for (int i = 0; i < table.Header.EntryCount; i++)
        {
            ReadOnlySpan<byte> entry = table.Entries.AsSpan(i * table.Header.EntrySize, table.Header.EntrySize);
            var type = new Guid(entry[..16]);
            if (type == Guid.Empty)
            {
                continue;
            }

            ulong first = GptHeader.ReadUInt64(entry, 32);
            ulong last = GptHeader.ReadUInt64(entry, 40);
            ulong diskSectors = (ulong)(device.Length / sectorSize);
            if (first > last || first >= diskSectors || first == 0)
            {
                warnings.Add(string.Create(CultureInfo.InvariantCulture, $"Partition {i + 1} lies outside the disk and is left out."));
                continue;
            }

            if (last >= diskSectors)
            {
                warnings.Add(string.Create(CultureInfo.InvariantCulture, $"Partition {i + 1} reaches past the end of the disk and is cut there."));
                last = diskSectors - 1;
            }

            var unique = new Guid(entry.Slice(16, 16));
            ulong attributes = GptHeader.ReadUInt64(entry, 48);
            partitions.Add(new Partition
            {
                Number = i + 1,
                Offset = (long)first * sectorSize,
                Length = (long)(last - first + 1) * sectorSize,
                Type = type.ToString("D"),
                TypeGuid = type,
                PartitionGuid = unique,
                PartUuid = unique.ToString("D"),
                Name = ReadName(entry.Slice(EntryNameOffset, EntryNameSize)),
                IsActive = (attributes & LegacyBoot) != 0,
                Attributes = attributes,
            });
        }

        return new PartitionTable
        {
            Scheme = PartitionScheme.Gpt,
            SectorSize = sectorSize,
            DiskGuid = table.Header.DiskGuid,
            DiskSignature = mbr?.Signature,
            IsHybrid = mbr?.IsHybrid == true,
            Partitions = partitions,
            Warnings = warnings,
        };
    }

    private static string ReadName(ReadOnlySpan<byte> utf16)
    {
        string name = Encoding.Unicode.GetString(utf16);
        int end = name.IndexOf('\0', StringComparison.Ordinal);
        return end < 0 ? name : name[..end];
    }
}
