using V2V.FileSystems.Xfs.Btrees;

namespace V2V.FileSystems.Xfs.Allocation;

/// <summary>
/// One allocation group: its headers, its trees, and the allocation of its blocks. The free list (AGFL) is kept filled so that the
/// free space and reverse map trees can always grow, before each change of the free space.
/// </summary>
internal sealed class AllocationGroup
{
    private Agf? _agf;
    private Agi? _agi;
    private Agfl? _agfl;
    private bool _filling;
    private long _countedFree;
    private long _countedInodes;
    private long _countedFreeInodes;

    public AllocationGroup(XfsVolume volume, int number)
    {
        Volume = volume;
        Number = number;
        Length = volume.Super.BlocksIn(number);
        FreeByBlock = new FreeSpaceTree(this, bySize: false);
        FreeBySize = new FreeSpaceTree(this, bySize: true);
        Inodes = new InodeTree(this, freeOnly: false);
        FreeInodes = Super.HasFreeInodeTree ? new InodeTree(this, freeOnly: true) : null;
        ReverseMap = Super.HasReverseMap ? new ReverseMapTree(this) : null;
        Refcounts = Super.HasReflink ? new RefcountTree(this) : null;
    }

    public XfsVolume Volume { get; }

    public XfsSuperblock Super => Volume.Super;

    public int Number { get; }

    /// <summary>Blocks in the group.</summary>
    public uint Length { get; }

    public Agf Agf
    {
        get
        {
            if (_agf is null)
            {
                _agf = Agf.Read(Volume.Device, Super, Number);
                _countedFree = CountedFree;
            }

            return _agf;
        }
    }

    public Agi Agi
    {
        get
        {
            if (_agi is null)
            {
                _agi = Agi.Read(Volume.Device, Super, Number);
                (_countedInodes, _countedFreeInodes) = (_agi.Count, _agi.FreeCount);
            }

            return _agi;
        }
    }

    public Agfl Agfl => _agfl ??= Agfl.Read(Volume.Device, Super, Number);

    public FreeSpaceTree FreeByBlock { get; }

    public FreeSpaceTree FreeBySize { get; }

    public InodeTree Inodes { get; }

    public InodeTree? FreeInodes { get; }

    public ReverseMapTree? ReverseMap { get; }

    public RefcountTree? Refcounts { get; }

    /// <summary>Blocks that files must leave for the growth of the group's own trees.</summary>
    public uint Reserve => 32 + (Super.HasReverseMap ? Length / 100 : 0) + (Super.HasReflink ? Length / 200 : 0);

    /// <summary>Free blocks that files can have.</summary>
    public long Available => Math.Max(0, (long)Agf.FreeBlocks - Reserve);

    /// <summary>Free blocks that anything but the free list can have.</summary>
    public long AllFree => Math.Max(0, (long)Agf.FreeBlocks - FreeListTarget - 4);

    /// <summary>What the superblock counts as free: with the free list and the trees that live on it.</summary>
    public long CountedFree => (long)Agf.FreeBlocks + Agf.FreeListCount + Agf.TreeBlocks;

    /// <summary>Blocks that the free list should hold: enough for a few splits of every tree that takes from it.</summary>
    private uint FreeListTarget
    {
        get
        {
            uint levels = Agf.GetTree(0).Levels + Agf.GetTree(1).Levels + 2;
            if (Super.HasReverseMap)
            {
                levels += Agf.GetTree(2).Levels + 1;
            }

            return Math.Min(levels * 3, (uint)Agfl.SlotsOf(Super) - 20);
        }
    }

    /// <summary>The linear block of the volume.</summary>
    public long Linear(uint block) => ((long)Number * Super.GroupBlocks) + block;

    /// <summary>The block of the group that a linear block of the volume is.</summary>
    public uint NumberOf(long linear) => (uint)(linear - ((long)Number * Super.GroupBlocks));

    /// <summary>Adds to the superblock's counters what has changed in this group since the last call.</summary>
    public void CountInto(XfsSuperblock super)
    {
        if (_agf is not null)
        {
            super.FreeBlocks += (ulong)(CountedFree - _countedFree);
            _countedFree = CountedFree;
        }

        if (_agi is not null)
        {
            super.InodeCount += (ulong)((long)_agi.Count - _countedInodes);
            super.FreeInodes += (ulong)((long)_agi.FreeCount - _countedFreeInodes);
            (_countedInodes, _countedFreeInodes) = (_agi.Count, _agi.FreeCount);
        }
    }

    /// <summary>Writes the headers that were changed.</summary>
    public void Flush()
    {
        _agf?.Write(Volume.Device);
        _agi?.Write(Volume.Device);
        _agfl?.Write(Volume.Device);
    }

    /// <summary>Allocates a run.</summary>
    /// <param name="goal">The wanted first block, or 0.</param>
    /// <param name="minimum">Fewer blocks are of no use.</param>
    /// <param name="wanted">More blocks are not needed.</param>
    /// <param name="owner">Who is told to the reverse map; <see cref="RmapOwner.None"/> if the caller does that.</param>
    /// <param name="alignment">The first block is a multiple of it.</param>
    /// <returns>The run, or a count of 0.</returns>
    public (uint Start, uint Count) Allocate(uint goal, uint minimum, uint wanted, ulong owner, uint alignment = 1)
    {
        FillFreeList();
        (uint start, uint count) = Choose(goal, minimum, wanted, alignment);
        if (count > 0)
        {
            TakeFree(start, count);
            Map(start, count, owner);
        }

        return (start, count);
    }

    /// <summary>A block for a tree of this group that does not live on the free list.</summary>
    public uint AllocateForTree(ulong owner)
    {
        (uint start, uint count) = Allocate(0, 1, 1, owner);
        return count == 1 ? start : throw XfsErrors.NoSpace("blocks for the trees of an allocation group");
    }

    /// <summary>Throws unless the group's own trees can grow by some blocks.</summary>
    public void RequireTreeSpace(uint blocks)
    {
        if (Agf.FreeBlocks < blocks + FreeListTarget)
        {
            throw XfsErrors.NoSpace("blocks for the trees of an allocation group");
        }
    }

    /// <summary>Gives a run back.</summary>
    public void Free(uint start, uint count, ulong owner)
    {
        FillFreeList();
        if (owner != RmapOwner.None)
        {
            ReverseMap?.Unmap(start, count, new BlockUse(owner));
        }

        AddFree(start, count);
        Volume.Cache.Forget(Linear(start), count);
    }

    /// <summary>Enters the use of a run into the reverse map, if there is one.</summary>
    public void MapUse(uint start, uint count, BlockUse use)
    {
        if (ReverseMap is not null)
        {
            FillFreeList();
            ReverseMap.Map(start, count, use);
        }
    }

    /// <summary>Takes the use of a run out of the reverse map, if there is one.</summary>
    public void UnmapUse(uint start, uint count, BlockUse use)
    {
        if (ReverseMap is not null)
        {
            FillFreeList();
            ReverseMap.Unmap(start, count, use);
        }
    }

    /// <summary>A block of the free list.</summary>
    public uint TakeFromFreeList()
    {
        if (Agf.FreeListCount == 0)
        {
            throw XfsErrors.NoSpace("blocks in the free list of an allocation group");
        }

        uint block = Agfl.GetSlot(Agf.FirstFree);
        if (block == 0 || block >= Length)
        {
            throw XfsErrors.Group(Number, "the free list holds a block outside the group");
        }

        Agf.FirstFree = (Agf.FirstFree + 1) % (uint)Agfl.Slots;
        Agf.FreeListCount--;
        return block;
    }

    /// <summary>Puts a block on the free list; its owner stays the group.</summary>
    public void PutOnFreeList(uint block)
    {
        if (Agf.FreeListCount >= Agfl.Slots)
        {
            throw XfsErrors.Group(Number, "the free list is full");
        }

        Volume.Cache.Forget(Linear(block), 1);
        Agf.LastFree = (Agf.LastFree + 1) % (uint)Agfl.Slots;
        Agf.FreeListCount++;
        Agfl.SetSlot(Agf.LastFree, block);
    }

    /// <summary>The free runs in ascending order.</summary>
    public IEnumerable<(uint Start, uint Count)> FreeRuns()
    {
        uint last = 0;
        for (bool found = FreeByBlock.SeekAtLeast(default); found; found = FreeByBlock.Next())
        {
            (uint start, uint count) = FreeByBlock.CurrentRun;
            if (start < last || count == 0 || start >= Length || count > Length - start)
            {
                throw XfsErrors.Group(Number, "the free space tree is out of order");
            }

            last = start + count;
            yield return (start, count);
        }
    }

    /// <summary>Brings the free list to its target.</summary>
    private void FillFreeList()
    {
        if (_filling)
        {
            return;
        }

        _filling = true;
        try
        {
            uint target = FreeListTarget;
            while (Agf.FreeListCount > target + 8)
            {
                uint block = TakeFromFreeList();
                ReverseMap?.Unmap(block, 1, new BlockUse(RmapOwner.Group));
                AddFree(block, 1);
            }

            while (Agf.FreeListCount < target && FreeBySize.SeekAtLeast(default))
            {
                (uint start, uint count) = FreeBySize.CurrentRun;
                count = Math.Min(count, target - Agf.FreeListCount);
                TakeFree(start, count);
                Map(start, count, RmapOwner.Group);
                for (uint i = 0; i < count; i++)
                {
                    PutOnFreeList(start + i);
                }
            }
        }
        finally
        {
            _filling = false;
        }
    }

    private void Map(uint start, uint count, ulong owner)
    {
        if (owner != RmapOwner.None)
        {
            ReverseMap?.Map(start, count, new BlockUse(owner));
        }
    }

    private (uint Start, uint Count) Choose(uint goal, uint minimum, uint wanted, uint alignment)
    {
        if (goal > 0 && FreeByBlock.SeekAtMost(new BtreeKey(goal)))
        {
            (uint start, uint count) = FreeByBlock.CurrentRun;
            if (goal < start + count && Fit(goal, start + count - goal, minimum, wanted, alignment) is { Count: > 0 } exact && exact.Count >= Math.Min(wanted, minimum + 16))
            {
                return exact;
            }
        }

        int tries = 64;
        for (bool found = FreeBySize.SeekAtLeast(new BtreeKey(wanted)); found && tries > 0; found = FreeBySize.Next(), tries--)
        {
            (uint start, uint count) = FreeBySize.CurrentRun;
            if (Fit(start, count, minimum, wanted, alignment) is { Count: > 0 } fit)
            {
                return fit;
            }
        }

        tries = 256;
        for (bool found = FreeBySize.SeekLast(); found && tries > 0; found = FreeBySize.Previous(), tries--)
        {
            (uint start, uint count) = FreeBySize.CurrentRun;
            if (count < minimum)
            {
                break;
            }

            if (Fit(start, count, minimum, wanted, alignment) is { Count: > 0 } fit)
            {
                return fit;
            }
        }

        return default;
    }

    private static (uint Start, uint Count) Fit(uint start, uint count, uint minimum, uint wanted, uint alignment)
    {
        uint skipped = (alignment - (start % alignment)) % alignment;
        return count < skipped + (ulong)minimum ? default : (start + skipped, Math.Min(wanted, count - skipped));
    }

    /// <summary>Takes a run, which must be free, out of the two free space trees.</summary>
    private void TakeFree(uint start, uint count)
    {
        if (!FreeByBlock.SeekAtMost(new BtreeKey(start)))
        {
            throw XfsErrors.Group(Number, "the free space trees contradict each other");
        }

        (uint from, uint length) = FreeByBlock.CurrentRun;
        uint end = from + length;
        if (start + count > end || end > Length || from > start)
        {
            throw XfsErrors.Group(Number, "the free space trees contradict each other");
        }

        DeleteBySize(from, length);
        if (from < start)
        {
            FreeByBlock.Update(from, start - from);
            FreeBySize.Insert(from, start - from);
        }

        if (end > start + count)
        {
            if (from < start)
            {
                FreeByBlock.Insert(start + count, end - start - count);
            }
            else
            {
                FreeByBlock.Update(start + count, end - start - count);
            }

            FreeBySize.Insert(start + count, end - start - count);
        }
        else if (from == start)
        {
            FreeByBlock.Delete();
        }

        CountFree(-(long)count);
    }

    /// <summary>Enters a run into the two free space trees, joined with its neighbours.</summary>
    private void AddFree(uint start, uint count)
    {
        if (start == 0 || start >= Length || count > Length - start)
        {
            throw XfsErrors.Group(Number, "blocks outside the group were to be freed");
        }

        uint from = start;
        uint end = start + count;
        bool joinsLeft = false;
        if (FreeByBlock.SeekAtMost(new BtreeKey(start)))
        {
            (uint leftStart, uint leftCount) = FreeByBlock.CurrentRun;
            if (leftStart + leftCount > start)
            {
                throw XfsErrors.Group(Number, "blocks that are free already were to be freed");
            }

            joinsLeft = leftStart + leftCount == start;
            from = joinsLeft ? leftStart : start;
        }

        if (FreeByBlock.SeekAtLeast(new BtreeKey(start)))
        {
            (uint rightStart, uint rightCount) = FreeByBlock.CurrentRun;
            if (rightStart < end)
            {
                throw XfsErrors.Group(Number, "blocks that are free already were to be freed");
            }

            if (rightStart == end)
            {
                FreeByBlock.Delete();
                DeleteBySize(rightStart, rightCount);
                end += rightCount;
            }
        }

        if (joinsLeft)
        {
            DeleteBySize(from, start - from);
            FreeByBlock.SeekAtMost(new BtreeKey(start));
            FreeByBlock.Update(from, end - from);
        }
        else
        {
            FreeByBlock.Insert(from, end - from);
        }

        FreeBySize.Insert(from, end - from);
        CountFree(count);
    }

    private void DeleteBySize(uint start, uint count)
    {
        if (!FreeBySize.Seek(FreeBySize.Key(start, count)))
        {
            throw XfsErrors.Group(Number, "the free space trees contradict each other");
        }

        FreeBySize.Delete();
    }

    private void CountFree(long change)
    {
        long before = Available;
        Agf.FreeBlocks = (uint)(Agf.FreeBlocks + change);
        Agf.Longest = FreeBySize.SeekLast() ? FreeBySize.CurrentRun.Count : 0;
        Volume.Space.NoteChange(Available - before);
    }
}
