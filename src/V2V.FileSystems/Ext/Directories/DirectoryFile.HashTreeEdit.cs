using V2V.Storage;

namespace V2V.FileSystems.Ext.Directories;

/// <summary>Growth of an indexed directory: a leaf splits, then nodes of the index, then the index gets a further level.</summary>
internal sealed partial class DirectoryFile
{
    private void InsertIndexed(ReadOnlySpan<byte> name, uint inode, byte type)
    {
        CachedBlock root = BlockAt(0) ?? throw Damaged("its first block is missing");
        if (HashVersion(root) >= SipHash)
        {
            throw V2VException.Unsupported(
                "ExtHashUnsupported", FormattableString.Invariant($"The directory in inode {_inode.Number} is indexed by a hash that cannot be computed without a key."));
        }

        uint hash = DirectoryHash.Compute(HashVersion(root), name, _volume.Super.HashSeed);
        List<Frame> frames = Probe(hash);
        CachedBlock leaf = Leaf(frames);
        if (!Region(leaf).TryInsert(name, inode, type))
        {
            while (frames[^1].Count >= frames[^1].Limit)
            {
                GrowIndex(frames);
                frames = Probe(hash);
            }

            leaf = SplitLeaf(Leaf(frames), frames[^1], hash);
            if (!Region(leaf).TryInsert(name, inode, type))
            {
                throw Damaged("a leaf has no room after it was split");
            }
        }

        SealLeaf(leaf);
    }

    private CachedBlock Leaf(List<Frame> frames) => BlockAt(frames[^1].Child) ?? throw Damaged("its index points to a missing block");

    /// <summary>Turns a linear directory of one block into an indexed one with one leaf.</summary>
    private void MakeIndexed()
    {
        CachedBlock root = BlockAt(0) ?? throw Damaged("its first block is missing");
        uint parent = (FindDotDot() ?? throw Damaged("it has no entry '..'")).Entry.Inode;
        var entries = new List<RawEntry>();
        Region(root).Collect(entries);
        CachedBlock leaf = AppendBlock(out long logical);
        WriteUnused(leaf);
        foreach (RawEntry entry in entries)
        {
            if (!entry.IsDots)
            {
                Region(leaf).TryInsert(entry.Name, entry.Inode, entry.Type);
            }
        }

        SealLeaf(leaf);
        Span<byte> data = root.Data;
        data.Clear();
        var region = new EntryRegion(data, _inode.Number, _volume);
        region.Write(0, DotLength, "."u8, _inode.Number, DirectoryType);
        region.Write(DotLength, _blockSize - DotLength, ".."u8, parent, DirectoryType);
        data[HashVersionOffset] = _volume.Super.DefaultHashVersion;
        data[0x1D] = 8;
        StartNode(data, RootEntriesOffset, [], (uint)logical);
        _inode.Flags |= InodeFlags.HashIndex;
        _inode.Dirty = true;
        SealNode(root);
    }

    /// <summary>Makes room in the index for one more leaf, one step at a time.</summary>
    private void GrowIndex(List<Frame> frames)
    {
        int level = frames.Count - 1;
        while (level > 0 && frames[level - 1].Count >= frames[level - 1].Limit)
        {
            level--;
        }

        if (level == 0)
        {
            AddLevel(frames[0], frames.Count);
        }
        else
        {
            SplitNode(frames[level], frames[level - 1]);
        }
    }

    /// <summary>Moves the root's entries to a new node, which becomes its only child.</summary>
    private void AddLevel(Frame root, int levels)
    {
        if (levels >= MaxLevels)
        {
            throw new V2VException(
                "ExtDirectoryFull", V2VErrorKind.NoSpace, FormattableString.Invariant($"The index of the directory in inode {_inode.Number} is full."));
        }

        CachedBlock node = AppendBlock(out long logical);
        WriteNodeHeader(node);
        Span<byte> entries = root.Block.Data.AsSpan(root.Entries, root.Count * HashEntrySize);
        StartNode(node.Data, NodeEntriesOffset, entries[HashEntrySize..], root.BlockAt(0));
        SealNode(node);
        StartNode(root.Block.Data, RootEntriesOffset, [], (uint)logical);
        root.Block.Data[LevelsOffset]++;
        SealNode(root.Block);
    }

    /// <summary>Moves the upper half of a node's entries to a new node beside it.</summary>
    private void SplitNode(Frame frame, Frame parent)
    {
        CachedBlock node = AppendBlock(out long logical);
        WriteNodeHeader(node);
        int keep = frame.Count / 2;
        uint hash = frame.HashAt(keep);
        Span<byte> moved = frame.Block.Data.AsSpan(frame.Entries + (keep * HashEntrySize), (frame.Count - keep) * HashEntrySize);
        StartNode(node.Data, NodeEntriesOffset, moved[HashEntrySize..], frame.BlockAt(keep));
        SealNode(node);
        Le.Set16(frame.Block.Data, frame.Entries + 2, (uint)keep);
        SealNode(frame.Block);
        InsertIndexEntry(parent, hash, (uint)logical);
    }

    /// <summary>Moves the upper half (by hash) of a leaf's entries to a new leaf; returns the leaf that a hash belongs to now.</summary>
    private CachedBlock SplitLeaf(CachedBlock leaf, Frame frame, uint hash)
    {
        int version = HashVersion(BlockAt(0)!);
        var entries = new List<RawEntry>();
        Region(leaf).Collect(entries);
        var sorted = entries.Select(e => (Hash: DirectoryHash.Compute(version, e.Name, _volume.Super.HashSeed), Entry: e)).OrderBy(e => e.Hash).ToList();
        int split = sorted.Count;
        int size = 0;
        while (split > 1 && size + (EntryRegion.Needed(sorted[split - 1].Entry.Name.Length) / 2) <= _blockSize / 2)
        {
            split--;
            size += EntryRegion.Needed(sorted[split].Entry.Name.Length);
        }

        split = Math.Min(split, sorted.Count - 1);
        if (split < 1)
        {
            throw Damaged("a leaf that is full has fewer than two entries");
        }

        CachedBlock added = AppendBlock(out long logical);
        FillLeaf(added, sorted.Skip(split).Select(e => e.Entry));
        FillLeaf(leaf, sorted.Take(split).Select(e => e.Entry));
        uint boundary = sorted[split].Hash;
        InsertIndexEntry(frame, boundary | (boundary == sorted[split - 1].Hash ? 1u : 0), (uint)logical);
        return hash >= boundary ? added : leaf;
    }

    private void FillLeaf(CachedBlock leaf, IEnumerable<RawEntry> entries)
    {
        WriteUnused(leaf);
        foreach (RawEntry entry in entries)
        {
            Region(leaf).TryInsert(entry.Name, entry.Inode, entry.Type);
        }

        SealLeaf(leaf);
    }

    /// <summary>Inserts an entry behind the one that the frame stands on.</summary>
    private void InsertIndexEntry(Frame frame, uint hash, uint block)
    {
        int at = frame.Entries + ((frame.Index + 1) * HashEntrySize);
        int end = frame.Entries + (frame.Count * HashEntrySize);
        Span<byte> data = frame.Block.Data;
        data[at..end].CopyTo(data[(at + HashEntrySize)..]);
        Le.Set32(data, at, hash);
        Le.Set32(data, at + 4, block);
        Le.Set16(data, frame.Entries + 2, (uint)frame.Count + 1);
        SealNode(frame.Block);
    }

    private void WriteNodeHeader(CachedBlock node) => Le.Set16(node.Data, 4, EntryRegion.EncodeLength(_blockSize));

    /// <summary>Writes limit, count and entries of a node; its first entry has no hash.</summary>
    private void StartNode(Span<byte> node, int offset, ReadOnlySpan<byte> rest, uint firstBlock)
    {
        rest.CopyTo(node[(offset + HashEntrySize)..]);
        Le.Set16(node, offset, (uint)((_blockSize - offset - HashNodeTail) / HashEntrySize));
        Le.Set16(node, offset + 2, (uint)(1 + (rest.Length / HashEntrySize)));
        Le.Set32(node, offset + 4, firstBlock);
    }

    private void SealNode(CachedBlock block)
    {
        if (_volume.Super.HasChecksums)
        {
            if (!TryHashNodeChecksum(block, out uint crc, out int offset))
            {
                throw Damaged("a node of its index is not valid");
            }

            Le.Set32(block.Data, offset, crc);
        }

        _volume.Cache.MarkDirty(block);
    }
}
