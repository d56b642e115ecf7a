namespace V2V.FileSystems.Xfs.Directories;

/// <summary>The index of a directory in leaf or node form while one change is made: hashes with addresses, and the room in each block of entries.</summary>
internal interface IDirectoryIndex
{
    /// <summary>A block with an unused range of so many bytes, or null.</summary>
    uint? FindSpace(int size);

    /// <summary>Notes the longest unused range of a block of entries; <see cref="ushort.MaxValue"/> if the block does not exist.</summary>
    void SetBest(uint block, ushort best);

    void Add(uint hash, uint address);

    void Remove(uint hash, uint address);

    /// <summary>Stores what was changed.</summary>
    void Commit();
}

/// <summary>The two indexes, and the step from one to the other.</summary>
internal sealed partial class DirectoryFile
{
    private const ushort NoBlock = ushort.MaxValue;

    private int MaxLeafEntries => (_file.Size - _file.EntriesOffset) / 8;

    private int MaxFreeEntries => (_file.Size - FreeHeaderSize) / 2;

    private int FreeHeaderSize => Super.IsV5 ? 64 : 16;

    private int FreeFields => Super.IsV5 ? 48 : 4;

    private IDirectoryIndex OpenIndex(bool adding)
    {
        if (Form == DirectoryForm.Node)
        {
            return new NodeIndex(this);
        }

        DaBuffer leaf = _file.ReadLinked(LeafBlock);
        List<(uint Hash, uint Address)> entries = ReadLeaf(leaf.Data);
        List<ushort> bests = ReadBests(leaf.Data, entries.Count);
        if (!adding || Leaf1Size(entries.Count + 1, bests.Count + 1) <= _file.Size)
        {
            return new LeafIndex(this, leaf, entries, bests);
        }

        LeafToNode(leaf, entries, bests);
        return new NodeIndex(this);
    }

    private int Leaf1Size(int entries, int bests) => _file.EntriesOffset + (entries * 8) + (bests * 2) + 4;

    /// <summary>The entries of a leaf without the stale ones.</summary>
    private List<(uint Hash, uint Address)> ReadLeaf(ReadOnlySpan<byte> leaf)
    {
        int count = LeafCount(leaf);
        var entries = new List<(uint Hash, uint Address)>(count + 1);
        for (int i = 0; i < count; i++)
        {
            uint address = Be.U32(leaf, _file.EntriesOffset + (i * 8) + 4);
            if (address != 0)
            {
                entries.Add((Be.U32(leaf, _file.EntriesOffset + (i * 8)), address));
            }
        }

        return entries;
    }

    private List<ushort> ReadBests(ReadOnlySpan<byte> leaf, int entries)
    {
        uint count = Be.U32(leaf, leaf.Length - 4);
        if (count > (uint)leaf.Length / 2 || Leaf1Size(entries, (int)count) > leaf.Length)
        {
            throw _file.Damaged("its leaf is out of range");
        }

        var bests = new List<ushort>((int)count);
        for (int i = 0; i < (int)count; i++)
        {
            bests.Add(Be.U16(leaf, leaf.Length - 4 - ((int)count * 2) + (i * 2)));
        }

        return bests;
    }

    private void WriteLeaf1(DaBuffer leaf, List<(uint Hash, uint Address)> entries, List<ushort> bests)
    {
        WriteLeafEntries(leaf, entries);
        byte[] data = leaf.Data;
        Be.Set32(data, data.Length - 4, (uint)bests.Count);
        for (int i = 0; i < bests.Count; i++)
        {
            Be.Set16(data, data.Length - 4 - (bests.Count * 2) + (i * 2), bests[i]);
        }

        _file.WriteLinked(leaf);
    }

    /// <summary>Replaces the entries of a leaf; the block must still be written.</summary>
    private void WriteLeafEntries(DaBuffer leaf, List<(uint Hash, uint Address)> entries)
    {
        byte[] data = leaf.Data;
        data.AsSpan(_file.InfoSize).Clear();
        Be.Set16(data, _file.InfoSize, entries.Count);
        for (int i = 0; i < entries.Count; i++)
        {
            Be.Set32(data, _file.EntriesOffset + (i * 8), entries[i].Hash);
            Be.Set32(data, _file.EntriesOffset + (i * 8) + 4, entries[i].Address);
        }
    }

    private void LeafToNode(DaBuffer leaf, List<(uint Hash, uint Address)> entries, List<ushort> bests)
    {
        Be.Set16(leaf.Data, 8, LeafNMagicNumber);
        WriteLeafEntries(leaf, entries);
        _file.WriteLinked(leaf);
        DaBuffer free = _file.NewData(FreeBlock, Super.IsV5 ? FreeMagicV5 : FreeMagic);
        WriteFree(free, 0, bests);
    }

    private int LeafNMagicNumber => Super.IsV5 ? DaFile.LeafNMagicV5 : DaFile.LeafNMagic;

    private void NodeToLeaf()
    {
        DaBuffer root = _file.ReadLinked(LeafBlock);
        if (DaFile.Magic(root.Data) != LeafNMagicNumber || !_file.Exists(FreeBlock) || LastDataBlock() >= MaxFreeEntries)
        {
            return;
        }

        List<(uint Hash, uint Address)> entries = ReadLeaf(root.Data);
        List<ushort> bests = ReadFree(_file.ReadData(FreeBlock).Data);
        if (Leaf1Size(entries.Count, bests.Count) > _file.Size || _file.FirstHole(FreeBlock) != FreeBlock + Each)
        {
            return;
        }

        Be.Set16(root.Data, 8, Super.IsV5 ? DaFile.Leaf1MagicV5 : DaFile.Leaf1Magic);
        WriteLeaf1(root, entries, bests);
        _file.Free(FreeBlock);
    }

    private List<ushort> ReadFree(ReadOnlySpan<byte> block)
    {
        uint valid = Be.U32(block, FreeFields + 4);
        if (Be.U32(block, 0) != (Super.IsV5 ? FreeMagicV5 : FreeMagic) || valid > (uint)MaxFreeEntries)
        {
            throw _file.Damaged("a free space block is out of range");
        }

        var bests = new List<ushort>((int)valid);
        for (int i = 0; i < (int)valid; i++)
        {
            bests.Add(Be.U16(block, FreeHeaderSize + (i * 2)));
        }

        return bests;
    }

    private void WriteFree(DaBuffer block, uint firstDataBlock, List<ushort> bests)
    {
        byte[] data = block.Data;
        data.AsSpan(FreeFields).Clear();
        Be.Set32(data, FreeFields, firstDataBlock);
        Be.Set32(data, FreeFields + 4, (uint)bests.Count);
        Be.Set32(data, FreeFields + 8, (uint)bests.Count(b => b != NoBlock));
        for (int i = 0; i < bests.Count; i++)
        {
            Be.Set16(data, FreeHeaderSize + (i * 2), bests[i]);
        }

        _file.WriteData(block);
    }

    private static void SetBest(List<ushort> bests, int index, ushort best)
    {
        while (bests.Count <= index)
        {
            bests.Add(NoBlock);
        }

        bests[index] = best;
        while (bests.Count > 0 && bests[^1] == NoBlock)
        {
            bests.RemoveAt(bests.Count - 1);
        }
    }

    private static void InsertSorted(List<(uint Hash, uint Address)> entries, uint hash, uint address)
    {
        int index = entries.BinarySearch((hash, address));
        entries.Insert(index < 0 ? ~index : index, (hash, address));
    }

    /// <summary>One leaf with everything.</summary>
    private sealed class LeafIndex(DirectoryFile directory, DaBuffer leaf, List<(uint Hash, uint Address)> entries, List<ushort> bests) : IDirectoryIndex
    {
        public uint? FindSpace(int size)
        {
            int found = bests.FindIndex(b => b != NoBlock && b >= size);
            return found < 0 ? null : (uint)found;
        }

        public void SetBest(uint block, ushort best) => DirectoryFile.SetBest(bests, (int)block, best);

        public void Add(uint hash, uint address) => InsertSorted(entries, hash, address);

        public void Remove(uint hash, uint address) => entries.Remove((hash, address));

        public void Commit() => directory.WriteLeaf1(leaf, entries, bests);
    }

    /// <summary>Leaves below nodes, and free space blocks; every change is stored at once.</summary>
    private sealed class NodeIndex(DirectoryFile directory) : IDirectoryIndex
    {
        private readonly DaFile _file = directory._file;
        private readonly DaTree _tree = new(directory._file, directory.LeafBlock);

        public uint? FindSpace(int size)
        {
            uint each = (uint)directory.MaxFreeEntries;
            uint blocks = (uint)((directory.LastDataBlock() / each) + 1);
            for (uint i = 0; i < blocks; i++)
            {
                uint number = directory.FreeBlock + (i * directory.Each);
                if (!_file.Exists(number))
                {
                    continue;
                }

                int found = directory.ReadFree(_file.ReadData(number).Data).FindIndex(b => b != NoBlock && b >= size);
                if (found >= 0)
                {
                    return (i * each) + (uint)found;
                }
            }

            return null;
        }

        public void SetBest(uint block, ushort best)
        {
            uint each = (uint)directory.MaxFreeEntries;
            uint number = directory.FreeBlock + (block / each * directory.Each);
            uint first = block / each * each;
            bool exists = _file.Exists(number);
            DaBuffer free = exists ? _file.ReadData(number) : _file.NewData(number, directory.Super.IsV5 ? FreeMagicV5 : FreeMagic);
            List<ushort> bests = exists ? directory.ReadFree(free.Data) : [];
            DirectoryFile.SetBest(bests, (int)(block - first), best);
            if (bests.Count == 0)
            {
                _file.Free(number);
            }
            else
            {
                directory.WriteFree(free, first, bests);
            }
        }

        public void Add(uint hash, uint address)
        {
            DaBuffer leaf = _tree.FindLeaf(hash);
            List<(uint Hash, uint Address)> entries = directory.ReadLeaf(leaf.Data);
            uint lastBefore = entries.Count > 0 ? entries[^1].Hash : 0;
            InsertSorted(entries, hash, address);
            if (entries.Count <= directory.MaxLeafEntries)
            {
                Store(leaf, entries);
                if (entries[^1].Hash != lastBefore && leaf.Number != directory.LeafBlock)
                {
                    (List<(uint Hash, uint Block)> known, List<uint> nodes) = _tree.ReadAll();
                    known[IndexOf(known, leaf.Number)] = (entries[^1].Hash, leaf.Number);
                    _tree.WriteNodes(known, nodes);
                }

                return;
            }

            Split(leaf, entries);
        }

        public void Remove(uint hash, uint address)
        {
            DaBuffer leaf = _tree.FindLeaf(hash);
            for (int left = MaxSameHash; left > 0; left--)
            {
                List<(uint Hash, uint Address)> entries = directory.ReadLeaf(leaf.Data);
                if (entries.Remove((hash, address)))
                {
                    Store(leaf, entries);
                    if (leaf.Number != directory.LeafBlock)
                    {
                        Fold(leaf, entries);
                    }

                    return;
                }

                uint next = DaFile.Forward(leaf.Data);
                if (next == 0)
                {
                    break;
                }

                leaf = _file.ReadLinked(next);
            }

            throw _file.Damaged("its index misses an entry");
        }

        public void Commit()
        {
        }

        private int IndexOf(List<(uint Hash, uint Block)> leaves, uint block)
        {
            int index = leaves.FindIndex(l => l.Block == block);
            return index >= 0 ? index : throw _file.Damaged("its leaves are not below its nodes");
        }

        private void Store(DaBuffer leaf, List<(uint Hash, uint Address)> entries)
        {
            directory.WriteLeafEntries(leaf, entries);
            _file.WriteLinked(leaf);
        }

        private DaBuffer NewLeaf() => _file.NewLinked(_file.FirstHole(directory.LeafBlock), directory.LeafNMagicNumber);

        private void Split(DaBuffer leaf, List<(uint Hash, uint Address)> entries)
        {
            (List<(uint Hash, uint Block)> leaves, List<uint> nodes) = _tree.ReadAll();
            int at = IndexOf(leaves, leaf.Number);
            int half = entries.Count / 2;
            DaBuffer left = leaf.Number == directory.LeafBlock ? NewLeaf() : leaf;
            DaBuffer right = NewLeaf();
            uint next = DaFile.Forward(leaf.Data);
            Be.Set32(left.Data, 0, right.Number);
            Be.Set32(right.Data, 4, left.Number);
            Be.Set32(right.Data, 0, next);
            SetBack(next, right.Number);
            Store(left, entries[..half]);
            Store(right, entries[half..]);
            leaves[at] = (entries[half - 1].Hash, left.Number);
            leaves.Insert(at + 1, (entries[^1].Hash, right.Number));
            _tree.WriteNodes(leaves, nodes);
        }

        /// <summary>After a removal: drops an empty leaf, joins a small one with a neighbour, or notes its new last hash.</summary>
        private void Fold(DaBuffer leaf, List<(uint Hash, uint Address)> entries)
        {
            (List<(uint Hash, uint Block)> leaves, List<uint> nodes) = _tree.ReadAll();
            int at = IndexOf(leaves, leaf.Number);
            if (entries.Count > 0)
            {
                uint last = entries[^1].Hash;
                bool small = entries.Count < directory.MaxLeafEntries / 4;
                int other = at + 1 < leaves.Count ? at + 1 : at - 1;
                if (!small || other < 0 || !TryJoin(leaf, entries, leaves, at, other))
                {
                    if (leaves[at].Hash == last)
                    {
                        return;
                    }

                    leaves[at] = (last, leaf.Number);
                }
            }
            else
            {
                Drop(leaf);
                leaves.RemoveAt(at);
            }

            if (leaves.Count > 1)
            {
                _tree.WriteNodes(leaves, nodes);
                return;
            }

            MoveToRoot(leaves.Count == 1 ? leaves[0].Block : null, nodes);
        }

        private bool TryJoin(DaBuffer leaf, List<(uint Hash, uint Address)> entries, List<(uint Hash, uint Block)> leaves, int at, int other)
        {
            DaBuffer neighbour = _file.ReadLinked(leaves[other].Block);
            List<(uint Hash, uint Address)> theirs = directory.ReadLeaf(neighbour.Data);
            if (entries.Count + theirs.Count > directory.MaxLeafEntries / 2)
            {
                return false;
            }

            List<(uint Hash, uint Address)> all = other > at ? [.. entries, .. theirs] : [.. theirs, .. entries];
            Drop(leaf);
            neighbour = _file.ReadLinked(leaves[other].Block);
            Store(neighbour, all);
            leaves[other] = (all[^1].Hash, neighbour.Number);
            leaves.RemoveAt(at);
            return true;
        }

        /// <summary>Takes a leaf out of the chain and frees it.</summary>
        private void Drop(DaBuffer leaf)
        {
            uint next = DaFile.Forward(leaf.Data);
            uint back = Be.U32(leaf.Data, 4);
            SetBack(next, back);
            if (back != 0)
            {
                DaBuffer before = _file.ReadLinked(back);
                Be.Set32(before.Data, 0, next);
                _file.WriteLinked(before);
            }

            _file.Free(leaf.Number);
        }

        private void SetBack(uint block, uint back)
        {
            if (block != 0)
            {
                DaBuffer behind = _file.ReadLinked(block);
                Be.Set32(behind.Data, 4, back);
                _file.WriteLinked(behind);
            }
        }

        /// <summary>The only leaf takes the place of the root.</summary>
        private void MoveToRoot(uint? only, List<uint> nodes)
        {
            List<(uint Hash, uint Address)> entries = only is { } block ? directory.ReadLeaf(_file.ReadLinked(block).Data) : [];
            DaBuffer root = _file.ReadLinked(directory.LeafBlock);
            root.Data.AsSpan().Clear();
            _file.StampLinked(root, directory.LeafNMagicNumber);
            Store(root, entries);
            if (only is { } gone)
            {
                _file.Free(gone);
            }

            foreach (uint node in nodes)
            {
                _file.Free(node);
            }
        }
    }
}
