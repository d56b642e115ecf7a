namespace V2V.FileSystems.Udf;

/// <summary>The tag that begins every descriptor (ECMA-167 3/7.2): an identifier, a checksum of itself, a CRC of what follows, and where it lies.</summary>
internal static class UdfTag
{
    public const int Length = 16;

    public const int PrimaryVolume = 1;
    public const int AnchorPointer = 2;
    public const int VolumePointer = 3;
    public const int Partition = 5;
    public const int LogicalVolume = 6;
    public const int Terminating = 8;
    public const int FileSet = 256;
    public const int FileIdentifier = 257;
    public const int AllocationExtent = 258;
    public const int IndirectEntry = 259;
    public const int FileEntry = 261;
    public const int ExtendedAttributes = 262;
    public const int ExtendedFileEntry = 266;

    private const ushort Polynomial = 0x1021;

    private static readonly ushort[] s_table = MakeTable();

    /// <summary>The identifier of a descriptor, or 0 if its checksum, CRC or location is wrong.</summary>
    /// <param name="raw">The descriptor, as much of it as there can be.</param>
    /// <param name="location">The block that it should say it lies in.</param>
    public static int Identify(ReadOnlySpan<byte> raw, uint location)
    {
        if (raw.Length < Length)
        {
            return 0;
        }

        byte sum = 0;
        for (int i = 0; i < Length; i++)
        {
            sum += i == 4 ? (byte)0 : raw[i];
        }

        int crcLength = Le.U16(raw, 10);
        bool isGood = sum == raw[4] && Le.U32(raw, 12) == location && crcLength <= raw.Length - Length && Crc(raw.Slice(Length, crcLength)) == Le.U16(raw, 8);
        return isGood ? Le.U16(raw, 0) : 0;
    }

    /// <summary>CRC-16 of ITU-T V.41 from zero (ECMA-167 1/7.2.6).</summary>
    internal static ushort Crc(ReadOnlySpan<byte> data)
    {
        ushort crc = 0;
        foreach (byte b in data)
        {
            crc = (ushort)((crc << 8) ^ s_table[(crc >> 8) ^ b]);
        }

        return crc;
    }

    private static ushort[] MakeTable()
    {
        var table = new ushort[256];
        for (int i = 0; i < 256; i++)
        {
            ushort value = (ushort)(i << 8);
            for (int bit = 0; bit < 8; bit++)
            {
                value = (ushort)((value & 0x8000) != 0 ? (value << 1) ^ Polynomial : value << 1);
            }

            table[i] = value;
        }

        return table;
    }
}
