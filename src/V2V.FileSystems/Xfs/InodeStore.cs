namespace V2V.FileSystems.Xfs;

/// <summary>Reads and writes inodes by number; each inode exists once in memory while it is in use.</summary>
internal sealed class InodeStore(XfsVolume volume)
{
    private const int Capacity = 4096;

    private readonly Dictionary<ulong, XfsInode> _inodes = [];

    private XfsSuperblock Super => volume.Super;

    /// <summary>An inode that is in use.</summary>
    public XfsInode Get(ulong number)
    {
        XfsInode inode = GetAny(number);
        if (inode.Mode == 0)
        {
            throw XfsErrors.Inode(number, "it is referred to but not in use");
        }

        return inode;
    }

    /// <summary>An inode that a directory refers to.</summary>
    public XfsInode GetNamed(ulong number)
    {
        XfsInode inode = Get(number);
        if (inode.Links == 0 || (inode.Flags2 & InodeLayout.Flag2Metadata) != 0)
        {
            throw XfsErrors.Inode(number, "a directory refers to it, but it is deleted or metadata");
        }

        return inode;
    }

    /// <summary>An inode, in use or not.</summary>
    public XfsInode GetAny(ulong number)
    {
        if (_inodes.TryGetValue(number, out XfsInode? inode))
        {
            return inode;
        }

        var raw = new byte[Super.InodeSize];
        Locate(number, out int offset).Data.AsSpan(offset, raw.Length).CopyTo(raw);
        Check(number, raw);
        inode = new XfsInode(volume, number, raw);
        _inodes.Add(number, inode);
        return inode;
    }

    /// <summary>Writes one inode with its forks into the block cache.</summary>
    public void Write(XfsInode inode)
    {
        inode.Data.Commit();
        inode.Attributes.Commit();
        if (!inode.Dirty)
        {
            return;
        }

        inode.Upgrade();
        CachedBlock block = Locate(inode.Number, out int offset);
        if (Super.IsV5)
        {
            XfsChecksum.Stamp(inode.Raw, InodeLayout.Crc);
        }

        inode.Raw.CopyTo(block.Data, offset);
        volume.Cache.MarkDirty(block);
        inode.Dirty = false;
    }

    /// <summary>Writes all changed inodes into the block cache.</summary>
    public void Flush()
    {
        foreach (XfsInode inode in _inodes.Values.OrderBy(i => i.Number))
        {
            Write(inode);
        }
    }

    /// <summary>Drops inodes whose storage is about to be freed or initialised.</summary>
    public void Forget(ulong first, int count)
    {
        for (int i = 0; i < count; i++)
        {
            _inodes.Remove(first + (ulong)i);
        }
    }

    /// <summary>Keeps memory bounded. No caller may hold an unpinned inode across this call.</summary>
    public void Trim()
    {
        if (_inodes.Count <= Capacity)
        {
            return;
        }

        foreach (XfsInode inode in _inodes.Values.Where(i => i.Pins == 0).OrderBy(i => i.Number).ToArray())
        {
            Write(inode);
            _inodes.Remove(inode.Number);
        }
    }

    private CachedBlock Locate(ulong number, out int offset)
    {
        ulong fsBlock = number >> Super.InodesPerBlockLog;
        if (number == 0 || !Super.IsValid(fsBlock, 1) || fsBlock == 0)
        {
            throw XfsErrors.Inode(number, "there is no such number");
        }

        offset = (int)(number & (ulong)(Super.InodesPerBlock - 1)) << Super.InodeLog;
        return volume.Cache.Get(Super.Linear(fsBlock));
    }

    private void Check(ulong number, byte[] raw)
    {
        int version = raw[InodeLayout.Version];
        if (Be.U16(raw, 0) != InodeLayout.Magic || (Super.IsV5 ? version != 3 : version is not (1 or 2)))
        {
            throw XfsErrors.Inode(number, "its magic number or version is wrong");
        }

        if (Super.IsV5)
        {
            if (!XfsChecksum.IsValid(raw, InodeLayout.Crc))
            {
                throw XfsErrors.Checksum(FormattableString.Invariant($"inode {number}"));
            }

            if (Be.U64(raw, InodeLayout.Number) != number || !raw.AsSpan(InodeLayout.Uuid, 16).SequenceEqual(Super.MetaUuid))
            {
                throw XfsErrors.Inode(number, "it carries another number or UUID");
            }
        }

        if (Be.U16(raw, InodeLayout.Mode) == 0)
        {
            return;
        }

        int literal = raw.Length - (version == 3 ? InodeLayout.CoreSizeV3 : InodeLayout.CoreSizeV2);
        if (raw[InodeLayout.ForkOffset] * 8 >= literal)
        {
            throw XfsErrors.Inode(number, "its attribute fork begins behind its end");
        }

        if (Be.U64(raw, InodeLayout.FileSize) > long.MaxValue)
        {
            throw XfsErrors.Inode(number, "its size is out of range");
        }
    }
}
