using V2V.FileSystems.Xfs.Btrees;

namespace V2V.FileSystems.Xfs.Allocation;

/// <summary>
/// Blocks of the whole volume. Block maps are rewritten only when they are committed; what they will need then is reserved when they
/// grow, so that a commit never fails for lack of space.
/// </summary>
internal sealed class SpaceAllocator(XfsVolume volume)
{
    private long _available = -1;

    /// <summary>
    /// True during operations that free more than they take: they may have the blocks that the groups keep back for their own trees, so
    /// that what fills the last block can be deleted.
    /// </summary>
    public bool IsFreeing { get; set; }

    /// <summary>Blocks promised to block maps that have not been committed.</summary>
    public long Reserved { get; private set; }

    /// <summary>Blocks that files can have.</summary>
    public long Available
    {
        get
        {
            if (_available < 0)
            {
                _available = 0;
                for (int group = 0; group < volume.Super.GroupCount; group++)
                {
                    _available += volume.Group(group).Available;
                }
            }

            return _available - Reserved;
        }
    }

    /// <summary>A group's available blocks have changed.</summary>
    public void NoteChange(long change)
    {
        if (_available >= 0)
        {
            _available += change;
        }
    }

    /// <summary>Changes what is promised.</summary>
    public void Reserve(long change)
    {
        if (change > 0)
        {
            Require(change);
        }

        Reserved += change;
    }

    /// <summary>Throws unless that many blocks can be had.</summary>
    public void Require(long blocks)
    {
        if (Available < blocks && !(IsFreeing && AllFree() - Reserved >= blocks))
        {
            throw XfsErrors.NoSpace("blocks");
        }
    }

    /// <summary>Allocates a run, as long as possible.</summary>
    /// <param name="goal">The wanted first block.</param>
    /// <param name="wanted">More blocks are not needed.</param>
    /// <param name="owner">Who is told to the reverse map; <see cref="RmapOwner.None"/> if the caller does that.</param>
    /// <param name="promised">True for a block that was reserved.</param>
    public (ulong FsBlock, uint Count) Allocate(ulong goal, long wanted, ulong owner = RmapOwner.None, bool promised = false)
    {
        if (!promised)
        {
            Require(1);
            wanted = Math.Min(wanted, Math.Max(1, Available));
        }

        uint count = (uint)Math.Min(wanted, ExtentRecord.MaxCount);
        int groups = volume.Super.GroupCount;
        int first = Math.Min(volume.Super.GroupOf(goal), groups - 1);
        int passes = promised || IsFreeing ? 3 : 2;
        for (int pass = 0; pass < passes; pass++)
        {
            for (int i = 0; i < groups; i++)
            {
                // First where all of it fits, then wherever there is some, and last what the groups keep back.
                AllocationGroup group = volume.Group((first + i) % groups);
                long available = pass < 2 ? group.Available : group.AllFree;
                if (available < 1 || (pass == 0 && (group.Agf.Longest < count || available < count)))
                {
                    continue;
                }

                uint near = i == 0 ? volume.Super.BlockInGroup(goal) : 0;
                (uint start, uint found) = group.Allocate(near, 1, (uint)Math.Min(count, available), owner);
                if (found > 0)
                {
                    return (volume.Super.FsBlock(group.Number, start), found);
                }
            }
        }

        throw XfsErrors.NoSpace("blocks");
    }

    /// <summary>Gives a run back.</summary>
    public void Free(ulong fsBlock, uint count, ulong owner = RmapOwner.None) =>
        volume.Group(volume.Super.GroupOf(fsBlock)).Free(volume.Super.BlockInGroup(fsBlock), count, owner);

    private long AllFree()
    {
        long free = 0;
        for (int group = 0; group < volume.Super.GroupCount; group++)
        {
            free += volume.Group(group).AllFree;
        }

        return free;
    }
}
