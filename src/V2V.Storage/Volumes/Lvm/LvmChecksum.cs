namespace V2V.Storage.Volumes.Lvm;

/// <summary>LVM2's checksum: CRC-32 with its own start value and without the final complement.</summary>
internal static class LvmChecksum
{
    /// <summary>Start value of every checksum.</summary>
    internal const uint Initial = 0xF597A6CF;

    private static readonly uint[] s_table = MakeTable();

    /// <summary>Goes on with a checksum.</summary>
    internal static uint Compute(uint checksum, ReadOnlySpan<byte> data)
    {
        foreach (byte value in data)
        {
            checksum = s_table[(byte)(checksum ^ value)] ^ (checksum >> 8);
        }

        return checksum;
    }

    private static uint[] MakeTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < table.Length; i++)
        {
            uint value = i;
            for (int bit = 0; bit < 8; bit++)
            {
                value = (value & 1) != 0 ? (value >> 1) ^ 0xEDB88320 : value >> 1;
            }

            table[i] = value;
        }

        return table;
    }
}
