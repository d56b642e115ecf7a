namespace V2V.FileSystems.Udf;

/// <summary>A block of a partition (lb_addr, ECMA-167 4/7.1).</summary>
/// <param name="Block">Number of the block in the partition.</param>
/// <param name="Partition">Index of the partition map.</param>
internal readonly record struct UdfAddress(uint Block, int Partition);

/// <summary>An extent of a file (ECMA-167 4/14.14.1).</summary>
/// <param name="Length">Length in bytes.</param>
/// <param name="IsRecorded">False if it reads as zeroes.</param>
/// <param name="Address">Where it begins.</param>
internal readonly record struct UdfExtent(uint Length, bool IsRecorded, UdfAddress Address)
{
    /// <summary>Bits of the length that hold the kind.</summary>
    private const uint LengthMask = 0x3FFF_FFFF;

    /// <summary>Reads a long_ad.</summary>
    public static UdfExtent Long(ReadOnlySpan<byte> raw)
    {
        uint length = Le.U32(raw, 0);
        return new UdfExtent(length & LengthMask, length >> 30 == 0, new UdfAddress(Le.U32(raw, 4), Le.U16(raw, 8)));
    }
}
