using System.Buffers.Binary;
using System.Numerics;

namespace V2V.FileSystems.Signatures;

/// <summary>NTFS, ReFS and BitLocker.</summary>
internal static class WindowsSignatures
{
    /// <summary>NTFS; the label is the attribute $VOLUME_NAME of the file record 3, $Volume.</summary>
    public static VolumeSignature Ntfs(SignatureReader reader)
    {
        ReadOnlySpan<byte> boot = reader.Bytes(0, 512);
        if (boot.IsEmpty || !boot[3..].StartsWith("NTFS    "u8))
        {
            return default;
        }

        int sectorSize = BinaryPrimitives.ReadUInt16LittleEndian(boot[11..]);
        int clusterSectors = boot[13] is > 0 and <= 128 ? boot[13] : boot[13] >= 0xE0 ? 1 << (256 - boot[13]) : 0;
        int recordUnits = (sbyte)boot[64];
        if (!BitOperations.IsPow2(sectorSize) || sectorSize is < 256 or > 4096 || clusterSectors == 0 || !BitOperations.IsPow2(clusterSectors)
            || recordUnits == 0 || recordUnits < -16)
        {
            return default;
        }

        long clusterSize = (long)sectorSize * clusterSectors;
        long recordSize = recordUnits > 0 ? recordUnits * clusterSize : 1L << -recordUnits;
        ulong mft = BinaryPrimitives.ReadUInt64LittleEndian(boot[48..]);
        ulong serial = BinaryPrimitives.ReadUInt64LittleEndian(boot[72..]);
        string? uuid = serial == 0 ? null : serial.ToString("X16", System.Globalization.CultureInfo.InvariantCulture);
        string? label = null;
        if (recordSize is >= 256 and <= 65536 && mft < (ulong)(reader.Length / clusterSize))
        {
            label = VolumeName(reader.Bytes(((long)mft * clusterSize) + (3 * recordSize), (int)recordSize), sectorSize);
        }

        return new VolumeSignature("ntfs", uuid, label);
    }

    /// <summary>ReFS.</summary>
    public static VolumeSignature Refs(SignatureReader reader) =>
        reader.Has(0, "\0\0\0ReFS\0"u8) ? new VolumeSignature("ReFS", null, null) : default;

    /// <summary>BitLocker of Vista, of Windows 7 and later, and To Go; label and UUID are in the first readable metadata block.</summary>
    public static VolumeSignature BitLocker(SignatureReader reader)
    {
        ReadOnlySpan<byte> boot = reader.Bytes(0, 512);
        if (boot.IsEmpty)
        {
            return default;
        }

        bool fixedDisk = boot[3..].StartsWith("-FVE-FS-"u8) && boot[0] == 0xEB;
        bool toGo = boot[3..].StartsWith("MSWIN4.1"u8)
            && boot.Slice(424, 16).SequenceEqual(BitLockerGuid);
        if (!fixedDisk && !toGo)
        {
            return default;
        }

        // Vista names one metadata block, by cluster; later versions name three, by byte.
        bool vista = fixedDisk && boot[1] == 0x52;
        ulong offset = toGo ? BinaryPrimitives.ReadUInt64LittleEndian(boot[440..])
            : vista ? BinaryPrimitives.ReadUInt64LittleEndian(boot[56..]) * (ulong)(BinaryPrimitives.ReadUInt16LittleEndian(boot[11..]) * boot[13])
            : BinaryPrimitives.ReadUInt64LittleEndian(boot[176..]);
        ReadOnlySpan<byte> block = offset < (ulong)reader.Length ? reader.Bytes((long)offset, 112) : default;
        if (!block.StartsWith("-FVE-FS-"u8) || BinaryPrimitives.ReadUInt16LittleEndian(block[10..]) < 2)
        {
            return new VolumeSignature("BitLocker", null, null);
        }

        string uuid = new Guid(block.Slice(80, 16)).ToString("D");
        int size = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(block[64..]), 65536u);
        ReadOnlySpan<byte> entries = size > 48 ? reader.Bytes((long)offset + 112, size - 48) : default;
        while (entries.Length >= 8)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(entries);
            if (length < 8 || length > entries.Length)
            {
                break;
            }

            if (BinaryPrimitives.ReadUInt16LittleEndian(entries[2..]) == 7 && BinaryPrimitives.ReadUInt16LittleEndian(entries[4..]) == 2)
            {
                return new VolumeSignature("BitLocker", uuid, SignatureReader.Label16(entries[8..length]));
            }

            entries = entries[length..];
        }

        return new VolumeSignature("BitLocker", uuid, null);
    }

    private static ReadOnlySpan<byte> BitLockerGuid =>
        [0x3B, 0xD6, 0x67, 0x49, 0x29, 0x2E, 0xD8, 0x4A, 0x83, 0x99, 0xF6, 0xA3, 0x39, 0xE3, 0xD0, 0x01];

    private static string? VolumeName(ReadOnlySpan<byte> stored, int sectorSize)
    {
        if (!stored.StartsWith("FILE"u8))
        {
            return null;
        }

        byte[] record = stored.ToArray();
        UndoFixups(record, sectorSize);
        int at = BinaryPrimitives.ReadUInt16LittleEndian(record.AsSpan(20));
        while (at + 24 <= record.Length)
        {
            ReadOnlySpan<byte> attribute = record.AsSpan(at);
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(attribute);
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(attribute[4..]);
            if (type == uint.MaxValue || length < 24 || length > attribute.Length)
            {
                return null;
            }

            if (type == 0x60 && attribute[8] == 0)
            {
                uint valueLength = BinaryPrimitives.ReadUInt32LittleEndian(attribute[16..]);
                ushort valueOffset = BinaryPrimitives.ReadUInt16LittleEndian(attribute[20..]);
                return valueOffset + (long)valueLength <= length ? SignatureReader.Label16(attribute.Slice(valueOffset, (int)valueLength)) : null;
            }

            at += (int)length;
        }

        return null;
    }

    private static void UndoFixups(Span<byte> record, int sectorSize)
    {
        int array = BinaryPrimitives.ReadUInt16LittleEndian(record[4..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(record[6..]);
        int stride = Math.Min(sectorSize, 512);
        for (int i = 1; i < count; i++)
        {
            int end = i * stride;
            int source = array + (i * 2);
            if (end > record.Length || source + 2 > record.Length)
            {
                return;
            }

            record.Slice(source, 2).CopyTo(record[(end - 2)..]);
        }
    }
}
