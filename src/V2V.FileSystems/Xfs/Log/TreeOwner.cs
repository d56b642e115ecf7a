namespace V2V.FileSystems.Xfs.Log;

/// <summary>Gives the blocks of a block map tree a new owner, after two files have exchanged their content (online defragmentation).</summary>
internal sealed class TreeOwner(ReplayTarget target, ulong inode)
{
    private const uint Magic = 0x424D4133;
    private const int HeaderSize = 72;
    private const int OwnerOffset = 56;
    private const int CrcOffset = 64;
    private const int MaximumLevels = 9;

    private readonly XfsSuperblock _super = target.Super;

    /// <summary>Sets the owner in every block below the root in a fork.</summary>
    public void Set(ReadOnlySpan<byte> fork, byte format)
    {
        if ((ForkFormat)format != ForkFormat.Tree || fork.Length < 4)
        {
            return;
        }

        int room = (fork.Length - 4) / 16;
        int level = Be.U16(fork, 0);
        int count = Math.Min((int)Be.U16(fork, 2), room);
        if (level is 0 or > MaximumLevels)
        {
            throw LogErrors.Corrupt($"the block map of inode {inode} has {level} levels");
        }

        // The blocks of a level are linked: only the first of each is looked up in the one above.
        ulong first = count == 0 ? ulong.MaxValue : Be.U64(fork, 4 + (room * 8));
        while (level-- > 0 && first != ulong.MaxValue)
        {
            first = SetLevel(first, level);
        }
    }

    /// <summary>Sets the owner along a level; returns the first block of the level below.</summary>
    private ulong SetLevel(ulong block, int level)
    {
        ulong below = ulong.MaxValue;
        long left = _super.BlockCount;
        bool isFirst = true;
        while (block != ulong.MaxValue)
        {
            if (!_super.IsValid(block, 1) || --left < 0)
            {
                throw LogErrors.Corrupt($"the block map of inode {inode} leads outside the volume or in a circle");
            }

            long address = _super.OffsetOf(block) / LogBlocks.BlockSize;
            Span<byte> raw = target.Read(address, _super.BlockSize / LogBlocks.BlockSize);
            if (Be.U32(raw, 0) != Magic || Be.U16(raw, 4) != level)
            {
                throw LogErrors.Corrupt($"a block of the block map of inode {inode} is none");
            }

            if (isFirst && level > 0)
            {
                below = Be.U64(raw, HeaderSize + ((_super.BlockSize - HeaderSize) / 16 * 8));
            }

            isFirst = false;
            if (Be.U64(raw, OwnerOffset) != inode)
            {
                Be.Set64(raw, OwnerOffset, inode);
                XfsChecksum.Stamp(raw, CrcOffset);
                target.Device.Write(_super.OffsetOf(block), raw);
            }

            block = Be.U64(raw, 16);
        }

        return below;
    }
}
