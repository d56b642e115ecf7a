namespace V2V.FileSystems.Udf;

/// <summary>A partition of a disc that is written once: a table, the last file on the disc, says where each block is now (UDF 2.2.8, 2.2.11).</summary>
internal sealed class VirtualPartition : PartitionMap
{
    private const byte TableFileType = 248;
    private const int MaxTableLength = 64 << 20;
    private const int OldTailLength = 36;
    private const int HeadLength = 152;
    private const uint Unused = uint.MaxValue;

    /// <summary>Blocks from the end of the volume in which the table's entry is looked for: writers leave up to two seconds of run-out.</summary>
    private const int SearchedBlocks = 512;

    private readonly PlainPartition _plain;
    private readonly byte[] _table;
    private readonly int _start;
    private readonly int _count;

    private VirtualPartition(PlainPartition plain, byte[] table, int start, int count) => (_plain, _table, _start, _count) = (plain, table, start, count);

    /// <param name="volume">The volume.</param>
    /// <param name="plain">Where its blocks lie.</param>
    public static VirtualPartition Open(UdfVolume volume, PlainPartition plain)
    {
        long last = Math.Min((volume.Device.Length / volume.BlockSize) - plain.Start, plain.Length) - 1;
        for (long block = last; block >= 0 && block > last - SearchedBlocks; block--)
        {
            if (UdfFile.TryRead(volume, plain, (uint)block) is { } file && Parse(file, volume, plain) is { } found)
            {
                return found;
            }
        }

        throw UdfErrors.Volume("it has no virtual allocation table; the disc was perhaps never closed");
    }

    public override (long Sector, uint Count) Find(uint block)
    {
        uint actual = block < _count ? Le.U32(_table, _start + ((int)block * 4)) : Unused;
        return actual == Unused ? throw UdfErrors.Volume(FormattableString.Invariant($"virtual block {block} is not in use")) : (_plain.Find(actual).Sector, 1u);
    }

    /// <summary>UDF 2.00 and later: a head of its own. UDF 1.50: an identifier and the place of the older table at the end.</summary>
    private static VirtualPartition? Parse(UdfFile file, UdfVolume volume, PlainPartition plain)
    {
        if (file.Length > MaxTableLength || file.FileType is not (TableFileType or 0))
        {
            return null;
        }

        byte[] table = new byte[file.Length];
        using (var stream = new UdfFileStream(volume, file, "", plain))
        {
            stream.ReadExactly(table);
        }

        if (file.FileType == TableFileType)
        {
            int head = table.Length >= HeadLength ? Le.U16(table, 0) : 0;
            return head >= HeadLength && head <= table.Length ? new VirtualPartition(plain, table, head, (table.Length - head) / 4) : null;
        }

        bool isOld = table.Length >= OldTailLength && table.AsSpan(table.Length - OldTailLength + 1).StartsWith("*UDF Virtual Alloc Tbl"u8);
        return isOld ? new VirtualPartition(plain, table, 0, (table.Length - OldTailLength) / 4) : null;
    }
}
