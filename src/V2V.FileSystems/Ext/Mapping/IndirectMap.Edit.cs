namespace V2V.FileSystems.Ext.Mapping;

/// <summary>What changes a map of indirect blocks.</summary>
internal sealed partial class IndirectMap
{
    private long _freeStart;
    private long _freeCount;

    /// <inheritdoc/>
    public override void Map(long logical, long physical, long count)
    {
        var created = new List<(long Parent, int Slot, long Block)>();
        try
        {
            for (long at = logical; at < logical + count;)
            {
                at = EnsurePath(at, physical, created);
            }
        }
        catch
        {
            for (int i = created.Count - 1; i >= 0; i--)
            {
                SetPointer(created[i].Parent, created[i].Slot, 0);
                volume.Blocks.Free(inode, created[i].Block, 1);
            }

            throw;
        }

        for (long i = 0; i < count; i++)
        {
            (long parent, int slot) = FindPointer(logical + i);
            SetPointer(parent, slot, physical + i);
        }
    }

    /// <inheritdoc/>
    public override void Truncate(long fromLogical)
    {
        for (int slot = 0; slot < DirectCount; slot++)
        {
            if (slot >= fromLogical)
            {
                Release(Le.U32(inode.BlockArea, slot * 4));
                SetPointer(0, slot, 0);
            }
        }

        long first = DirectCount;
        for (int level = 1; level <= 3; level++)
        {
            int slot = DirectCount + level - 1;
            long top = Le.U32(inode.BlockArea, slot * 4);
            if (top != 0 && fromLogical < first + Span(level))
            {
                long from = Math.Max(0, fromLogical - first);
                ReleaseTree(top, level, from);
                if (from == 0)
                {
                    SetPointer(0, slot, 0);
                }
            }

            first += Span(level);
        }

        FlushReleased();
    }

    /// <inheritdoc/>
    public override void Commit()
    {
        // Pointers are changed in place: there is nothing left to write.
    }

    /// <summary>Allocates the pointer blocks for a logical block; returns the first logical block that needs others.</summary>
    private long EnsurePath(long logical, long goal, List<(long Parent, int Slot, long Block)> created)
    {
        int slot = Locate(logical, out int level, out long inTree, out _);
        if (level == 0)
        {
            return DirectCount;
        }

        long parent = 0;
        long start = inTree;
        while (level > 0)
        {
            long child = Pointer(parent, slot);
            if (child == 0)
            {
                child = volume.Blocks.AllocateMetadata(inode, goal);
                volume.Cache.GetNew(child);
                SetPointer(parent, slot, child);
                created.Add((parent, slot, child));
            }

            parent = child;
            inTree %= Span(level);
            level--;
            slot = (int)(inTree / Span(level));
        }

        return logical - start + ((start / _perBlock) + 1) * _perBlock;
    }

    /// <summary>The place of the pointer to a logical block, whose path exists. Parent 0 is the inode itself.</summary>
    private (long Parent, int Slot) FindPointer(long logical)
    {
        int slot = Locate(logical, out int level, out long inTree, out _);
        long parent = 0;
        while (level > 0)
        {
            parent = Pointer(parent, slot);
            inTree %= Span(level);
            level--;
            slot = (int)(inTree / Span(level));
        }

        return (parent, slot);
    }

    private long Pointer(long parent, int slot) => Le.U32(parent == 0 ? inode.BlockArea : Pointers(parent).Data, slot * 4);

    private void SetPointer(long parent, int slot, long value)
    {
        if (parent == 0)
        {
            Le.Set32(inode.BlockArea, slot * 4, (uint)value);
            inode.Dirty = true;
            return;
        }

        CachedBlock block = Pointers(parent);
        Le.Set32(block.Data, slot * 4, (uint)value);
        volume.Cache.MarkDirty(block);
    }

    /// <summary>Frees what a pointer block maps from a place on, and the block itself if that is everything. At most three levels deep.</summary>
    private void ReleaseTree(long number, int level, long from)
    {
        long span = Span(level - 1);
        int first = (int)(from / span);
        for (int slot = first; slot < _perBlock; slot++)
        {
            long child = Pointer(number, slot);
            long childFrom = slot == first ? from % span : 0;
            if (child == 0)
            {
                continue;
            }

            if (level == 1)
            {
                Release(child);
            }
            else
            {
                ReleaseTree(child, level - 1, childFrom);
            }

            if (childFrom == 0 && from > 0)
            {
                SetPointer(number, slot, 0);
            }
        }

        if (from == 0)
        {
            FlushReleased();
            volume.Blocks.Free(inode, number, 1);
        }
    }

    /// <summary>Frees a data block; neighbours are freed together.</summary>
    private void Release(long block)
    {
        if (block == 0)
        {
            return;
        }

        if (_freeCount > 0 && block == _freeStart + _freeCount)
        {
            _freeCount++;
            return;
        }

        FlushReleased();
        (_freeStart, _freeCount) = (block, 1);
    }

    private void FlushReleased()
    {
        if (_freeCount > 0)
        {
            long count = _freeCount;
            _freeCount = 0;
            volume.Blocks.Free(inode, _freeStart, count);
        }
    }
}
