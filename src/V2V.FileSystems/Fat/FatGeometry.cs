using System.Buffers.Binary;
using System.Numerics;
using V2V.Storage;

namespace V2V.FileSystems.Fat;

/// <summary>Where everything lies in a FAT volume, from the BIOS parameter block (Microsoft FAT specification 1.03, section 3).</summary>
internal sealed class FatGeometry
{
    private const int MaximumFat12Clusters = 4084;
    private const int MaximumFat16Clusters = 65524;
    private const int MaximumFat32Clusters = 0x0FFFFFF5;

    private FatGeometry()
    {
    }

    /// <summary>Width of an entry of the allocation table: 12, 16 or 32 bits.</summary>
    public int Bits { get; private init; }

    /// <summary>Bytes per sector, 512 to 4096.</summary>
    public int SectorSize { get; private init; }

    /// <summary>Bytes per cluster.</summary>
    public int ClusterSize { get; private init; }

    /// <summary>Number of data clusters; they are numbered from 2.</summary>
    public uint ClusterCount { get; private init; }

    /// <summary>Byte offset of the first allocation table.</summary>
    public long FatStart { get; private init; }

    /// <summary>Bytes of one allocation table.</summary>
    public long FatLength { get; private init; }

    /// <summary>Number of allocation tables.</summary>
    public int FatCount { get; private init; }

    /// <summary>The table that counts when they are not mirrored (FAT32); else -1: all are written.</summary>
    public int ActiveFat { get; private init; } = -1;

    /// <summary>Byte offset of the fixed root directory (FAT12 and FAT16).</summary>
    public long RootStart { get; private init; }

    /// <summary>Entries of the fixed root directory; 0 for FAT32.</summary>
    public int RootEntries { get; private init; }

    /// <summary>First cluster of the root directory (FAT32).</summary>
    public uint RootCluster { get; private init; }

    /// <summary>Byte offset of the FSInfo sector; 0 if there is none.</summary>
    public long InfoSector { get; private init; }

    /// <summary>Byte offset of cluster 2.</summary>
    public long DataStart { get; private init; }

    /// <summary>Bytes of the volume that the file system describes.</summary>
    public long TotalBytes { get; private init; }

    /// <summary>Highest cluster number plus one.</summary>
    public uint EndCluster => ClusterCount + 2;

    /// <summary>Byte offset of a cluster.</summary>
    public long ClusterOffset(uint cluster) => DataStart + ((cluster - 2L) * ClusterSize);

    /// <summary>Reads and checks the boot sector.</summary>
    /// <exception cref="V2VException"><c>FatBootSectorInvalid</c>, <c>FatVersionUnsupported</c>.</exception>
    public static FatGeometry Read(BlockDevice device)
    {
        if (device.Length < 512)
        {
            throw FatErrors.BootSector("the volume is smaller than a sector");
        }

        Span<byte> boot = stackalloc byte[512];
        device.Read(0, boot);
        int sectorSize = Word(boot, 11);
        int clusterSectors = boot[13];
        int reserved = Word(boot, 14);
        int fatCount = boot[16];
        int rootEntries = Word(boot, 17);
        long sectors = Word(boot, 19) is var small and not 0 ? small : Long(boot, 32);
        uint fat16 = Word(boot, 22);
        bool is32 = fat16 == 0;
        long fatSectors = is32 ? Long(boot, 36) : fat16;
        if (!BitOperations.IsPow2(sectorSize) || sectorSize is < 512 or > 4096 || !BitOperations.IsPow2(clusterSectors)
            || reserved == 0 || fatCount == 0 || fatSectors == 0)
        {
            throw FatErrors.BootSector("its parameters are impossible");
        }

        if (sectors * sectorSize > device.Length)
        {
            throw FatErrors.BootSector(FormattableString.Invariant($"the file system has {sectors * sectorSize} bytes, its volume {device.Length}"));
        }

        long rootStart = (reserved + (fatCount * fatSectors)) * sectorSize;
        long rootSectors = ((rootEntries * 32L) + sectorSize - 1) / sectorSize;
        long dataStart = rootStart + (rootSectors * sectorSize);
        long clusters = ((sectors * sectorSize) - dataStart) / sectorSize / clusterSectors;
        int bits = is32 ? 32 : clusters > MaximumFat12Clusters ? 16 : 12;
        long limit = bits == 32 ? MaximumFat32Clusters : bits == 16 ? MaximumFat16Clusters : MaximumFat12Clusters;
        long entries = fatSectors * sectorSize * 8 / bits;
        clusters = Math.Min(clusters, entries - 2);
        if (clusters <= 0 || clusters > limit || (is32 ? rootEntries != 0 : rootEntries == 0))
        {
            throw FatErrors.BootSector(FormattableString.Invariant($"a FAT{bits} cannot have {clusters} clusters and {rootEntries} root entries"));
        }

        var geometry = new FatGeometry
        {
            Bits = bits,
            SectorSize = sectorSize,
            ClusterSize = sectorSize * clusterSectors,
            ClusterCount = (uint)clusters,
            FatStart = (long)reserved * sectorSize,
            FatLength = fatSectors * sectorSize,
            FatCount = fatCount,
            ActiveFat = is32 && (Word(boot, 40) & 0x80) != 0 ? Word(boot, 40) & 0xF : -1,
            RootStart = rootStart,
            RootEntries = rootEntries,
            RootCluster = is32 ? Long(boot, 44) : 0,
            InfoSector = is32 && Word(boot, 48) is var info && info < reserved && info != 0xFFFF ? (long)info * sectorSize : 0,
            DataStart = dataStart,
            TotalBytes = sectors * sectorSize,
        };
        geometry.CheckFat32(is32 ? Word(boot, 42) : 0);
        return geometry;
    }

    private void CheckFat32(int version)
    {
        if (version != 0)
        {
            throw V2VException.Unsupported("FatVersionUnsupported", FormattableString.Invariant($"FAT32 of version {version >> 8}.{version & 0xFF} is unknown; only 0.0 exists."));
        }

        if (Bits == 32 && (RootCluster < 2 || RootCluster >= EndCluster))
        {
            throw FatErrors.BootSector("the root directory lies outside the volume");
        }

        if (ActiveFat >= FatCount)
        {
            throw FatErrors.BootSector("the active allocation table does not exist");
        }
    }

    private static ushort Word(ReadOnlySpan<byte> boot, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(boot[offset..]);

    private static uint Long(ReadOnlySpan<byte> boot, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(boot[offset..]);
}
