using System.Buffers.Binary;
using System.Numerics;

namespace V2V.FileSystems.Ext;

/// <summary>The two checksums of ext4: CRC-32C without the customary inversions (metadata_csum) and CRC-16/ARC (uninit_bg).</summary>
internal static class ExtChecksum
{
    private static readonly ushort[] s_crc16 = MakeCrc16Table();

    /// <summary>Continues a CRC-32C over <paramref name="data"/>; the first seed of a file system is all ones.</summary>
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

    /// <summary>Continues a CRC-32C over the little-endian bytes of a number.</summary>
    public static uint Crc32C(uint crc, uint value) => BitOperations.Crc32C(crc, value);

    /// <summary>Continues a CRC-32C over the little-endian bytes of a number.</summary>
    public static uint Crc32C(uint crc, ulong value) => BitOperations.Crc32C(crc, value);

    /// <summary>Continues a CRC-16 (polynomial 0x8005, reflected) over <paramref name="data"/>.</summary>
    public static ushort Crc16(ushort crc, ReadOnlySpan<byte> data)
    {
        foreach (byte value in data)
        {
            crc = (ushort)((crc >> 8) ^ s_crc16[(crc ^ value) & 0xFF]);
        }

        return crc;
    }

    private static ushort[] MakeCrc16Table()
    {
        var table = new ushort[256];
        for (int i = 0; i < 256; i++)
        {
            int value = i;
            for (int bit = 0; bit < 8; bit++)
            {
                value = (value & 1) != 0 ? (value >> 1) ^ 0xA001 : value >> 1;
            }

            table[i] = (ushort)value;
        }

        return table;
    }
}
