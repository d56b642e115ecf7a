using System.Buffers.Binary;
using System.Numerics;

namespace V2V.FileSystems.Ext.Journal;

/// <summary>The checksums of jbd2. Both start from all ones and are not inverted at the end.</summary>
internal static class JournalChecksum
{
    /// <summary>Value before the first byte.</summary>
    public const uint Start = uint.MaxValue;

    private const uint Polynomial = 0x04C11DB7;

    private static readonly uint[] s_table = MakeTable();

    /// <summary>CRC-32C, least significant bit first.</summary>
    public static uint Crc32C(uint crc, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        foreach (byte b in bytes)
        {
            crc = BitOperations.Crc32C(crc, b);
        }

        return crc;
    }

    /// <summary>CRC-32 of Ethernet, most significant bit first: the checksum of commit blocks in its first version.</summary>
    public static uint Crc32BigEndian(uint crc, ReadOnlySpan<byte> bytes)
    {
        foreach (byte b in bytes)
        {
            crc = (crc << 8) ^ s_table[(byte)((crc >> 24) ^ b)];
        }

        return crc;
    }

    private static uint[] MakeTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            uint crc = i << 24;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 0x80000000) != 0 ? (crc << 1) ^ Polynomial : crc << 1;
            }

            table[i] = crc;
        }

        return table;
    }
}
