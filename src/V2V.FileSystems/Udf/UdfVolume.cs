using V2V.Storage;

namespace V2V.FileSystems.Udf;

/// <summary>A UDF volume by its descriptors: anchor, volume descriptor sequence, partition maps, file set.</summary>
internal sealed class UdfVolume
{
    private const int DescriptorLength = 512;
    private const int MaxDescriptors = 256;
    private const int MaxSequences = 16;
    private const int MapTableOffset = 440;
    private const int MaxMaps = 16;
    private const int RootOffset = 400;

    private UdfVolume(BlockDevice device, int sectorSize) => (Device, BlockSize) = (device, sectorSize);

    public BlockDevice Device { get; }

    /// <summary>Size of a logical block, which is that of a sector.</summary>
    public int BlockSize { get; }

    /// <summary>The partitions of the logical volume.</summary>
    public List<PartitionMap> Maps { get; } = [];

    /// <summary>Bytes of all partitions.</summary>
    public long TotalBytes { get; private set; }

    /// <summary>The entry of the root directory.</summary>
    public UdfAddress Root { get; private set; }

    /// <exception cref="V2VException"><c>UdfVolumeInvalid</c>, <c>UdfDescriptorCorrupt</c>, <c>UdfPartitionUnsupported</c>.</exception>
    public static UdfVolume Open(BlockDevice device)
    {
        foreach (int sectorSize in (ReadOnlySpan<int>)[2048, 512, 4096, 1024, 8192, 16384, 32768])
        {
            var volume = new UdfVolume(device, sectorSize);
            if (volume.FindAnchor() is { } anchor)
            {
                volume.ReadSequences(anchor);
                return volume;
            }
        }

        throw UdfErrors.Volume("it has no anchor");
    }

    /// <summary>Reads what lies in blocks that follow one another logically.</summary>
    /// <exception cref="V2VException">The range lies outside the partition or the volume.</exception>
    public void Read(UdfAddress address, Span<byte> buffer) => Read(MapOf(address.Partition), address.Block, 0, buffer);

    /// <summary>The partition map of an index.</summary>
    public PartitionMap MapOf(int index) => index < Maps.Count ? Maps[index] : throw UdfErrors.Volume(FormattableString.Invariant($"it has no partition map {index}"));

    /// <summary>The same, within a partition, from a byte behind the beginning of a block on.</summary>
    public void Read(PartitionMap map, long block, long skip, Span<byte> buffer)
    {
        block += skip / BlockSize;
        int within = (int)(skip % BlockSize);
        while (!buffer.IsEmpty)
        {
            if (block > uint.MaxValue)
            {
                throw UdfErrors.Volume("an extent leads outside its partition");
            }

            (long sector, uint count) = map.Find((uint)block);
            int step = (int)Math.Min(((long)count * BlockSize) - within, buffer.Length);
            long offset = (sector * BlockSize) + within;
            if (offset > Device.Length - step)
            {
                throw UdfErrors.Volume(FormattableString.Invariant($"sector {sector} lies outside it"));
            }

            Device.Read(offset, buffer[..step]);
            buffer = buffer[step..];
            block += count;
            within = 0;
        }
    }

    /// <summary>Reads from a sector of the volume on; false if it lies outside.</summary>
    public bool TryReadSector(long sector, Span<byte> buffer)
    {
        if (sector < 0 || sector * BlockSize > Device.Length - buffer.Length)
        {
            return false;
        }

        Device.Read(sector * BlockSize, buffer);
        return true;
    }

    /// <summary>The anchor is in sector 256, the last one, or 256 before it; on an open disc in sector 512 (ECMA-167 3/8.4.2.1, UDF 6.10).</summary>
    private byte[]? FindAnchor()
    {
        byte[] raw = new byte[DescriptorLength];
        long last = (Device.Length / BlockSize) - 1;
        foreach (long sector in (ReadOnlySpan<long>)[256, last, last - 256, 512])
        {
            if (sector is > 0 and <= uint.MaxValue && TryReadSector(sector, raw) && UdfTag.Identify(raw, (uint)sector) == UdfTag.AnchorPointer)
            {
                return raw;
            }
        }

        return null;
    }

    /// <summary>Reads the main sequence, and the reserve where the main one is damaged.</summary>
    private void ReadSequences(byte[] anchor)
    {
        try
        {
            ReadSequence(Le.U32(anchor, 20), Le.U32(anchor, 16));
        }
        catch (V2VException) when (Le.U32(anchor, 24) > 0)
        {
            Maps.Clear();
            ReadSequence(Le.U32(anchor, 28), Le.U32(anchor, 24));
        }
    }

    /// <summary>Of descriptors for one thing the one with the highest number counts (ECMA-167 3/8.4.3).</summary>
    private void ReadSequence(uint sector, uint length)
    {
        var partitions = new Dictionary<int, (uint Number, uint Start, uint Length)>();
        byte[]? logical = null;
        byte[] raw = new byte[BlockSize];
        int sequences = 0;
        for (int i = 0; i < MaxDescriptors && length >= BlockSize && TryReadSector(sector, raw); i++, sector++, length -= (uint)BlockSize)
        {
            switch (UdfTag.Identify(raw, sector))
            {
                case UdfTag.VolumePointer when sequences++ < MaxSequences:
                    (length, sector) = (Le.U32(raw, 20), Le.U32(raw, 24));
                    length = (uint)Math.Min(length + (long)BlockSize, uint.MaxValue);
                    sector--;
                    break;
                case UdfTag.Partition when !partitions.TryGetValue(Le.U16(raw, 22), out (uint Number, uint Start, uint Length) known) || known.Number <= Le.U32(raw, 16):
                    partitions[Le.U16(raw, 22)] = (Le.U32(raw, 16), Le.U32(raw, 188), Le.U32(raw, 192));
                    break;
                case UdfTag.LogicalVolume when logical is null || Le.U32(logical, 16) <= Le.U32(raw, 16):
                    logical = [.. raw];
                    break;
                case UdfTag.Terminating:
                    length = 0;
                    break;
            }

            if (length < BlockSize)
            {
                break;
            }
        }

        if (logical is null)
        {
            throw UdfErrors.Volume("it has no logical volume");
        }

        if (Le.U32(logical, 212) != BlockSize)
        {
            throw UdfErrors.Volume(FormattableString.Invariant($"its blocks have {Le.U32(logical, 212)} bytes, its sectors {BlockSize}"));
        }

        TotalBytes = partitions.Values.Sum(p => (long)p.Length) * BlockSize;
        int tableLength = (int)Math.Min(Le.U32(logical, 264), (uint)(logical.Length - MapTableOffset));
        PartitionMap.ReadAll(this, logical.AsSpan(MapTableOffset, tableLength), Math.Min(Le.U32(logical, 268), MaxMaps), partitions.ToDictionary(p => p.Key, p => (p.Value.Start, p.Value.Length)));
        ReadFileSet(UdfExtent.Long(logical.AsSpan(248, 16)));
    }

    /// <summary>Of several file sets, which follow one another, the last is the newest; discs have one (UDF 2.3.2).</summary>
    private void ReadFileSet(UdfExtent extent)
    {
        byte[] raw = new byte[DescriptorLength];
        var seen = new HashSet<UdfAddress>();
        bool isFound = false;
        while (extent.Length > 0 && seen.Add(extent.Address) && seen.Count <= MaxSequences)
        {
            Read(extent.Address, raw);
            if (UdfTag.Identify(raw, extent.Address.Block) != UdfTag.FileSet)
            {
                break;
            }

            isFound = true;
            Root = UdfExtent.Long(raw.AsSpan(RootOffset, 16)).Address;
            extent = UdfExtent.Long(raw.AsSpan(448, 16));
        }

        if (!isFound)
        {
            throw UdfErrors.Descriptor("The file set descriptor", extent.Address.Block);
        }
    }
}
