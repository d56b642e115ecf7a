using V2V.FileSystems.Ext.Mapping;

namespace V2V.FileSystems.Ext;

/// <summary>Reads and writes inodes by number; each inode exists once in memory while it is in use.</summary>
internal sealed class InodeStore(ExtVolume volume)
{
    private const int Capacity = 4096;
    private const int ChecksumLow = 0x7C;
    private const int ChecksumHigh = 0x82;

    private readonly Dictionary<uint, Inode> _inodes = [];

    private Superblock Super => volume.Super;

    /// <summary>An inode that is in use.</summary>
    public Inode Get(uint number)
    {
        Inode inode = GetAny(number);
        if (inode.Mode == 0)
        {
            throw ExtErrors.Inode(number, "it is referred to but not in use");
        }

        return inode;
    }

    /// <summary>An inode that a directory refers to.</summary>
    public Inode GetNamed(uint number)
    {
        Inode inode = Get(number);
        if (inode.Links == 0 || inode.Has(InodeFlags.AttributeInode))
        {
            throw ExtErrors.Inode(number, "a directory refers to it, but it is deleted or holds the value of an extended attribute");
        }

        return inode;
    }

    /// <summary>An inode, in use or not.</summary>
    public Inode GetAny(uint number)
    {
        if (_inodes.TryGetValue(number, out Inode? inode))
        {
            return inode;
        }

        var raw = new byte[Super.InodeSize];
        CachedBlock block = Locate(number, out int offset);
        block.Data.AsSpan(offset, raw.Length).CopyTo(raw);
        inode = new Inode(number, raw, Super);
        Check(inode);
        _inodes.Add(number, inode);
        return inode;
    }

    /// <summary>A newly allocated inode, all zero.</summary>
    public Inode Create(uint number)
    {
        var inode = new Inode(number, new byte[Super.InodeSize], Super) { Dirty = true };
        _inodes[number] = inode;
        return inode;
    }

    /// <summary>The block map of an inode.</summary>
    public BlockMap MapOf(Inode inode)
    {
        return inode.Map ??= inode.Has(InodeFlags.Extents) ? new ExtentMap(volume, inode) : new IndirectMap(volume, inode);
    }

    /// <summary>Writes one inode and its map into the block cache.</summary>
    public void Write(Inode inode)
    {
        inode.Map?.Commit();
        if (!inode.Dirty)
        {
            return;
        }

        if (Super.HasChecksums)
        {
            uint crc = Checksum(inode);
            Le.Set16(inode.Raw, ChecksumLow, crc);
            if (HasHighChecksum(inode))
            {
                Le.Set16(inode.Raw, ChecksumHigh, crc >> 16);
            }
        }

        CachedBlock block = Locate(inode.Number, out int offset);
        inode.Raw.CopyTo(block.Data, offset);
        volume.Cache.MarkDirty(block);
        inode.Dirty = false;
    }

    /// <summary>Writes all changed inodes into the block cache.</summary>
    public void Flush()
    {
        foreach (Inode inode in _inodes.Values.OrderBy(i => i.Number))
        {
            Write(inode);
        }
    }

    /// <summary>Keeps memory bounded. No caller may hold an unpinned inode across this call.</summary>
    public void Trim()
    {
        if (_inodes.Count <= Capacity)
        {
            return;
        }

        foreach (Inode inode in _inodes.Values.Where(i => i.Pins == 0).ToArray())
        {
            Write(inode);
            _inodes.Remove(inode.Number);
        }
    }

    /// <summary>Zeroes inodes of a table that was never initialised.</summary>
    public void Zero(int group, uint first, uint end)
    {
        for (uint index = first; index < end; index++)
        {
            uint number = ((uint)group * Super.InodesPerGroup) + index + 1;
            CachedBlock block = Locate(number, out int offset);
            block.Data.AsSpan(offset, Super.InodeSize).Clear();
            volume.Cache.MarkDirty(block);
        }
    }

    private static bool HasHighChecksum(Inode inode) => inode.Raw.Length > 128 && inode.ExtraSize >= 4;

    private CachedBlock Locate(uint number, out int offset)
    {
        if (number == 0 || number > Super.InodeCount)
        {
            throw ExtErrors.Inode(number, "there is no such number");
        }

        int group = (int)((number - 1) / Super.InodesPerGroup);
        long position = (long)((number - 1) % Super.InodesPerGroup) * Super.InodeSize;
        offset = (int)(position % Super.BlockSize);
        return volume.Cache.Get(volume.Groups.Get(group).InodeTable + (position / Super.BlockSize));
    }

    private void Check(Inode inode)
    {
        if (inode.Mode == 0 && inode.Links == 0)
        {
            return;
        }

        if (inode.Raw.Length > 128 && (inode.ExtraSize > inode.Raw.Length - 128 || inode.ExtraSize % 4 != 0))
        {
            throw ExtErrors.Inode(inode.Number, "its extra size is out of range");
        }

        if (inode.Size < 0)
        {
            throw ExtErrors.Inode(inode.Number, "its size is out of range");
        }

        if (Super.HasChecksums)
        {
            uint stored = Le.U16(inode.Raw, ChecksumLow);
            uint actual = Checksum(inode);
            bool match = HasHighChecksum(inode)
                ? (stored | ((uint)Le.U16(inode.Raw, ChecksumHigh) << 16)) == actual
                : stored == (actual & 0xFFFF);
            if (!match)
            {
                throw ExtErrors.Checksum(FormattableString.Invariant($"inode {inode.Number}"));
            }
        }
    }

    private static uint Checksum(Inode inode)
    {
        ReadOnlySpan<byte> raw = inode.Raw;
        uint crc = ExtChecksum.Crc32C(inode.ChecksumSeed, raw[..ChecksumLow]);
        crc = ExtChecksum.Crc32C(crc, [0, 0]);
        crc = ExtChecksum.Crc32C(crc, raw[(ChecksumLow + 2)..128]);
        if (raw.Length > 128)
        {
            if (HasHighChecksum(inode))
            {
                crc = ExtChecksum.Crc32C(crc, raw[128..ChecksumHigh]);
                crc = ExtChecksum.Crc32C(crc, [0, 0]);
                return ExtChecksum.Crc32C(crc, raw[(ChecksumHigh + 2)..]);
            }

            return ExtChecksum.Crc32C(crc, raw[128..]);
        }

        return crc;
    }
}
