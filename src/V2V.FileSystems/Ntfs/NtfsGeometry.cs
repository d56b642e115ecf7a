using System.Buffers.Binary;
using System.Numerics;
using V2V.Storage;

namespace V2V.FileSystems.Ntfs;

/// <summary>The sizes that the boot sector gives (the BIOS parameter block of NTFS, <c>$Boot</c>).</summary>
internal sealed class NtfsGeometry
{
    /// <summary>Largest cluster: 2 MiB, since Windows 10 1709.</summary>
    private const int MaxClusterSize = 2 << 20;

    private NtfsGeometry(ReadOnlySpan<byte> boot, long deviceLength)
    {
        if (!boot[3..].StartsWith("NTFS    "u8))
        {
            throw NtfsErrors.BootSector("it has no NTFS signature");
        }

        SectorSize = BinaryPrimitives.ReadUInt16LittleEndian(boot[11..]);
        if (!BitOperations.IsPow2(SectorSize) || SectorSize is < 256 or > 4096)
        {
            throw NtfsErrors.BootSector(FormattableString.Invariant($"sectors of {SectorSize} bytes"));
        }

        // Above 128 sectors the byte holds a negative power of two.
        int sectors = boot[13] <= 128 ? boot[13] : boot[13] >= 0xE0 ? 1 << Math.Min(256 - boot[13], 20) : 0;
        long clusterSize = (long)sectors * SectorSize;
        if (!BitOperations.IsPow2(sectors) || clusterSize is 0 or > MaxClusterSize)
        {
            throw NtfsErrors.BootSector(FormattableString.Invariant($"clusters of {clusterSize} bytes"));
        }

        ClusterSize = (int)clusterSize;
        ClusterCount = BinaryPrimitives.ReadInt64LittleEndian(boot[40..]) / sectors;
        if (ClusterCount <= 0 || ClusterCount > deviceLength / ClusterSize)
        {
            throw NtfsErrors.BootSector(FormattableString.Invariant($"{ClusterCount} clusters do not fit into a volume of {deviceLength} bytes"));
        }

        MftCluster = BinaryPrimitives.ReadInt64LittleEndian(boot[48..]);
        MirrorCluster = BinaryPrimitives.ReadInt64LittleEndian(boot[56..]);
        if (MftCluster <= 0 || MftCluster >= ClusterCount)
        {
            throw NtfsErrors.BootSector("the master file table lies outside the volume");
        }

        RecordSize = StructureSize((sbyte)boot[64]);
        IndexBlockSize = StructureSize((sbyte)boot[68]);
        if (RecordSize < 512 || IndexBlockSize < 512)
        {
            throw NtfsErrors.BootSector("file records or index blocks have an impossible size");
        }
    }

    /// <summary>Bytes in a sector: 256 to 4096.</summary>
    public int SectorSize { get; }

    /// <summary>Bytes in a cluster: 512 to 2 MiB.</summary>
    public int ClusterSize { get; }

    /// <summary>Number of clusters.</summary>
    public long ClusterCount { get; }

    /// <summary>First cluster of <c>$MFT</c>.</summary>
    public long MftCluster { get; }

    /// <summary>First cluster of <c>$MFTMirr</c>.</summary>
    public long MirrorCluster { get; }

    /// <summary>Bytes in a file record: 1024, or 4096 on drives with such sectors.</summary>
    public int RecordSize { get; }

    /// <summary>Bytes in an index block of directories, nearly always 4096.</summary>
    public int IndexBlockSize { get; }

    /// <summary>Reads the boot sector of a volume.</summary>
    /// <exception cref="V2VException"><c>NtfsBootSectorInvalid</c>.</exception>
    public static NtfsGeometry Read(BlockDevice device)
    {
        if (device.Length < 4096)
        {
            throw NtfsErrors.BootSector("the volume is smaller than one");
        }

        Span<byte> boot = stackalloc byte[512];
        device.Read(0, boot);
        return new NtfsGeometry(boot, device.Length);
    }

    /// <summary>Clusters that so many bytes take.</summary>
    public long ClustersFor(long bytes) => (bytes / ClusterSize) + (bytes % ClusterSize == 0 ? 0 : 1);

    private int StructureSize(sbyte units)
    {
        long size = units > 0 ? (long)units * ClusterSize : 1L << Math.Min(-units, 30);
        return units != 0 && BitOperations.IsPow2(size) && size <= 65536 ? (int)size : 0;
    }
}
