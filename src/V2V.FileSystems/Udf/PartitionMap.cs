using System.Text;

namespace V2V.FileSystems.Udf;

/// <summary>How the blocks of a logical volume's partition are found (ECMA-167 3/10.7, UDF 2.2.8 to 2.2.10).</summary>
internal abstract class PartitionMap
{
    private const int Type1Length = 6;
    private const int Type2Length = 64;

    /// <summary>The sector of the volume that holds a block, and how many blocks follow one another from there.</summary>
    /// <exception cref="Storage.V2VException">The block lies outside the partition.</exception>
    public abstract (long Sector, uint Count) Find(uint block);

    /// <summary>Reads the partition maps of a logical volume descriptor.</summary>
    /// <param name="volume">The volume, whose blocks can be read as far as the maps before are known.</param>
    /// <param name="raw">The map table.</param>
    /// <param name="count">Number of maps.</param>
    /// <param name="partitions">First sector and length of each partition by its number.</param>
    public static void ReadAll(UdfVolume volume, ReadOnlySpan<byte> raw, uint count, IReadOnlyDictionary<int, (uint Start, uint Length)> partitions)
    {
        for (uint i = 0; i < count && raw.Length >= 2; i++)
        {
            int length = raw[1];
            if (length < 2 || length > raw.Length)
            {
                throw UdfErrors.Volume("a partition map has a wrong length");
            }

            volume.Maps.Add((raw[0], length) switch
            {
                (1, Type1Length) => Plain(Le.U16(raw, 4), partitions),
                (2, Type2Length) => ReadType2(volume, raw[..length], Plain(Le.U16(raw, 38), partitions)),
                (byte type, _) => throw UdfErrors.Partition(FormattableString.Invariant($"type {type}")),
            });
            raw = raw[length..];
        }
    }

    private static PlainPartition Plain(int number, IReadOnlyDictionary<int, (uint Start, uint Length)> partitions) =>
        partitions.TryGetValue(number, out (uint Start, uint Length) found)
            ? new PlainPartition(found.Start, found.Length)
            : throw UdfErrors.Volume(FormattableString.Invariant($"partition {number} is missing"));

    private static PartitionMap ReadType2(UdfVolume volume, ReadOnlySpan<byte> raw, PlainPartition plain)
    {
        string kind = Encoding.Latin1.GetString(raw.Slice(5, 23)).TrimEnd('\0');
        return kind switch
        {
            "*UDF Virtual Partition" => VirtualPartition.Open(volume, plain),
            "*UDF Sparable Partition" => SparablePartition.Open(volume, raw, plain),
            "*UDF Metadata Partition" => MetadataPartition.Open(volume, Le.U32(raw, 40), Le.U32(raw, 44), plain),
            _ => throw UdfErrors.Partition(kind),
        };
    }
}

/// <summary>Blocks that follow one another in the volume.</summary>
internal sealed class PlainPartition(uint start, uint length) : PartitionMap
{
    public uint Start => start;

    public uint Length => length;

    public override (long Sector, uint Count) Find(uint block) =>
        block < length ? (start + (long)block, length - block) : throw UdfErrors.Volume(FormattableString.Invariant($"block {block} lies outside its partition"));
}
