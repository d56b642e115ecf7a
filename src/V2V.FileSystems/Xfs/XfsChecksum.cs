using System.Buffers.Binary;
using System.Numerics;

namespace V2V.FileSystems.Xfs;

/// <summary>
/// The checksum of version 5 metadata: CRC-32C over the whole structure with the field itself as zero, stored little-endian
/// ("Self Describing Metadata" of the XFS documentation).
/// </summary>
internal static class XfsChecksum
{
    /// <summary>Continues a CRC-32C register over <paramref name="data"/>; no inversions.</summary>
    public static uint Crc32C(uint crc, ReadOnlySpan<byte> data)
    {
        while (data.Length >= 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(data));
            data = data[8..];
        }

        foreach (byte value in data)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return crc;
    }

    /// <summary>The checksum of a structure whose checksum field is at <paramref name="field"/>.</summary>
    public static uint Compute(ReadOnlySpan<byte> structure, int field)
    {
        uint crc = Crc32C(uint.MaxValue, structure[..field]);
        crc = BitOperations.Crc32C(crc, 0u);
        return ~Crc32C(crc, structure[(field + 4)..]);
    }

    /// <summary>True if the stored checksum is the right one.</summary>
    public static bool IsValid(ReadOnlySpan<byte> structure, int field) =>
        BinaryPrimitives.ReadUInt32LittleEndian(structure[field..]) == Compute(structure, field);

    /// <summary>Stores the checksum.</summary>
    public static void Stamp(Span<byte> structure, int field) =>
        BinaryPrimitives.WriteUInt32LittleEndian(structure[field..], Compute(structure, field));
}
