namespace V2V.FileSystems.Ext;

/// <summary>Flags of a group descriptor.</summary>
[Flags]
internal enum GroupFlags : ushort
{
    /// <summary>The inode bitmap is not initialised: no inode is in use.</summary>
    InodeUninit = 1,

    /// <summary>The block bitmap is not initialised: only the group's own metadata is in use.</summary>
    BlockUninit = 2,

    /// <summary>The inode table has been zeroed.</summary>
    InodeZeroed = 4,
}

/// <summary>One group descriptor (kernel documentation, filesystems/ext4, "Block Group Descriptors"); a view onto the cached block.</summary>
internal readonly ref struct GroupDescriptor(Span<byte> raw)
{
    private readonly Span<byte> _raw = raw;

    private bool IsWide => _raw.Length >= 64;

    public long BlockBitmap => Get64(0, 0x20);

    public long InodeBitmap => Get64(4, 0x24);

    public long InodeTable => Get64(8, 0x28);

    public uint FreeClusters
    {
        get => Get32(0xC, 0x2C);
        set => Set32(0xC, 0x2C, value);
    }

    public uint FreeInodes
    {
        get => Get32(0xE, 0x2E);
        set => Set32(0xE, 0x2E, value);
    }

    public uint UsedDirectories
    {
        get => Get32(0x10, 0x30);
        set => Set32(0x10, 0x30, value);
    }

    public GroupFlags Flags
    {
        get => (GroupFlags)Le.U16(_raw, 0x12);
        set => Le.Set16(_raw, 0x12, (uint)value);
    }

    /// <summary>Inodes at the end of the table that were never used.</summary>
    public uint UnusedInodes
    {
        get => Get32(0x1C, 0x32);
        set => Set32(0x1C, 0x32, value);
    }

    public uint BlockBitmapChecksum
    {
        get => Get32(0x18, 0x38);
        set => Set32(0x18, 0x38, value);
    }

    public uint InodeBitmapChecksum
    {
        get => Get32(0x1A, 0x3A);
        set => Set32(0x1A, 0x3A, value);
    }

    /// <summary>How much of a 32-bit bitmap checksum the descriptor stores.</summary>
    public uint BitmapChecksumMask => IsWide ? uint.MaxValue : 0xFFFF;

    private long Get64(int low, int high) => Le.U32(_raw, low) | (IsWide ? (long)Le.U32(_raw, high) << 32 : 0);

    private uint Get32(int low, int high) => Le.U16(_raw, low) | (IsWide ? (uint)Le.U16(_raw, high) << 16 : 0);

    private void Set32(int low, int high, uint value)
    {
        Le.Set16(_raw, low, value);
        if (IsWide)
        {
            Le.Set16(_raw, high, value >> 16);
        }
    }
}

/// <summary>The group descriptors, read block by block as they are needed.</summary>
internal sealed class GroupTable(Superblock super, BlockCache cache)
{
    private const int ChecksumOffset = 0x1E;
    private readonly System.Collections.BitArray _verified = new(super.GroupCount);

    private int PerBlock => super.BlockSize / super.DescriptorSize;

    /// <summary>Number of groups.</summary>
    public int Count => super.GroupCount;

    /// <summary>First block of a group.</summary>
    public long FirstBlock(int group) => super.FirstDataBlock + ((long)group * super.BlocksPerGroup);

    /// <summary>Number of blocks in a group; fewer in the last.</summary>
    public long BlocksIn(int group) => Math.Min(super.BlocksPerGroup, super.BlockCount - FirstBlock(group));

    /// <summary>Number of clusters in a group.</summary>
    public int ClustersIn(int group) => (int)((BlocksIn(group) + super.ClusterRatio - 1) / super.ClusterRatio);

    /// <summary>The group that holds a block.</summary>
    public int GroupOf(long block) => (int)((block - super.FirstDataBlock) / super.BlocksPerGroup);

    /// <summary>A descriptor, its checksum and block numbers checked.</summary>
    public GroupDescriptor Get(int group)
    {
        Span<byte> raw = Locate(group, out _);
        var descriptor = new GroupDescriptor(raw);
        if (!_verified[group])
        {
            if (super.HasGroupChecksums && Le.U16(raw, ChecksumOffset) != Checksum(group, raw))
            {
                throw ExtErrors.Checksum(FormattableString.Invariant($"group descriptor {group}"));
            }

            long tableBlocks = (((long)super.InodesPerGroup * super.InodeSize) + super.BlockSize - 1) / super.BlockSize;
            Check(group, descriptor.BlockBitmap, 1);
            Check(group, descriptor.InodeBitmap, 1);
            Check(group, descriptor.InodeTable, tableBlocks);
            _verified[group] = true;
        }

        return descriptor;
    }

    /// <summary>Completes a change of a descriptor.</summary>
    public void Changed(int group)
    {
        Span<byte> raw = Locate(group, out CachedBlock block);
        if (super.HasGroupChecksums)
        {
            Le.Set16(raw, ChecksumOffset, Checksum(group, raw));
        }

        cache.MarkDirty(block);
    }

    /// <summary>Number of blocks at the start of a group that superblock and descriptor copies take.</summary>
    public long BaseMetadataBlocks(int group)
    {
        bool hasSuper = super.GroupHasSuper(group);
        long count = hasSuper ? 1 : 0;
        bool metaBg = super.Has(ExtIncompat.MetaBg);
        if (!metaBg || group / PerBlock < super.FirstMetaBg)
        {
            if (hasSuper)
            {
                count += (metaBg ? super.FirstMetaBg : (super.GroupCount + PerBlock - 1) / PerBlock) + super.ReservedGdtBlocks;
            }
        }
        else
        {
            int inMeta = group % PerBlock;
            count += inMeta == 0 || inMeta == 1 || inMeta == PerBlock - 1 ? 1 : 0;
        }

        return count;
    }

    private void Check(int group, long block, long count)
    {
        if (block <= super.FirstDataBlock || block > super.BlockCount - count)
        {
            throw ExtErrors.Group(group, "its descriptor points outside the file system");
        }
    }

    private Span<byte> Locate(int group, out CachedBlock block)
    {
        int index = group / PerBlock;
        long superBlock = super.BlockSize == 1024 ? 1 : 0;
        long number = superBlock + 1 + index;
        if (super.Has(ExtIncompat.MetaBg) && index >= super.FirstMetaBg)
        {
            int first = index * PerBlock;
            number = FirstBlock(first) + (super.GroupHasSuper(first) ? 1 : 0);
            if (first == 0 && super.BlockSize == 1024 && super.FirstDataBlock == 0)
            {
                number++;
            }
        }

        block = cache.Get(number);
        return block.Data.AsSpan(group % PerBlock * super.DescriptorSize, super.DescriptorSize);
    }

    private ushort Checksum(int group, ReadOnlySpan<byte> raw)
    {
        if (super.HasChecksums)
        {
            uint crc = ExtChecksum.Crc32C(super.ChecksumSeed, (uint)group);
            crc = ExtChecksum.Crc32C(crc, raw[..ChecksumOffset]);
            crc = ExtChecksum.Crc32C(crc, [0, 0]);
            return (ushort)ExtChecksum.Crc32C(crc, raw[(ChecksumOffset + 2)..]);
        }

        Span<byte> number = stackalloc byte[4];
        Le.Set32(number, 0, (uint)group);
        ushort crc16 = ExtChecksum.Crc16(ushort.MaxValue, super.UuidBytes);
        crc16 = ExtChecksum.Crc16(crc16, number);
        crc16 = ExtChecksum.Crc16(crc16, raw[..ChecksumOffset]);
        return ExtChecksum.Crc16(crc16, raw[(ChecksumOffset + 2)..]);
    }
}
