using V2V.FileSystems.Xfs.Allocation;
using V2V.Storage;

namespace V2V.FileSystems.Xfs;

/// <summary>An open XFS file system as the parts that work on it see it: geometry, caches, allocation groups and inodes.</summary>
internal sealed class XfsVolume
{
    private readonly Dictionary<int, AllocationGroup> _groups = [];

    public XfsVolume(BlockDevice device, XfsSuperblock super)
    {
        Device = device;
        Super = super;
        Cache = new MetadataCache(device, super.BlockSize);
        Space = new SpaceAllocator(this);
        Inodes = new InodeStore(this);
        InodeNumbers = new InodeAllocator(this);
    }

    public BlockDevice Device { get; }

    public XfsSuperblock Super { get; }

    public MetadataCache Cache { get; }

    public SpaceAllocator Space { get; }

    public InodeStore Inodes { get; }

    public InodeAllocator InodeNumbers { get; }

    public int BlockSize => Super.BlockSize;

    /// <summary>True if the superblock has to be written.</summary>
    public bool SuperDirty { get; set; }

    /// <summary>An allocation group.</summary>
    public AllocationGroup Group(int number)
    {
        if (!_groups.TryGetValue(number, out AllocationGroup? group))
        {
            if (number < 0 || number >= Super.GroupCount)
            {
                throw XfsErrors.Group(number, "there is no such group");
            }

            group = new AllocationGroup(this, number);
            _groups.Add(number, group);
        }

        return group;
    }

    /// <summary>Puts the reverse map of a run right when an inode begins to use it.</summary>
    public void MapRun(ulong fsBlock, uint count, Btrees.BlockUse use) =>
        Group(Super.GroupOf(fsBlock)).MapUse(Super.BlockInGroup(fsBlock), count, use);

    /// <summary>Puts the reverse map of a run right when an inode stops using it.</summary>
    public void UnmapRun(ulong fsBlock, uint count, Btrees.BlockUse use) =>
        Group(Super.GroupOf(fsBlock)).UnmapUse(Super.BlockInGroup(fsBlock), count, use);

    /// <summary>Counts blocks and inodes from the groups, as the kernel does after a crash: the superblock's own counts may lag.</summary>
    public void Recount()
    {
        ulong blocks = 0;
        ulong inodes = 0;
        ulong freeInodes = 0;
        for (int i = 0; i < Super.GroupCount; i++)
        {
            AllocationGroup group = Group(i);
            blocks += (ulong)group.CountedFree;
            inodes += group.Agi.Count;
            freeInodes += group.Agi.FreeCount;
        }

        if (Super.HasLazyCounters && (Super.FreeBlocks, Super.InodeCount, Super.FreeInodes) != (blocks, inodes, freeInodes))
        {
            (Super.FreeBlocks, Super.InodeCount, Super.FreeInodes) = (blocks, inodes, freeInodes);
            SuperDirty = true;
        }
    }

    /// <summary>Brings the superblock's counters up to date.</summary>
    public void UpdateCounters()
    {
        (ulong, ulong, ulong) before = (Super.FreeBlocks, Super.InodeCount, Super.FreeInodes);
        foreach (AllocationGroup group in _groups.Values)
        {
            group.CountInto(Super);
        }

        SuperDirty |= before != (Super.FreeBlocks, Super.InodeCount, Super.FreeInodes);
    }

    /// <summary>Writes everything that is in memory.</summary>
    public void Flush()
    {
        Inodes.Flush();
        Cache.Flush();
        UpdateCounters();
        foreach (AllocationGroup group in _groups.Values)
        {
            group.Flush();
        }

        if (SuperDirty)
        {
            Super.Write(Device);
            SuperDirty = false;
        }
    }

    /// <summary>Keeps memory bounded; called between operations.</summary>
    public void Trim()
    {
        Inodes.Trim();
        Cache.Trim();
    }
}
