using System.Globalization;

namespace V2V.Storage.Partitions;

/// <summary>
/// The chain of extended boot records inside an extended partition. Each record names a logical partition, relative to
/// the record, and the next record, relative to the extended partition.
/// </summary>
internal static class ExtendedPartition
{
    /// <summary>Most records that are followed; Linux stops at 100.</summary>
    private const int MaximumRecords = 256;

    public static void AddLogical(BlockDevice device, MbrEntry extended, MbrPartitionList partitions)
    {
        long first = extended.FirstSector;
        long end = first + extended.SectorCount;
        long record = first;
        long recordSectors = extended.SectorCount;
        int number = Math.Max(5, 1 + partitions.Partitions.Select(p => p.Number).DefaultIfEmpty(0).Max());
        HashSet<long> visited = [];
        Span<byte> sector = stackalloc byte[PartitionTable.MbrSize];
        while (true)
        {
            if (!visited.Add(record) || visited.Count > MaximumRecords)
            {
                partitions.Warnings.Add("The chain of logical partitions runs in a circle or is too long; the rest of it is left out.");
                return;
            }

            long offset = record * device.SectorSize;
            if (offset > device.Length - sector.Length)
            {
                partitions.Warnings.Add("The chain of logical partitions leads behind the end of the disk; the rest of it is left out.");
                return;
            }

            device.Read(offset, sector);
            if (sector[510] != 0x55 || sector[511] != 0xAA)
            {
                partitions.Warnings.Add(string.Create(
                    CultureInfo.InvariantCulture, $"The extended boot record in sector {record} has no signature; the rest of the chain is left out."));
                return;
            }

            MbrEntry[] entries = MasterBootRecord.ReadEntries(sector);
            for (int i = 0; i < entries.Length; i++)
            {
                MbrEntry entry = entries[i];
                long start = record + entry.FirstSector;
                if (entry.IsUnused || entry.IsExtended || (i >= 2 && IsGarbage(entry, start, recordSectors, first, end)))
                {
                    continue;
                }

                partitions.Add(number++, entry, start);
            }

            MbrEntry link = Array.Find(entries, e => e.IsExtended && e.SectorCount != 0);
            if (link.SectorCount == 0)
            {
                return;
            }

            record = first + link.FirstSector;
            recordSectors = link.SectorCount;
        }
    }

    /// <summary>The third and fourth entry of a record are unused by rule and hold anything.</summary>
    private static bool IsGarbage(MbrEntry entry, long start, long recordSectors, long first, long end) =>
        (long)entry.FirstSector + entry.SectorCount > recordSectors || start < first || start + entry.SectorCount > end;
}
