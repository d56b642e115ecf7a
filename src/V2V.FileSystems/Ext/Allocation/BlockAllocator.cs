namespace V2V.FileSystems.Ext.Allocation;

/// <summary>
/// Allocates and frees blocks. The unit is the cluster (one block without bigalloc). A search begins at a goal and takes the first
/// free run that is long enough for what the caller expects to need, so that a new file is a few extents.
/// </summary>
internal sealed class BlockAllocator(ExtVolume volume)
{
    private Superblock Super => volume.Super;

    private int Ratio => volume.Super.ClusterRatio;

    /// <summary>Allocates up to <paramref name="wanted"/> blocks in one run, whole clusters from a cluster's first block on.</summary>
    /// <param name="owner">The inode that pays for them.</param>
    /// <param name="goal">Best place, or 0 for the owner's group.</param>
    /// <param name="wanted">Number of blocks that are needed now.</param>
    /// <param name="preferred">Number of free blocks that the place should offer.</param>
    /// <param name="metadata">True if the reserve for the system may be used.</param>
    public (long Block, long Count) Allocate(Inode owner, long goal, long wanted, long preferred, bool metadata)
    {
        long available = (Super.FreeBlocks - (metadata ? 0 : Super.ReservedBlocks)) / Ratio;
        if (available <= 0)
        {
            throw ExtErrors.NoSpace("blocks");
        }

        int take = (int)Math.Min(Math.Min((wanted + Ratio - 1) / Ratio, available), Super.ClustersPerGroup);
        int prefer = (int)Math.Max(Math.Min((preferred + Ratio - 1) / Ratio, Super.ClustersPerGroup / 2), take);
        if (goal <= Super.FirstDataBlock || goal >= Super.BlockCount)
        {
            goal = volume.Groups.FirstBlock((int)((owner.Number - 1) / Super.InodesPerGroup));
        }

        int goalGroup = volume.Groups.GroupOf(goal);
        int goalBit = (int)((goal - volume.Groups.FirstBlock(goalGroup)) / Ratio);
        int length = RunAt(goalGroup, goalBit, take);
        if (length > 0)
        {
            return Take(owner, goalGroup, goalBit, length);
        }

        while (true)
        {
            if (Search(goalGroup, goalBit, prefer, take, out int group, out int bit, out length))
            {
                return Take(owner, group, bit, length);
            }

            if (prefer == 1)
            {
                throw ExtErrors.NoSpace("blocks");
            }

            prefer = Math.Max(1, prefer / 4);
        }
    }

    /// <summary>Allocates one block (its whole cluster) for a structure of the file system.</summary>
    public long AllocateMetadata(Inode owner, long goal) => Allocate(owner, goal, 1, 1, metadata: true).Block;

    /// <summary>Frees the clusters that a run of blocks touches.</summary>
    public void Free(Inode owner, long block, long count)
    {
        if (!volume.IsValid(block, count))
        {
            throw ExtErrors.Mapping(owner.Number, "a block to be freed is out of range");
        }

        long first = block - ((block - Super.FirstDataBlock) % Ratio);
        long end = block + count;
        while (first < end)
        {
            int group = volume.Groups.GroupOf(first);
            long groupFirst = volume.Groups.FirstBlock(group);
            int bit = (int)((first - groupFirst) / Ratio);
            int clusters = (int)((Math.Min(end, groupFirst + Super.BlocksPerGroup) - first + Ratio - 1) / Ratio);
            byte[] bitmap = volume.Bitmaps.ChangeBlocks(group);
            if (BitSpan.NextClear(bitmap, bit, bit + clusters) < bit + clusters)
            {
                throw ExtErrors.Group(group, FormattableString.Invariant($"a block of inode {owner.Number} is marked free"));
            }

            BitSpan.Clear(bitmap, bit, clusters);
            Account(owner, group, -clusters);
            volume.Cache.Forget(first, (long)clusters * Ratio);
            first += (long)clusters * Ratio;
        }
    }

    /// <summary>Length of the free run at a bit, at most <paramref name="limit"/>.</summary>
    private int RunAt(int group, int bit, int limit)
    {
        if (volume.Groups.Get(group).FreeClusters == 0)
        {
            return 0;
        }

        int end = Math.Min(volume.Groups.ClustersIn(group), bit + limit);
        return BitSpan.NextSet(volume.Bitmaps.ReadBlocks(group), bit, end) - bit;
    }

    private bool Search(int goalGroup, int goalBit, int prefer, int take, out int group, out int bit, out int length)
    {
        for (int step = 0; step <= volume.Groups.Count; step++)
        {
            group = (goalGroup + step) % volume.Groups.Count;
            if (volume.Groups.Get(group).FreeClusters < prefer)
            {
                continue;
            }

            int clusters = volume.Groups.ClustersIn(group);
            ReadOnlySpan<byte> bitmap = volume.Bitmaps.ReadBlocks(group);
            bit = BitSpan.NextClear(bitmap, step == 0 ? goalBit : 0, clusters);
            while (bit < clusters)
            {
                int end = BitSpan.NextSet(bitmap, bit, Math.Min(clusters, bit + prefer));
                if (end - bit >= prefer)
                {
                    length = BitSpan.NextSet(bitmap, bit, Math.Min(clusters, bit + take)) - bit;
                    return true;
                }

                bit = BitSpan.NextClear(bitmap, end, clusters);
            }
        }

        (group, bit, length) = (0, 0, 0);
        return false;
    }

    private (long Block, long Count) Take(Inode owner, int group, int bit, int clusters)
    {
        BitSpan.Set(volume.Bitmaps.ChangeBlocks(group), bit, clusters);
        Account(owner, group, clusters);
        long block = volume.Groups.FirstBlock(group) + ((long)bit * Ratio);
        long count = (long)clusters * Ratio;
        volume.Cache.Forget(block, count);
        return (block, count);
    }

    private void Account(Inode owner, int group, int clusters)
    {
        GroupDescriptor descriptor = volume.Groups.Get(group);
        descriptor.FreeClusters = (uint)(descriptor.FreeClusters - clusters);
        volume.Groups.Changed(group);
        long blocks = (long)clusters * Ratio;
        Super.FreeBlocks -= blocks;
        volume.SuperDirty = true;
        Charge(owner, blocks);
    }

    /// <summary>Changes what an inode is said to take, without touching a bitmap: for a block that several inodes share.</summary>
    public void Charge(Inode owner, long blocks)
    {
        owner.AllocatedBytes += blocks * Super.BlockSize;
        owner.Dirty = true;
        volume.Quotas.Charge(owner, blocks * Super.BlockSize, 0);
    }
}
