namespace V2V.FileSystems.Xfs.Log;

/// <summary>Replays the creation of a chunk of inodes (xfs_icreate_log): the item says where, the inodes are made anew.</summary>
internal sealed class InodeCreateReplay(ReplayTarget target, CancelTable cancels)
{
    private const int ItemSize = 28;
    private const int ChunkInodes = 64;

    /// <summary>Bytes of a cluster of inodes of 256 bytes: what one buffer holds. With version 5 it grows with the size of the inodes.</summary>
    private const int ClusterSize = 8192;

    private readonly XfsSuperblock _super = target.Super;

    public void Replay(LogItem item)
    {
        ReadOnlySpan<byte> raw = item.Format;
        if (raw.Length < ItemSize)
        {
            throw LogErrors.Corrupt($"an item that creates inodes is cut short");
        }

        uint group = Be.U32(raw, 4);
        uint block = Be.U32(raw, 8);
        uint count = Be.U32(raw, 12);
        uint length = Be.U32(raw, 20);
        uint generation = Be.U32(raw, 24);
        bool valid = group < (uint)_super.GroupCount && block != 0 && block < _super.GroupBlocks && Be.U32(raw, 16) == (uint)_super.InodeSize
            && length != 0 && length < _super.GroupBlocks && count <= Math.Max(ChunkInodes, _super.InodesPerBlock)
            && count >> _super.InodesPerBlockLog == length && _super.IsValid(_super.FsBlock((int)group, block), length);
        if (!valid)
        {
            throw LogErrors.Corrupt($"an item creates inodes at block {block} of allocation group {group}, which cannot be");
        }

        int cluster = (int)Math.Min(length, (uint)Math.Max(1, ClusterBytes >> _super.BlockLog));
        for (uint done = 0; done < length; done += (uint)cluster)
        {
            // Chunks are freed as a whole: one freed cluster means that all of them are.
            if (cancels.Contains(Address(group, block + done), cluster << (_super.BlockLog - 9)))
            {
                return;
            }
        }

        for (uint done = 0; done < length; done++)
        {
            WriteBlock(group, block + done, generation);
        }
    }

    private int ClusterBytes => _super.IsV5 ? ClusterSize * (_super.InodeSize / 256) : ClusterSize;

    private long Address(uint group, uint block) => _super.OffsetOf(_super.FsBlock((int)group, block)) / LogBlocks.BlockSize;

    private void WriteBlock(uint group, uint block, uint generation)
    {
        ulong number = _super.FsBlock((int)group, block) << _super.InodesPerBlockLog;
        var raw = new byte[_super.BlockSize];
        for (int i = 0; i < _super.InodesPerBlock; i++)
        {
            Span<byte> inode = raw.AsSpan(i << _super.InodeLog, _super.InodeSize);
            Be.Set16(inode, 0, InodeLayout.Magic);
            inode[InodeLayout.Version] = (byte)(_super.IsV5 ? 3 : 2);
            Be.Set32(inode, InodeLayout.Generation, generation);
            Be.Set32(inode, InodeLayout.NextUnlinked, uint.MaxValue);
            if (_super.IsV5)
            {
                Be.Set64(inode, InodeLayout.Number, number + (ulong)i);
                _super.MetaUuid.CopyTo(inode[InodeLayout.Uuid..]);
                XfsChecksum.Stamp(inode, InodeLayout.Crc);
            }
        }

        target.Write(Address(group, block), raw);
    }
}
