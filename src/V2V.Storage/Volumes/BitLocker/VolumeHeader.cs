using System.Buffers.Binary;
using System.Numerics;

namespace V2V.Storage.Volumes.BitLocker;

/// <summary>
/// The first sector of a BitLocker volume: it looks like NTFS (Vista) or FAT32 (Windows 7 and later; To Go, with files that explain it), and says where the
/// metadata lies (libbde, "BitLocker Drive Encryption format", Volume header). The file system's own first sectors lie elsewhere, except in Vista.
/// </summary>
internal sealed record VolumeHeader
{
    private const int Size = 512;
    private const int MinSector = 512;
    private const int MaxSector = 4096;

    /// <summary>4967d63b-2e29-4ad8-8399-f6a339e3d001: places of the metadata follow.</summary>
    private static ReadOnlySpan<byte> MetadataMark => [0x3B, 0xD6, 0x67, 0x49, 0x29, 0x2E, 0xD8, 0x4A, 0x83, 0x99, 0xF6, 0xA3, 0x39, 0xE3, 0xD0, 0x01];

    /// <summary>92a84d3b-dd80-4d0e-9e4e-b1e3284eaed8: those of the encrypt-on-write bitmaps follow too.</summary>
    private static ReadOnlySpan<byte> EncryptOnWriteMark => [0x3B, 0x4D, 0xA8, 0x92, 0x80, 0xDD, 0x0E, 0x4D, 0x9E, 0x4E, 0xB1, 0xE3, 0x28, 0x4E, 0xAE, 0xD8];

    /// <summary>Bytes in a sector; each is encrypted by itself.</summary>
    internal required int SectorSize { get; init; }

    /// <summary>Bytes in a cluster; told by Vista only, else 0.</summary>
    internal int ClusterSize { get; init; }

    /// <summary>First bytes of the copies of the metadata: one in Vista, else three.</summary>
    internal required long[] MetadataOffsets { get; init; }

    /// <summary>First bytes of the two copies of the description of encrypt-on-write; empty where the volume is not being converted.</summary>
    internal long[] EncryptOnWriteOffsets { get; init; } = [];

    /// <summary>Reads the header.</summary>
    /// <returns>The header; null if the device is no BitLocker volume.</returns>
    /// <exception cref="V2VException"><c>BitLockerMetadataDamaged</c>.</exception>
    internal static VolumeHeader? TryRead(BlockDevice device, string target)
    {
        if (device.Length < Size)
        {
            return null;
        }

        Span<byte> sector = stackalloc byte[Size];
        device.Read(0, sector);
        bool isNamed = sector[3..].StartsWith("-FVE-FS-"u8);
        if (!isNamed && !sector[3..].StartsWith("MSWIN4.1"u8))
        {
            return null;
        }

        // Windows itself looks for the marks anywhere in the sector; their places differ between fixed volumes and To Go.
        int onWrite = sector.IndexOf(EncryptOnWriteMark), plain = sector.IndexOf(MetadataMark), mark = onWrite >= 0 ? onWrite : plain;
        int count = onWrite >= 0 ? 5 : 3, sectorSize = BinaryPrimitives.ReadUInt16LittleEndian(sector[11..]);
        if (mark < 0 && !isNamed)
        {
            return null;
        }

        if (!BitOperations.IsPow2(sectorSize) || sectorSize is < MinSector or > MaxSector)
        {
            throw BitLockerErrors.Damaged(FormattableString.Invariant($"sectors of {sectorSize} bytes"), target);
        }

        if (mark < 0)
        {
            return ReadVista(sector, sectorSize, target);
        }

        if (mark + 16 + (count * 8) > Size)
        {
            throw BitLockerErrors.Damaged("the places of the metadata are cut off", target);
        }

        var offsets = new long[count];
        for (int i = 0; i < count; i++)
        {
            offsets[i] = BinaryPrimitives.ReadInt64LittleEndian(sector[(mark + 16 + (i * 8))..]);
        }

        return new VolumeHeader { SectorSize = sectorSize, MetadataOffsets = offsets[..3], EncryptOnWriteOffsets = offsets[3..] };
    }

    private static VolumeHeader ReadVista(ReadOnlySpan<byte> sector, int sectorSize, string target)
    {
        int clusterSize = sectorSize * sector[13];
        ulong cluster = BinaryPrimitives.ReadUInt64LittleEndian(sector[56..]);
        if (!BitOperations.IsPow2(sector[13]) || cluster > long.MaxValue / (ulong)clusterSize)
        {
            throw BitLockerErrors.Damaged("the first sector names no place of the metadata", target);
        }

        return new VolumeHeader { SectorSize = sectorSize, ClusterSize = clusterSize, MetadataOffsets = [(long)cluster * clusterSize] };
    }
}
