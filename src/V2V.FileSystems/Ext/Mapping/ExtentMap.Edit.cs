namespace V2V.FileSystems.Ext.Mapping;

/// <summary>What changes an extent tree.</summary>
internal sealed partial class ExtentMap
{
    private const int MaxUnwritten = 32767;

    private bool _changed;

    /// <inheritdoc/>
    public override void Map(long logical, long physical, long count)
    {
        // The window that changes: the run before, one that is overlapped (unwritten, so split), the run after.
        int at = IndexAtOrAfter(logical);
        bool overlaps = at < _runs.Count && _runs[at].Logical < logical + count;
        int first = Math.Max(0, at - 1);
        int end = Math.Min(_runs.Count, at + (overlaps ? 2 : 1));
        List<BlockRun> old = _runs.GetRange(first, end - first);
        var changed = new List<BlockRun>(5);
        if (at > 0)
        {
            changed.Add(_runs[at - 1]);
        }

        var added = new BlockRun(logical, physical, count, BlockRunKind.Data);
        if (overlaps)
        {
            BlockRun split = _runs[at];
            if (split.Kind != BlockRunKind.Unwritten || split.Logical > logical || split.End < added.End || split.Physical + logical - split.Logical != physical)
            {
                throw new InvalidOperationException("Only a hole or an unwritten run can be mapped.");
            }

            Append(changed, split with { Count = logical - split.Logical });
            Append(changed, added);
            long skip = added.End - split.Logical;
            Append(changed, split with { Logical = added.End, Physical = split.Physical + skip, Count = split.Count - skip });
            at++;
        }
        else
        {
            Append(changed, added);
        }

        if (at < _runs.Count)
        {
            Append(changed, _runs[at]);
        }

        Replace(first, old.Count, changed);
        try
        {
            FitTree();
        }
        catch
        {
            Replace(first, changed.Count, old);
            throw;
        }

        _changed = true;
    }

    /// <inheritdoc/>
    public override void Truncate(long fromLogical)
    {
        int first = IndexAtOrAfter(fromLogical);
        if (first == _runs.Count)
        {
            return;
        }

        List<BlockRun> removed = _runs.GetRange(first, _runs.Count - first);
        _runs.RemoveRange(first, removed.Count);
        if (removed[0].Logical < fromLogical)
        {
            BlockRun cut = removed[0];
            long keep = fromLogical - cut.Logical;
            _runs.Add(cut with { Count = keep });
            removed[0] = cut with { Logical = fromLogical, Physical = cut.Physical + keep, Count = cut.Count - keep };
        }

        _changed = true;
        FreeClusters(removed);
        FitTree();
    }

    /// <inheritdoc/>
    public override void Commit()
    {
        if (!_changed)
        {
            return;
        }

        var entries = new List<(long Logical, long Length, long Physical)>();
        foreach (BlockRun run in _runs)
        {
            AppendPieces(run, entries);
        }

        WriteTree(entries);
        _inode.Dirty = true;
        _changed = false;
    }

    private static void Append(List<BlockRun> runs, BlockRun run)
    {
        if (run.Count == 0)
        {
            return;
        }

        if (runs.Count > 0 && CanMerge(runs[^1], run))
        {
            runs[^1] = runs[^1] with { Count = runs[^1].Count + run.Count };
        }
        else
        {
            runs.Add(run);
        }
    }

    private static void AppendPieces(BlockRun run, List<(long Logical, long Length, long Physical)> entries)
    {
        bool unwritten = run.Kind == BlockRunKind.Unwritten;
        int max = unwritten ? MaxUnwritten : MaxWritten;
        for (long done = 0; done < run.Count; done += max)
        {
            long length = Math.Min(max, run.Count - done);
            entries.Add((run.Logical + done, unwritten ? length + MaxWritten : length, run.Physical + done));
        }
    }

    private void Replace(int first, int count, List<BlockRun> with)
    {
        if (count == with.Count)
        {
            for (int i = 0; i < count; i++)
            {
                _runs[first + i] = with[i];
            }

            return;
        }

        _runs.RemoveRange(first, count);
        _runs.InsertRange(first, with);
    }

    /// <summary>Frees the clusters of removed runs; a cluster that what remains still uses stays.</summary>
    private void FreeClusters(List<BlockRun> removed)
    {
        int ratio = _volume.Super.ClusterRatio;
        long last = _runs.Count > 0 ? (_runs[^1].Physical + _runs[^1].Count - 1) / ratio : -1;
        if (ratio == 1)
        {
            last = -1;
        }

        foreach (BlockRun run in removed)
        {
            long first = run.Physical / ratio;
            long end = (run.Physical + run.Count - 1) / ratio;
            if (first == last && ratio > 1)
            {
                first++;
            }

            if (first <= end)
            {
                long block = first * ratio;
                _volume.Blocks.Free(_inode, block, Math.Min((end + 1) * ratio, _volume.Super.BlockCount) - block);
                last = end;
            }
        }
    }

    private int CountPieces()
    {
        long pieces = 0;
        foreach (BlockRun run in _runs)
        {
            int max = run.Kind == BlockRunKind.Unwritten ? MaxUnwritten : MaxWritten;
            pieces += (run.Count + max - 1) / max;
        }

        return checked((int)pieces);
    }

    /// <summary>Allocates or frees blocks until there are as many as the tree needs.</summary>
    private void FitTree()
    {
        int needed = 0;
        for (int nodes = CountPieces(); nodes > InodeCapacity;)
        {
            nodes = (nodes + Capacity - 1) / Capacity;
            needed += nodes;
        }

        int before = _treeBlocks.Count;
        try
        {
            while (_treeBlocks.Count < needed)
            {
                long goal = _treeBlocks.Count > 0 ? _treeBlocks[^1] + 1 : 0;
                long block = _volume.Blocks.AllocateMetadata(_inode, goal);
                _volume.Cache.GetNew(block);
                _treeBlocks.Add(block);
            }
        }
        catch
        {
            needed = before;
            throw;
        }
        finally
        {
            while (_treeBlocks.Count > needed)
            {
                long block = _treeBlocks[^1];
                _treeBlocks.RemoveAt(_treeBlocks.Count - 1);
                _volume.Blocks.Free(_inode, block, 1);
            }
        }
    }

    private void WriteTree(List<(long Logical, long Length, long Physical)> entries)
    {
        int next = 0;
        int depth = 0;
        while (entries.Count > InodeCapacity)
        {
            var parents = new List<(long Logical, long Length, long Physical)>();
            for (int i = 0; i < entries.Count; i += Capacity)
            {
                CachedBlock block = _volume.Cache.Get(_treeBlocks[next++]);
                parents.Add((entries[i].Logical, 0, block.Number));
                if (WriteNode(block.Data, depth, entries.GetRange(i, Math.Min(Capacity, entries.Count - i)), Capacity))
                {
                    if (_volume.Super.HasChecksums)
                    {
                        int tail = TailOffset(block.Data);
                        Le.Set32(block.Data, tail, ExtChecksum.Crc32C(_inode.ChecksumSeed, block.Data.AsSpan(0, tail)));
                    }

                    _volume.Cache.MarkDirty(block);
                }
            }

            entries = parents;
            depth++;
        }

        WriteNode(_inode.BlockArea, depth, entries, InodeCapacity);
    }

    /// <summary>Writes a node; true if that changed it.</summary>
    private static bool WriteNode(Span<byte> node, int depth, List<(long Logical, long Length, long Physical)> entries, int capacity)
    {
        Span<byte> buffer = new byte[HeaderSize + (entries.Count * EntrySize)];
        Le.Set16(buffer, 0, Magic);
        Le.Set16(buffer, 2, (uint)entries.Count);
        Le.Set16(buffer, 4, (uint)capacity);
        Le.Set16(buffer, 6, (uint)depth);
        node[8..12].CopyTo(buffer[8..]);
        for (int i = 0; i < entries.Count; i++)
        {
            Span<byte> entry = buffer.Slice(HeaderSize + (i * EntrySize), EntrySize);
            (long logical, long length, long physical) = entries[i];
            Le.Set32(entry, 0, (uint)logical);
            if (depth == 0)
            {
                Le.Set16(entry, 4, (uint)length);
                Le.Set16(entry, 6, (uint)(physical >> 32));
                Le.Set32(entry, 8, (uint)physical);
            }
            else
            {
                Le.Set32(entry, 4, (uint)physical);
                Le.Set16(entry, 8, (uint)(physical >> 32));
            }
        }

        if (node[..buffer.Length].SequenceEqual(buffer))
        {
            return false;
        }

        buffer.CopyTo(node);
        return true;
    }
}
