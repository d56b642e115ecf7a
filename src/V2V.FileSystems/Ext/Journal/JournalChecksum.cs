namespace V2V.FileSystems.Ext.Journal;

/// <summary>The checksum of commit blocks in its first version. Like CRC-32C in the later ones it starts from all ones and is not inverted at the end.</summary>
internal static class JournalChecksum
{
    /// <summary>Value before the first byte.</summary>
    public const uint Start = uint.MaxValue;

    private const uint Polynomial = 0x04C11DB7;

    private static readonly uint[] s_table = MakeTable();

    /// <summary>CRC-32 of Ethernet, most significant bit first.</summary>
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
