namespace V2V.FileSystems.Ext.Allocation;

/// <summary>
/// The block and inode bitmaps of the groups. Those of a group that was never initialised are made up from the descriptor
/// (kernel documentation, filesystems/ext4, "Lazy Block Group Initialization"). Checksums of changed bitmaps are brought up to date when everything is written.
/// </summary>
internal sealed class Bitmaps(ExtVolume volume)
{
    private readonly HashSet<int> _changedBlocks = [];
    private readonly HashSet<int> _changedInodes = [];

    private Superblock Super => volume.Super;

    /// <summary>The block bitmap of a group for reading: one bit per cluster, set if in use.</summary>
    public ReadOnlySpan<byte> ReadBlocks(int group)
    {
        GroupDescriptor descriptor = volume.Groups.Get(group);
        if (IsUninitialised(descriptor, GroupFlags.BlockUninit))
        {
            var bitmap = new byte[volume.BlockSize];
            ComputeBlocks(group, bitmap);
            return bitmap;
        }

        return LoadBlocks(group).Data;
    }

    /// <summary>The block bitmap of a group for changing; initialised if it was not.</summary>
    public byte[] ChangeBlocks(int group)
    {
        GroupDescriptor descriptor = volume.Groups.Get(group);
        CachedBlock block;
        if (IsUninitialised(descriptor, GroupFlags.BlockUninit))
        {
            block = volume.Cache.GetNew(descriptor.BlockBitmap);
            ComputeBlocks(group, block.Data);
            descriptor.Flags &= ~GroupFlags.BlockUninit;
            volume.Groups.Changed(group);
        }
        else
        {
            block = LoadBlocks(group);
        }

        volume.Cache.MarkDirty(block);
        _changedBlocks.Add(group);
        return block.Data;
    }

    /// <summary>The inode bitmap of a group for changing; initialised if it was not.</summary>
    public byte[] ChangeInodes(int group)
    {
        GroupDescriptor descriptor = volume.Groups.Get(group);
        CachedBlock block;
        if (IsUninitialised(descriptor, GroupFlags.InodeUninit))
        {
            block = volume.Cache.GetNew(descriptor.InodeBitmap);
            block.Data.AsSpan((int)Super.InodesPerGroup / 8).Fill(0xFF);
            descriptor.Flags &= ~GroupFlags.InodeUninit;
            volume.Groups.Changed(group);
        }
        else
        {
            block = LoadInodes(group);
        }

        volume.Cache.MarkDirty(block);
        _changedInodes.Add(group);
        return block.Data;
    }

    /// <summary>Brings the checksums of changed bitmaps and their descriptors up to date.</summary>
    public void UpdateChecksums()
    {
        foreach (int group in _changedBlocks)
        {
            if (Super.HasChecksums)
            {
                uint crc = BlockChecksum(LoadBlocks(group));
                GroupDescriptor descriptor = volume.Groups.Get(group);
                descriptor.BlockBitmapChecksum = crc;
            }

            volume.Groups.Changed(group);
        }

        foreach (int group in _changedInodes)
        {
            if (Super.HasChecksums)
            {
                uint crc = InodeChecksum(LoadInodes(group));
                GroupDescriptor descriptor = volume.Groups.Get(group);
                descriptor.InodeBitmapChecksum = crc;
            }

            volume.Groups.Changed(group);
        }

        _changedBlocks.Clear();
        _changedInodes.Clear();
    }

    private bool IsUninitialised(GroupDescriptor descriptor, GroupFlags flag) => Super.HasGroupChecksums && (descriptor.Flags & flag) != 0;

    private CachedBlock LoadBlocks(int group)
    {
        GroupDescriptor descriptor = volume.Groups.Get(group);
        CachedBlock block = volume.Cache.Get(descriptor.BlockBitmap);
        if (!block.Verified && Super.HasChecksums && !_changedBlocks.Contains(group)
            && (BlockChecksum(block) & descriptor.BitmapChecksumMask) != descriptor.BlockBitmapChecksum)
        {
            throw ExtErrors.Checksum(FormattableString.Invariant($"the block bitmap of group {group}"));
        }

        block.Verified = true;
        return block;
    }

    private CachedBlock LoadInodes(int group)
    {
        GroupDescriptor descriptor = volume.Groups.Get(group);
        CachedBlock block = volume.Cache.Get(descriptor.InodeBitmap);
        if (!block.Verified && Super.HasChecksums && !_changedInodes.Contains(group)
            && (InodeChecksum(block) & descriptor.BitmapChecksumMask) != descriptor.InodeBitmapChecksum)
        {
            throw ExtErrors.Checksum(FormattableString.Invariant($"the inode bitmap of group {group}"));
        }

        block.Verified = true;
        return block;
    }

    private uint BlockChecksum(CachedBlock block) =>
        ExtChecksum.Crc32C(Super.ChecksumSeed, block.Data.AsSpan(0, (int)Super.ClustersPerGroup / 8));

    private uint InodeChecksum(CachedBlock block) =>
        ExtChecksum.Crc32C(Super.ChecksumSeed, block.Data.AsSpan(0, (int)Super.InodesPerGroup / 8));

    /// <summary>What a group's block bitmap is before anything was allocated: its own metadata, and the bits past its end.</summary>
    private void ComputeBlocks(int group, Span<byte> bitmap)
    {
        GroupTable groups = volume.Groups;
        GroupDescriptor descriptor = groups.Get(group);
        long first = groups.FirstBlock(group);
        long tableBlocks = (((long)Super.InodesPerGroup * Super.InodeSize) + Super.BlockSize - 1) / Super.BlockSize;
        Mark(bitmap, group, first, groups.BaseMetadataBlocks(group));
        Mark(bitmap, group, descriptor.BlockBitmap, 1);
        Mark(bitmap, group, descriptor.InodeBitmap, 1);
        Mark(bitmap, group, descriptor.InodeTable, tableBlocks);
        BitSpan.Set(bitmap, groups.ClustersIn(group), (volume.BlockSize * 8) - groups.ClustersIn(group));
    }

    private void Mark(Span<byte> bitmap, int group, long block, long count)
    {
        long first = volume.Groups.FirstBlock(group);
        long start = Math.Max(block, first) - first;
        long end = Math.Min(block + count, first + volume.Groups.BlocksIn(group)) - first;
        if (end > start)
        {
            int from = (int)(start / Super.ClusterRatio);
            BitSpan.Set(bitmap, from, (int)((end - 1) / Super.ClusterRatio) - from + 1);
        }
    }
}
