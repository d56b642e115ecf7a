namespace V2V.FileSystems.Xfs.Log;

/// <summary>What a buffer item says its buffer is (XFS_BLFT_*, the upper five bits of its flags).</summary>
internal enum BufferType
{
    Unknown = 0,
    UserQuota = 1,
    ProjectQuota = 2,
    GroupQuota = 3,
    Tree = 4,
    Agf = 5,
    Agfl = 6,
    Agi = 7,
    Inode = 8,
    Symlink = 9,
    DirectoryBlock = 10,
    DirectoryData = 11,
    DirectoryFree = 12,
    DirectoryLeaf1 = 13,
    DirectoryLeafN = 14,
    Node = 15,
    AttributeLeaf = 16,
    AttributeRemote = 17,
    Superblock = 18,
}

/// <summary>Where the self-describing fields of a metadata block of version 5 are.</summary>
/// <param name="Type">The kind of buffer that the block is.</param>
/// <param name="Crc">Offset of the checksum.</param>
/// <param name="Lsn">Offset of the log sequence number, or -1.</param>
/// <param name="Uuid">Offset of the UUID.</param>
internal readonly record struct BufferLayout(BufferType Type, int Crc, int Lsn, int Uuid)
{
    private const int NodeMagicOffset = 8;

    /// <summary>The layout that the magic number of a block tells, or null.</summary>
    public static BufferLayout? Of(ReadOnlySpan<byte> block)
    {
        BufferLayout? layout = Be.U32(block, 0) switch
        {
            // AB3B, AB3C, IAB3, FIB3, RMB3, R3FC
            0x41423342 or 0x41423343 or 0x49414233 or 0x46494233 or 0x524D4233 or 0x52334643 => new(BufferType.Tree, 52, 24, 32),

            // BMA3
            0x424D4133 => new(BufferType.Tree, 64, 32, 40),
            0x58414746 => new(BufferType.Agf, 216, 208, 64),
            0x5841464C => new(BufferType.Agfl, 32, 24, 8),
            0x58414749 => new(BufferType.Agi, 312, 320, 296),
            0x58465342 => new(BufferType.Superblock, XfsSuperblock.CrcOffset, 240, 32),

            // XSLM
            0x58534C4D => new(BufferType.Symlink, 12, 48, 16),

            // XARM: written before the transaction, without a log sequence number
            0x5841524D => new(BufferType.AttributeRemote, 12, -1, 16),

            // XDB3, XDD3, XDF3
            0x58444233 => new(BufferType.DirectoryBlock, 4, 16, 24),
            0x58444433 => new(BufferType.DirectoryData, 4, 16, 24),
            0x58444633 => new(BufferType.DirectoryFree, 4, 16, 24),
            _ => null,
        };
        return layout ?? Be.U16(block, NodeMagicOffset) switch
        {
            0x3DF1 => new(BufferType.DirectoryLeaf1, 12, 24, 32),
            0x3DFF => new(BufferType.DirectoryLeafN, 12, 24, 32),
            0x3EBE => new(BufferType.Node, 12, 24, 32),
            0x3BEE => new(BufferType.AttributeLeaf, 12, 24, 32),
            _ => null,
        };
    }
}
