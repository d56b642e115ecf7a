using V2V.Storage;

namespace V2V.FileSystems.Udf;

/// <summary>A partition whose blocks are the content of a file, of which there may be a mirror (UDF 2.2.10, 2.2.13).</summary>
internal sealed class MetadataPartition : PartitionMap
{
    private readonly PlainPartition _plain;
    private readonly List<(uint First, UdfExtent Extent)> _extents = [];
    private readonly int _blockSize;

    private MetadataPartition(UdfVolume volume, PlainPartition plain, UdfFile file)
    {
        _plain = plain;
        _blockSize = volume.BlockSize;
        uint first = 0;
        foreach (UdfExtent extent in file.Extents)
        {
            _extents.Add((first, extent));
            first += (uint)((extent.Length + (long)_blockSize - 1) / _blockSize);
        }
    }

    /// <param name="volume">The volume.</param>
    /// <param name="main">Block of the file's entry.</param>
    /// <param name="mirror">Block of the mirror's entry.</param>
    /// <param name="plain">The partition that both files are in.</param>
    public static MetadataPartition Open(UdfVolume volume, uint main, uint mirror, PlainPartition plain)
    {
        try
        {
            return new MetadataPartition(volume, plain, UdfFile.Read(volume, plain, main));
        }
        catch (V2VException) when (mirror != uint.MaxValue && mirror != main)
        {
            return new MetadataPartition(volume, plain, UdfFile.Read(volume, plain, mirror));
        }
    }

    public override (long Sector, uint Count) Find(uint block)
    {
        int low = 0, high = _extents.Count - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            (low, high) = _extents[middle].First <= block ? (middle, high) : (low, middle - 1);
        }

        if (high < 0 || block - _extents[low].First >= (_extents[low].Extent.Length + (long)_blockSize - 1) / _blockSize || !_extents[low].Extent.IsRecorded)
        {
            throw UdfErrors.Volume(FormattableString.Invariant($"block {block} lies outside the metadata file"));
        }

        (uint first, UdfExtent extent) = _extents[low];
        uint within = block - first;
        (long sector, uint count) = _plain.Find(extent.Address.Block + within);
        return (sector, Math.Min(count, (uint)((extent.Length + (long)_blockSize - 1) / _blockSize) - within));
    }
}
