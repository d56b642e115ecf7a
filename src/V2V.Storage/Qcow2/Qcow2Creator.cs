using System.Buffers.Binary;

namespace V2V.Storage.Qcow2;

/// <summary>How a new image is laid out.</summary>
public sealed record Qcow2CreateOptions
{
    /// <summary>Bytes in a cluster: a power of two from 512 to 2097152.</summary>
    public int ClusterSize { get; init; } = 65536;

    /// <summary>Version of the format: 2 or 3.</summary>
    public int Version { get; init; } = 3;

    /// <summary>Bits in a refcount: 1, 2, 4, … 64; 16 in version 2.</summary>
    public int RefcountBits { get; init; } = 16;

    /// <summary>True for extended L2 entries, version 3 only.</summary>
    public bool ExtendedL2 { get; init; }
}

/// <summary>Lays out a new image: the header, the refcount table, its first blocks and the L1 table, one behind the other.</summary>
internal static class Qcow2Creator
{
    public static Qcow2Image Create(
        string path, long virtualSize, Qcow2CreateOptions options, string? backingFile, string? backingFormat, BlockDevice? backing, bool overwrite)
    {
        FileDevice? file = null;
        try
        {
            Qcow2Header header = Plan(virtualSize, options) with { BackingFile = backingFile, BackingFormat = backingFormat };
            byte[] first = header.Serialize();
            file = FileDevice.CreateGrowing(path, overwrite);
            Format(file, header, first);
            return Qcow2Image.Open(file, header, file.Path, backing);
        }
        catch
        {
            backing?.Dispose();
            if (file is not null)
            {
                file.Dispose();
                File.Delete(file.Path);
            }

            throw;
        }
    }

    /// <summary>The header of an empty image: everything but the backing file.</summary>
    public static Qcow2Header Plan(long virtualSize, Qcow2CreateOptions options)
    {
        int clusterBits = int.Log2(Math.Max(1, options.ClusterSize));
        int order = int.Log2(Math.Max(1, options.RefcountBits));
        bool isValid = virtualSize >= 0
            && options.ClusterSize == 1 << clusterBits && clusterBits is >= Qcow2Format.MinimumClusterBits and <= Qcow2Format.MaximumClusterBits
            && options.RefcountBits == 1 << order && order <= 6
            && options.Version is 2 or 3
            && (options.Version == 3 || (order == 4 && !options.ExtendedL2))
            && (!options.ExtendedL2 || clusterBits >= 14);
        var header = new Qcow2Header
        {
            Version = options.Version,
            ClusterBits = clusterBits,
            VirtualSize = virtualSize,
            RefcountOrder = order,
            Incompatible = options.ExtendedL2 ? Qcow2Format.IncompatibleExtendedL2 : 0,
        };
        long entries = isValid ? Qcow2Header.CountL1Entries(virtualSize, header.L2Coverage) : 0;
        if (!isValid || entries > Qcow2Format.MaximumL1Bytes / sizeof(ulong))
        {
            throw new V2VException(
                "Qcow2OptionsInvalid",
                V2VErrorKind.InvalidArgument,
                FormattableString.Invariant($"A qcow2 image of {virtualSize} bytes cannot have version {options.Version}, clusters of {options.ClusterSize} bytes and refcounts of {options.RefcountBits} bits."));
        }

        // The L1 table comes last, so the number of blocks depends on its size and on their own number.
        int l1Clusters = Math.Max(1, ClustersFor(entries * sizeof(ulong), header));
        int perBlock = (int)(header.ClusterSize * 8L >> order);
        int blocks = 1;
        int tableClusters = 1;
        while ((1 + tableClusters + blocks + l1Clusters + perBlock - 1) / perBlock > blocks || blocks > tableClusters * (header.ClusterSize / sizeof(ulong)))
        {
            blocks = Math.Max(blocks, (1 + tableClusters + blocks + l1Clusters + perBlock - 1) / perBlock);
            tableClusters = Math.Max(tableClusters, ClustersFor((long)blocks * sizeof(ulong), header));
        }

        return header with
        {
            L1Entries = (int)Math.Max(1, entries),
            RefcountTableOffset = header.ClusterSize,
            RefcountTableClusters = tableClusters,
            L1Offset = (1L + tableClusters + blocks) << clusterBits,
        };
    }

    private static int ClustersFor(long bytes, Qcow2Header header) => (int)((bytes + header.ClusterSize - 1) >> header.ClusterBits);

    private static void Format(FileDevice file, Qcow2Header header, byte[] first)
    {
        int clusterSize = header.ClusterSize;
        long blocksOffset = header.RefcountTableOffset + ((long)header.RefcountTableClusters << header.ClusterBits);
        long end = header.L1Offset + ((long)ClustersFor((long)header.L1Entries * sizeof(ulong), header) << header.ClusterBits);
        int blocks = (int)((header.L1Offset - blocksOffset) >> header.ClusterBits);
        file.Grow(end);
        file.Write(0, first);

        var table = new byte[blocks * sizeof(ulong)];
        for (int i = 0; i < blocks; i++)
        {
            BinaryPrimitives.WriteInt64BigEndian(table.AsSpan(i * sizeof(ulong)), blocksOffset + ((long)i << header.ClusterBits));
        }

        file.Write(header.RefcountTableOffset, table);
        var cache = new Qcow2TableCache(file, clusterSize, file.Path);
        var refcounts = new Qcow2Refcounts(file, header, cache, file.Path);
        for (long cluster = 0; cluster < end >> header.ClusterBits; cluster++)
        {
            refcounts.Use(cluster);
        }

        cache.Flush();
    }
}
