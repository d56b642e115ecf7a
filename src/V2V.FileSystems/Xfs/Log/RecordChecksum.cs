namespace V2V.FileSystems.Xfs.Log;

/// <summary>The checksum of a record: CRC-32C over the used parts of its header blocks, with the field itself as zero, and over its content.</summary>
internal static class RecordChecksum
{
    /// <param name="record">The header blocks and the content.</param>
    /// <param name="headerSize">Bytes of the first header block that count.</param>
    /// <param name="headerBlocks">Number of header blocks.</param>
    /// <param name="length">Bytes of content.</param>
    public static uint Compute(ReadOnlySpan<byte> record, int headerSize, int headerBlocks, int length)
    {
        uint crc = XfsChecksum.Crc32C(uint.MaxValue, record[..RecordHeader.CrcOffset]);
        crc = XfsChecksum.Crc32C(crc, [0, 0, 0, 0]);
        crc = XfsChecksum.Crc32C(crc, record[(RecordHeader.CrcOffset + 4)..headerSize]);
        int used = Math.Min(headerBlocks, (length + RecordHeader.CycleSpan - 1) / RecordHeader.CycleSpan);
        for (int i = 1; i < used; i++)
        {
            crc = XfsChecksum.Crc32C(crc, record.Slice(i * LogBlocks.BlockSize, RecordHeader.ExtensionSize));
        }

        return ~XfsChecksum.Crc32C(crc, record.Slice(headerBlocks * LogBlocks.BlockSize, length));
    }
}
