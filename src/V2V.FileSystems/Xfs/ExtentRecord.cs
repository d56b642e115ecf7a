namespace V2V.FileSystems.Xfs;

/// <summary>
/// A run of blocks of a file: the 128-bit record of extent lists and block map B+trees ("Data Extents" of the XFS documentation),
/// kept packed as it is stored.
/// </summary>
/// <param name="High">Bit 63 unwritten, bits 62 to 9 the first file block, bits 8 to 0 the high part of the first volume block.</param>
/// <param name="Low">Bits 63 to 21 the low part of the first volume block, bits 20 to 0 the number of blocks.</param>
internal readonly record struct ExtentRecord(ulong High, ulong Low)
{
    /// <summary>Bytes of a stored record.</summary>
    public const int Size = 16;

    /// <summary>The longest run that one record can hold.</summary>
    public const uint MaxCount = (1 << 21) - 1;

    public ExtentRecord(ulong fileBlock, ulong fsBlock, uint count, bool unwritten)
        : this((unwritten ? 1UL << 63 : 0) | (fileBlock << 9) | (fsBlock >> 43), (fsBlock << 21) | count)
    {
    }

    /// <summary>First block in the file, in file system blocks.</summary>
    public ulong FileBlock => (High & ~(1UL << 63)) >> 9;

    /// <summary>First block in the volume, as a file system block number.</summary>
    public ulong FsBlock => ((High & 0x1FF) << 43) | (Low >> 21);

    /// <summary>Number of blocks.</summary>
    public uint Count => (uint)(Low & MaxCount);

    /// <summary>True if the blocks are allocated, but read as zero.</summary>
    public bool IsUnwritten => High >> 63 != 0;

    /// <summary>The file block after the run.</summary>
    public ulong End => FileBlock + Count;

    public static ExtentRecord Read(ReadOnlySpan<byte> raw) => new(Be.U64(raw, 0), Be.U64(raw, 8));

    public void Write(Span<byte> raw)
    {
        Be.Set64(raw, 0, High);
        Be.Set64(raw, 8, Low);
    }
}
