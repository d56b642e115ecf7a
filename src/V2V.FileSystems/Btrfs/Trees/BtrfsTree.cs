namespace V2V.FileSystems.Btrfs.Trees;

/// <summary>An item as an enumeration gives it; its data belongs to the block that it was found in.</summary>
internal readonly record struct TreeItem(BtrfsKey Key, Memory<byte> Memory)
{
    public Span<byte> Data => Memory.Span;
}

/// <summary>
/// One of the trees: a search tree of items by key. This file reads; <c>BtrfsTree.Edit.cs</c> changes it. Levels fall by one with
/// each step down, so damaged pointers cannot make a circle.
/// </summary>
internal sealed partial class BtrfsTree
{
    private readonly BtrfsVolume _volume;

    public BtrfsTree(BtrfsVolume volume, ulong id, long rootAddress, int rootLevel, ulong rootGeneration)
    {
        if (rootLevel is < 0 or >= TreePath.MaxLevels)
        {
            throw BtrfsErrors.Tree(rootAddress, "its level is out of range");
        }

        (_volume, Id, RootAddress, RootLevel, RootGeneration) = (volume, id, rootAddress, rootLevel, rootGeneration);
    }

    /// <summary>Number of the tree.</summary>
    public ulong Id { get; }

    public long RootAddress { get; private set; }

    public int RootLevel { get; private set; }

    public ulong RootGeneration { get; private set; }

    /// <summary>True for the trees of subvolumes, whose blocks snapshots can share.</summary>
    public bool IsShareable => ObjectIds.IsFileTree(Id);

    /// <summary>Walks to a key.</summary>
    /// <returns>True if it exists; else the path is where it belongs, perhaps behind the last item of a leaf.</returns>
    public bool Search(BtrfsKey key, TreePath path)
    {
        TreeBlock block = _volume.Blocks.Get(RootAddress, RootLevel, RootGeneration);
        for (int level = RootLevel; ; level--)
        {
            path.Blocks[level] = block;
            int slot = block.Find(key, out bool isExact);
            if (level == 0)
            {
                path.Slots[0] = slot;
                return isExact;
            }

            slot = isExact || slot == 0 ? slot : slot - 1;
            path.Slots[level] = slot;
            block = _volume.Blocks.Get(block.Pointer(slot), level - 1, block.PointerGeneration(slot));
        }
    }

    /// <summary>Goes to the first item at or behind the slot of a path.</summary>
    /// <returns>False at the end of the tree.</returns>
    public bool Settle(TreePath path) => path.HasItem || NextLeaf(path);

    /// <summary>Goes to the next item.</summary>
    public bool Next(TreePath path)
    {
        path.Slot++;
        return Settle(path);
    }

    /// <summary>Goes to the item before.</summary>
    /// <returns>False at the start of the tree; the path is then as it was.</returns>
    public bool Previous(TreePath path)
    {
        if (path.Slot > 0)
        {
            path.Slot--;
            return true;
        }

        int level = 1;
        while (level <= RootLevel && path.Slots[level] == 0)
        {
            level++;
        }

        if (level > RootLevel)
        {
            return false;
        }

        path.Slots[level]--;
        Descend(path, level, last: true);
        if (path.Leaf.Count == 0)
        {
            throw BtrfsErrors.Tree(path.Leaf.Address, "a leaf is empty");
        }

        return true;
    }

    /// <summary>The data of an item; empty if it does not exist.</summary>
    public Span<byte> Find(BtrfsKey key)
    {
        var path = new TreePath();
        return Search(key, path) ? path.Item : [];
    }

    /// <summary>The items from one key to another, both included. The tree must not change meanwhile.</summary>
    public IEnumerable<TreeItem> Range(BtrfsKey first, BtrfsKey last)
    {
        var path = new TreePath();
        Search(first, path);
        for (bool found = Settle(path); found && path.Key <= last; found = Next(path))
        {
            yield return new TreeItem(path.Key, path.Leaf.ItemMemory(path.Slot));
        }
    }

    /// <summary>The items of one type of an object.</summary>
    public IEnumerable<TreeItem> Items(ulong objectId, byte type) =>
        Range(new BtrfsKey(objectId, type, 0), new BtrfsKey(objectId, type, ulong.MaxValue));

    /// <summary>Copies of the items of one leaf from a key on: for enumerations during which the tree may change.</summary>
    public List<(BtrfsKey Key, byte[] Data)> Batch(BtrfsKey first, BtrfsKey last)
    {
        var batch = new List<(BtrfsKey, byte[])>();
        var path = new TreePath();
        Search(first, path);
        if (!Settle(path))
        {
            return batch;
        }

        for (; path.HasItem && path.Key <= last; path.Slot++)
        {
            batch.Add((path.Key, path.Item.ToArray()));
        }

        return batch;
    }

    private bool NextLeaf(TreePath path)
    {
        int level = 1;
        while (level <= RootLevel && path.Slots[level] + 1 >= path.Blocks[level].Count)
        {
            level++;
        }

        if (level > RootLevel)
        {
            return false;
        }

        path.Slots[level]++;
        Descend(path, level, last: false);
        if (path.Leaf.Count == 0)
        {
            throw BtrfsErrors.Tree(path.Leaf.Address, "a leaf is empty");
        }

        return true;
    }

    private void Descend(TreePath path, int level, bool last)
    {
        for (; level > 0; level--)
        {
            TreeBlock parent = path.Blocks[level];
            TreeBlock child = _volume.Blocks.Get(parent.Pointer(path.Slots[level]), level - 1, parent.PointerGeneration(path.Slots[level]));
            path.Blocks[level - 1] = child;
            path.Slots[level - 1] = last ? child.Count - 1 : 0;
        }
    }
}
