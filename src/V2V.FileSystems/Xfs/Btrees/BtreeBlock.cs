namespace V2V.FileSystems.Xfs.Btrees;

/// <summary>
/// The header of a B+tree block ("B+trees" of the XFS documentation): short form (pointers of 32 bits within a group) and long form
/// (64 bits, block maps), each with more fields in version 5.
/// </summary>
internal static class BtreeBlock
{
    /// <summary>No sibling, short form.</summary>
    public const uint NullShort = uint.MaxValue;

    /// <summary>No sibling, long form.</summary>
    public const ulong NullLong = ulong.MaxValue;

    private const int ShortCrc = 52;
    private const int LongCrc = 64;

    public static int HeaderSize(XfsSuperblock super, bool isLong) => (isLong, super.IsV5) switch
    {
        (false, false) => 16,
        (false, true) => 56,
        (true, false) => 24,
        (true, true) => 72,
    };

    public static int Level(ReadOnlySpan<byte> block) => Be.U16(block, 4);

    public static int Count(ReadOnlySpan<byte> block) => Be.U16(block, 6);

    public static void SetCount(Span<byte> block, int count) => Be.Set16(block, 6, count);

    /// <summary>Checks a block that was read; <paramref name="owner"/> is the group or the inode.</summary>
    public static bool IsValid(XfsSuperblock super, CachedBlock block, uint magic, bool isLong, ulong owner, bool anyOwner = false)
    {
        ReadOnlySpan<byte> raw = block.Data;
        if (Be.U32(raw, 0) != magic)
        {
            return false;
        }

        if (block.Verified || !super.IsV5)
        {
            return true;
        }

        int at = isLong ? 24 : 16;
        int crc = isLong ? LongCrc : ShortCrc;
        ulong storedOwner = isLong ? Be.U64(raw, at + 32) : Be.U32(raw, at + 32);
        if (Be.U64(raw, at) != (ulong)block.Number << (super.BlockLog - 9) || !raw.Slice(at + 16, 16).SequenceEqual(super.MetaUuid)
            || (storedOwner != owner && !anyOwner) || !XfsChecksum.IsValid(raw, crc))
        {
            return false;
        }

        block.Verified = true;
        block.CrcOffset = crc;
        return true;
    }

    /// <summary>Fills the header of a new block without siblings.</summary>
    public static void Initialise(XfsSuperblock super, CachedBlock block, uint magic, bool isLong, int level, ulong owner)
    {
        Span<byte> raw = block.Data;
        Be.Set32(raw, 0, magic);
        Be.Set16(raw, 4, level);
        raw.Slice(8, isLong ? 16 : 8).Fill(0xFF);
        if (super.IsV5)
        {
            int at = isLong ? 24 : 16;
            Be.Set64(raw, at, (ulong)block.Number << (super.BlockLog - 9));
            super.MetaUuid.CopyTo(raw[(at + 16)..]);
            if (isLong)
            {
                Be.Set64(raw, at + 32, owner);
            }
            else
            {
                Be.Set32(raw, at + 32, (uint)owner);
            }

            block.CrcOffset = isLong ? LongCrc : ShortCrc;
        }
    }
}
