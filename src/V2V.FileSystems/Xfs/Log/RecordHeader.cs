namespace V2V.FileSystems.Xfs.Log;

/// <summary>What heads a record of the log ("Log Records" of the XFS documentation; xlog_rec_header).</summary>
/// <param name="Cycle">Cycle of the record's first block.</param>
/// <param name="Version">Bit 0 version 1, bit 1 version 2.</param>
/// <param name="Length">Bytes of content, with its padding.</param>
/// <param name="Lsn">Log sequence number: the cycle in the high half, the block in the low.</param>
/// <param name="TailLsn">Where the log began when this was written.</param>
/// <param name="Crc">Checksum, or 0.</param>
/// <param name="Operations">Operations in the content.</param>
/// <param name="Format">1 if it was written by a little-endian machine.</param>
/// <param name="Size">Bytes of the largest content, version 2 only.</param>
internal readonly record struct RecordHeader(
    uint Cycle, uint Version, int Length, ulong Lsn, ulong TailLsn, uint Crc, uint Operations, uint Format, int Size)
{
    public const int CrcOffset = 32;
    public const int CycleData = 44;
    public const int UuidOffset = 304;

    /// <summary>Bytes of content whose cycle data fits into one header block.</summary>
    public const int CycleSpan = 32 << 10;

    /// <summary>Bytes of the header that the checksum covers; the second is that of 32-bit x86.</summary>
    public const int ChecksumSize = 328;

    public const int ChecksumSizeI386 = 324;

    /// <summary>Bytes of a further header block that the checksum covers.</summary>
    public const int ExtensionSize = 260;

    public const uint LittleEndian = 1;
    private const int MaximumSize = 256 << 10;

    /// <summary>Blocks of content.</summary>
    public int ContentBlocks => (int)(((long)Length + LogBlocks.BlockSize - 1) / LogBlocks.BlockSize);

    public static bool HasMagic(ReadOnlySpan<byte> block) => Be.U32(block, 0) == LogBlocks.Magic;

    public static RecordHeader Read(ReadOnlySpan<byte> block) => new(
        Be.U32(block, 4), Be.U32(block, 8), (int)Be.U32(block, 12), Be.U64(block, 16), Be.U64(block, 24),
        System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(block[CrcOffset..]), Be.U32(block, 40), Be.U32(block, 300), (int)Be.U32(block, 320));

    /// <summary>Blocks of the header with its extensions.</summary>
    public int HeaderBlocks(LogBlocks log) =>
        log.IsV2 && (Version & 2) != 0 && Size is > CycleSpan and <= MaximumSize ? (Size + CycleSpan - 1) / CycleSpan : 1;

    /// <summary>True if a record with this header can have content that can be read.</summary>
    public bool IsValid(LogBlocks log)
    {
        if (Version == 0 || (Version & ~3u) != 0 || Length <= 0)
        {
            return false;
        }

        // mkfs sizes its one record by the stripe unit, whatever the size that it states.
        int most = !log.IsV2 ? CycleSpan : Operations == 1 ? MaximumSize : Size;
        return Size is >= 0 and <= MaximumSize && Length <= most;
    }
}
