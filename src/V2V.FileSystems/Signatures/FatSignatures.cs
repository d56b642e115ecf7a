using System.Buffers.Binary;
using System.Numerics;

namespace V2V.FileSystems.Signatures;

/// <summary>FAT12, FAT16, FAT32 and exFAT.</summary>
internal static class FatSignatures
{
    private const int MaximumChain = 4096;

    /// <summary>
    /// FAT: the label is the root directory's, never the boot sector's. The geometry is checked because the magic may be no
    /// more than a jump instruction.
    /// </summary>
    public static VolumeSignature Fat(SignatureReader reader)
    {
        ReadOnlySpan<byte> boot = reader.Bytes(0, 512);
        if (boot.IsEmpty || !HasMagic(boot))
        {
            return default;
        }

        int sectorSize = BinaryPrimitives.ReadUInt16LittleEndian(boot[11..]);
        int clusterSectors = boot[13];
        int reserved = BinaryPrimitives.ReadUInt16LittleEndian(boot[14..]);
        int fats = boot[16];
        int rootEntries = BinaryPrimitives.ReadUInt16LittleEndian(boot[17..]);
        uint sectors = BinaryPrimitives.ReadUInt16LittleEndian(boot[19..]);
        sectors = sectors == 0 ? BinaryPrimitives.ReadUInt32LittleEndian(boot[32..]) : sectors;
        uint fat16Length = BinaryPrimitives.ReadUInt16LittleEndian(boot[22..]);
        uint fat32Length = BinaryPrimitives.ReadUInt32LittleEndian(boot[36..]);
        if (fats == 0 || reserved == 0 || boot[21] is not (>= 0xF8 or 0xF0) || !BitOperations.IsPow2(clusterSectors)
            || !BitOperations.IsPow2(sectorSize) || sectorSize is < 512 or > 4096 || (fat16Length == 0 && fat32Length == 0))
        {
            return default;
        }

        long fatSectors = (long)(fat16Length != 0 ? fat16Length : fat32Length) * fats;
        long rootSectors = ((rootEntries * 32L) + sectorSize - 1) / sectorSize;
        long clusters = (sectors - (reserved + fatSectors + rootSectors)) / clusterSectors;
        long limit = fat16Length == 0 ? 0x0FFFFFF6 : clusters > 0xFF4 ? 0xFFF4 : 0xFF4;
        if (clusters < 0 || clusters > limit)
        {
            return default;
        }

        long rootStart = (reserved + fatSectors) * sectorSize;
        if (fat16Length != 0)
        {
            string? serial = boot[38] is 0x28 or 0x29 ? Serial(boot.Slice(39, 4)) : null;
            string? label16 = LabelIn(reader.Bytes(rootStart, rootEntries * 32), out _);
            return new VolumeSignature("vfat", serial, label16);
        }

        ushort infoSector = BinaryPrimitives.ReadUInt16LittleEndian(boot[48..]);
        if (infoSector != 0 && !IsFsInfo(reader.Bytes((long)infoSector * sectorSize, 512)))
        {
            return default;
        }

        string? label = Fat32Label(
            reader,
            (long)reserved * sectorSize,
            fat32Length * (long)sectorSize / 4,
            rootStart,
            clusterSectors * sectorSize,
            BinaryPrimitives.ReadUInt32LittleEndian(boot[44..]));
        return new VolumeSignature("vfat", Serial(boot.Slice(67, 4)), label);
    }

    /// <summary>exFAT.</summary>
    public static VolumeSignature ExFat(SignatureReader reader)
    {
        ReadOnlySpan<byte> boot = reader.Bytes(0, 512);
        if (boot.IsEmpty || !boot[3..].StartsWith("EXFAT   "u8) || boot[108] is < 9 or > 12 || boot[109] > 25 - boot[108])
        {
            return default;
        }

        int sectorSize = 1 << boot[108];
        int clusterSize = sectorSize << boot[109];
        long fatStart = (long)BinaryPrimitives.ReadUInt32LittleEndian(boot[80..]) * sectorSize;
        long heapStart = (long)BinaryPrimitives.ReadUInt32LittleEndian(boot[88..]) * sectorSize;
        uint clusters = BinaryPrimitives.ReadUInt32LittleEndian(boot[92..]);
        uint cluster = BinaryPrimitives.ReadUInt32LittleEndian(boot[96..]);
        string? label = null;
        for (int steps = 0; steps < MaximumChain && cluster >= 2 && cluster - 2 < clusters && label is null; steps++)
        {
            // The label is an entry of the root directory; a directory's head is enough, its clusters may be 32 MiB.
            ReadOnlySpan<byte> entries = reader.Bytes(heapStart + ((cluster - 2) * (long)clusterSize), Math.Min(clusterSize, 64 << 10));
            for (; entries.Length >= 32 && entries[0] != 0; entries = entries[32..])
            {
                if (entries[0] == 0x83)
                {
                    label = SignatureReader.Label16(entries.Slice(2, Math.Min((int)entries[1], 11) * 2));
                    break;
                }
            }

            ReadOnlySpan<byte> next = reader.Bytes(fatStart + (cluster * 4L), 4);
            cluster = entries.IsEmpty && !next.IsEmpty ? BinaryPrimitives.ReadUInt32LittleEndian(next) : 0;
        }

        return new VolumeSignature("exfat", Serial(boot.Slice(100, 4)), label);
    }

    private static bool HasMagic(ReadOnlySpan<byte> boot)
    {
        ReadOnlySpan<byte> name16 = boot[0x36..];
        ReadOnlySpan<byte> name32 = boot[0x52..];
        if (name32.StartsWith("MSWIN"u8) || name32.StartsWith("FAT32   "u8) || name16.StartsWith("MSDOS"u8)
            || name16.StartsWith("FAT16   "u8) || name16.StartsWith("FAT12   "u8) || name16.StartsWith("FAT     "u8))
        {
            return true;
        }

        // OS/2 puts a FAT-like boot sector in front of JFS and HPFS.
        return boot[510] == 0x55 && boot[511] == 0xAA && !name16.StartsWith("JFS     "u8) && !name16.StartsWith("HPFS    "u8);
    }

    private static bool IsFsInfo(ReadOnlySpan<byte> sector) =>
        !sector.IsEmpty
        && (sector.StartsWith("RRaA"u8) || sector.StartsWith("RRdA"u8) || sector.StartsWith(stackalloc byte[4]))
        && (sector[484..].StartsWith("rrAa"u8) || sector[484..].StartsWith(stackalloc byte[4]));

    private static string? Fat32Label(SignatureReader reader, long fatStart, long fatEntries, long dataStart, int clusterSize, uint cluster)
    {
        for (int steps = 0; steps < MaximumChain && cluster >= 2 && cluster < fatEntries; steps++)
        {
            string? label = LabelIn(reader.Bytes(dataStart + ((cluster - 2) * (long)clusterSize), clusterSize), out bool ended);
            ReadOnlySpan<byte> next = reader.Bytes(fatStart + (cluster * 4L), 4);
            if (label is not null || ended || next.IsEmpty)
            {
                return label;
            }

            cluster = BinaryPrimitives.ReadUInt32LittleEndian(next) & 0x0FFFFFFF;
        }

        return null;
    }

    private static string? LabelIn(ReadOnlySpan<byte> directory, out bool ended)
    {
        for (; directory.Length >= 32 && directory[0] != 0; directory = directory[32..])
        {
            byte attributes = directory[11];
            bool hasCluster = directory.Slice(20, 2).ContainsAnyExcept((byte)0) || directory.Slice(26, 2).ContainsAnyExcept((byte)0);
            if (directory[0] != 0xE5 && !hasCluster && (attributes & 0x3F) != 0x0F && (attributes & 0x18) == 0x08)
            {
                ended = true;
                Span<byte> name = stackalloc byte[11];
                directory[..11].CopyTo(name);
                name[0] = name[0] == 0x05 ? (byte)0xE5 : name[0];
                return SignatureReader.Label(name);
            }
        }

        ended = directory.Length >= 32;
        return null;
    }

    private static string? Serial(ReadOnlySpan<byte> bytes)
    {
        uint serial = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        return serial == 0 ? null : FormattableString.Invariant($"{serial >> 16:X4}-{serial & 0xFFFF:X4}");
    }
}
