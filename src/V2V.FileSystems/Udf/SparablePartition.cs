namespace V2V.FileSystems.Udf;

/// <summary>A partition of a rewritable disc, some of whose packets have moved because they were defective (UDF 2.2.9, 2.2.12).</summary>
internal sealed class SparablePartition : PartitionMap
{
    private const int MaxTables = 4;
    private const int TableHead = 56;
    private const int EntryLength = 8;
    private const int MaxTableLength = 1 << 20;
    private const uint FirstReserved = 0xFFFF_FFF0;

    private readonly PlainPartition _plain;
    private readonly uint _packet;
    private readonly Dictionary<uint, uint> _moved;

    private SparablePartition(PlainPartition plain, uint packet, Dictionary<uint, uint> moved) => (_plain, _packet, _moved) = (plain, packet, moved);

    /// <param name="volume">The volume.</param>
    /// <param name="raw">The partition map.</param>
    /// <param name="plain">Where the blocks lie that did not move.</param>
    public static SparablePartition Open(UdfVolume volume, ReadOnlySpan<byte> raw, PlainPartition plain)
    {
        uint packet = Le.U16(raw, 40);
        int tables = Math.Min((int)raw[42], MaxTables);
        uint size = Le.U32(raw, 44);
        if (packet == 0 || size is < TableHead or > MaxTableLength)
        {
            throw UdfErrors.Volume("the map of its sparable partition has a wrong size");
        }

        // The tables are copies; the first good one counts.
        for (int i = 0; i < tables; i++)
        {
            uint location = Le.U32(raw, 48 + (i * 4));
            byte[] table = new byte[size];
            if (volume.TryReadSector(location, table) && Le.U16(table, 0) == 0 && Le.U32(table, 12) == location && table.AsSpan(17).StartsWith("*UDF Sparing Table"u8))
            {
                return new SparablePartition(plain, packet, ReadTable(table));
            }
        }

        throw UdfErrors.Volume("it has no good sparing table");
    }

    public override (long Sector, uint Count) Find(uint block)
    {
        uint within = block % _packet;
        (long sector, uint count) = _plain.Find(block);
        return (_moved.TryGetValue(block - within, out uint moved) ? moved + (long)within : sector, Math.Min(count, _packet - within));
    }

    private static Dictionary<uint, uint> ReadTable(byte[] table)
    {
        var moved = new Dictionary<uint, uint>();
        int count = Math.Min((int)Le.U16(table, 48), (table.Length - TableHead) / EntryLength);
        for (int i = 0; i < count; i++)
        {
            uint original = Le.U32(table, TableHead + (i * EntryLength));
            if (original < FirstReserved)
            {
                moved[original] = Le.U32(table, TableHead + (i * EntryLength) + 4);
            }
        }

        return moved;
    }
}
