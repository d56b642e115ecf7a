namespace V2V.FileSystems.Btrfs.Trees;

/// <summary>Splits full blocks, joins and drops empty ones, and lets the tree grow and shrink at its root.</summary>
internal sealed partial class BtrfsTree
{
    /// <summary>Splits the leaf of a path until its slot has room.</summary>
    private void MakeRoom(TreePath path, int needed)
    {
        while (path.Leaf.Free < needed)
        {
            EnsureParent(path, 1);
            TreeBlock leaf = path.Leaf;
            int slot = path.Slot;
            int split = slot == leaf.Count ? slot : slot == 0 ? 0 : MiddleOf(leaf);
            TreeBlock right = NewBlock(0, split < leaf.Count ? leaf.Key(split) : leaf.Key(leaf.Count - 1));
            MoveItems(leaf, split, right);
            BtrfsKey key = right.Count > 0 ? right.Key(0) : leaf.Key(leaf.Count - 1).Next();
            InsertPointer(path.Blocks[1], path.Slots[1] + 1, key, right);
            if (slot > split || (slot == split && slot != 0 && right.Free >= leaf.Free))
            {
                path.Blocks[0] = right;
                path.Slots[0] = slot - split;
                path.Slots[1]++;
            }
        }
    }

    /// <summary>The item at which about half of a leaf's bytes are passed; never the first.</summary>
    private static int MiddleOf(TreeBlock leaf)
    {
        int bytes = 0;
        for (int i = 0; i < leaf.Count - 1; i++)
        {
            bytes += TreeBlock.ItemSize + leaf.DataSize(i);
            if (bytes >= leaf.Used / 2)
            {
                return i + 1;
            }
        }

        return Math.Max(1, leaf.Count - 1);
    }

    /// <summary>Moves the items from an index on to the end of another leaf.</summary>
    private static void MoveItems(TreeBlock from, int first, TreeBlock to)
    {
        int count = from.Count - first;
        if (count == 0)
        {
            return;
        }

        int end = first == 0 ? from.Capacity : from.DataOffset(first - 1);
        int start = from.DataStart;
        int target = to.DataStart;
        int shift = target - end;
        from.Data.AsSpan(TreeBlock.HeaderSize + start, end - start).CopyTo(to.Data.AsSpan(TreeBlock.HeaderSize + start + shift));
        from.Data.AsSpan(TreeBlock.HeaderSize + (first * TreeBlock.ItemSize), count * TreeBlock.ItemSize)
            .CopyTo(to.Data.AsSpan(TreeBlock.HeaderSize + (to.Count * TreeBlock.ItemSize)));
        int old = to.Count;
        to.Count += count;
        for (int i = old; i < to.Count; i++)
        {
            to.SetDataRange(i, to.DataOffset(i) + shift, to.DataSize(i));
        }

        from.Count = first;
        from.Dirty = true;
        to.Dirty = true;
    }

    /// <summary>Sees to it that the path has a node at a level, and that it can take one more pointer.</summary>
    private void EnsureParent(TreePath path, int level)
    {
        if (level > RootLevel)
        {
            Grow(path);
        }

        TreeBlock node = path.Blocks[level];
        if (node.Count < node.MaxPointers)
        {
            return;
        }

        EnsureParent(path, level + 1);
        int split = node.Count / 2;
        TreeBlock right = NewBlock(level, node.Key(split));
        int moved = node.Count - split;
        node.Data.AsSpan(TreeBlock.HeaderSize + (split * TreeBlock.PointerSize), moved * TreeBlock.PointerSize).CopyTo(right.Data.AsSpan(TreeBlock.HeaderSize));
        right.Count = moved;
        node.Count = split;
        node.Dirty = true;
        InsertPointer(path.Blocks[level + 1], path.Slots[level + 1] + 1, right.Key(0), right);
        if (path.Slots[level] >= split)
        {
            path.Blocks[level] = right;
            path.Slots[level] -= split;
            path.Slots[level + 1]++;
        }
    }

    /// <summary>Puts a new root above the old one.</summary>
    private void Grow(TreePath path)
    {
        TreeBlock old = path.Blocks[RootLevel];
        if (RootLevel + 1 >= TreePath.MaxLevels)
        {
            throw BtrfsErrors.NoSpace("another level of a tree");
        }

        BtrfsKey key = old.Count > 0 ? old.Key(0) : default;
        TreeBlock root = NewBlock(RootLevel + 1, key);
        InsertPointer(root, 0, key, old);
        path.Blocks[root.Level] = root;
        path.Slots[root.Level] = 0;
        SetRoot(root);
    }

    private static void InsertPointer(TreeBlock node, int slot, BtrfsKey key, TreeBlock child)
    {
        node.Data.AsSpan(TreeBlock.HeaderSize + (slot * TreeBlock.PointerSize), (node.Count - slot) * TreeBlock.PointerSize)
            .CopyTo(node.Data.AsSpan(TreeBlock.HeaderSize + ((slot + 1) * TreeBlock.PointerSize)));
        node.Count++;
        node.SetKey(slot, key);
        node.SetPointer(slot, child.Address, child.Generation);
        node.Dirty = true;
    }

    /// <summary>Frees the empty block of a path at a level and takes it out of the node above.</summary>
    private void DropBlock(TreePath path, int level)
    {
        TreeBlock parent = path.Blocks[level + 1];
        if (parent.Count == 1)
        {
            if (level + 1 == RootLevel)
            {
                // Nothing is left: an empty leaf is the whole tree.
                TreeBlock root = NewBlock(0, default);
                _volume.References.DropTreeBlock(path.Blocks[level], Id);
                _volume.References.DropTreeBlock(parent, Id);
                SetRoot(root);
                return;
            }

            _volume.References.DropTreeBlock(path.Blocks[level], Id);
            DropBlock(path, level + 1);
            return;
        }

        _volume.References.DropTreeBlock(path.Blocks[level], Id);
        RemovePointer(path, level + 1, path.Slots[level + 1]);
        Shrink();
    }

    private void RemovePointer(TreePath path, int level, int slot)
    {
        TreeBlock node = path.Blocks[level];
        node.Data.AsSpan(TreeBlock.HeaderSize + ((slot + 1) * TreeBlock.PointerSize), (node.Count - slot - 1) * TreeBlock.PointerSize)
            .CopyTo(node.Data.AsSpan(TreeBlock.HeaderSize + (slot * TreeBlock.PointerSize)));
        node.Count--;
        node.Dirty = true;
        if (slot == 0)
        {
            UpdateKeys(path, level + 1);
        }
    }

    /// <summary>Makes the only child of the root the root.</summary>
    private void Shrink()
    {
        while (RootLevel > 0)
        {
            TreeBlock root = _volume.Blocks.Get(RootAddress, RootLevel, RootGeneration);
            if (root.Count > 1)
            {
                return;
            }

            TreeBlock child = MakeWritable(_volume.Blocks.Get(root.Pointer(0), RootLevel - 1, root.PointerGeneration(0)), root, 0);
            _volume.References.DropTreeBlock(root, Id);
            SetRoot(child);
        }
    }

    /// <summary>Takes over the items of the next leaf under the same node, if there is room and nobody else has it.</summary>
    private void JoinWithNext(TreePath path)
    {
        TreeBlock parent = path.Blocks[1];
        int next = path.Slots[1] + 1;
        if (next >= parent.Count)
        {
            return;
        }

        TreeBlock sibling = _volume.Blocks.Get(parent.Pointer(next), 0, parent.PointerGeneration(next));
        if (sibling.Used + path.Leaf.Used > path.Leaf.Capacity * 3 / 4 || (IsShareable && _volume.References.LookUp(sibling) is not (1, false)))
        {
            return;
        }

        MoveItems(sibling, 0, path.Leaf);
        _volume.References.DropTreeBlock(sibling, Id);
        RemovePointer(path, 1, next);
        Shrink();
    }
}
