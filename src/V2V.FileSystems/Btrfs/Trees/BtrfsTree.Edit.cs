using V2V.FileSystems.Btrfs.Storage;

namespace V2V.FileSystems.Btrfs.Trees;

/// <summary>
/// What changes a tree. Blocks are changed in place: the file system is either written as a whole or thrown away with its overlay. Only a
/// block that snapshots share is copied first, as the kernel would. A changed block and all above it take the number of the transaction:
/// the kernel relies on no block being younger than its parent. <c>BtrfsTree.Balance.cs</c> splits and joins blocks.
/// </summary>
internal sealed partial class BtrfsTree
{
    /// <summary>Walks to a key so that every block on the way may be changed.</summary>
    public bool SearchForEdit(BtrfsKey key, TreePath path)
    {
        TreeBlock block = MakeWritable(_volume.Blocks.Get(RootAddress, RootLevel, RootGeneration), null, 0);
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
            block = MakeWritable(_volume.Blocks.Get(block.Pointer(slot), level - 1, block.PointerGeneration(slot)), block, slot);
        }
    }

    /// <summary>Inserts an item.</summary>
    /// <exception cref="V2V.Storage.V2VException">An item with the key exists.</exception>
    public void Insert(BtrfsKey key, ReadOnlySpan<byte> data)
    {
        var path = new TreePath();
        if (SearchForEdit(key, path))
        {
            throw BtrfsErrors.Item(key, "it exists already");
        }

        InsertAt(path, key, data);
    }

    /// <summary>Sets the data of an item, which is made if it does not exist.</summary>
    public void Set(BtrfsKey key, ReadOnlySpan<byte> data)
    {
        var path = new TreePath();
        if (!SearchForEdit(key, path))
        {
            InsertAt(path, key, data);
            return;
        }

        int growth = data.Length - path.Leaf.DataSize(path.Slot);
        if (growth > path.Leaf.Free)
        {
            DeleteAt(path, 1);
            Insert(key, data);
            return;
        }

        if (growth != 0)
        {
            ResizeItem(path.Leaf, path.Slot, data.Length);
        }

        data.CopyTo(path.Item);
        path.Leaf.Dirty = true;
    }

    /// <summary>Deletes an item that must exist.</summary>
    public void Delete(BtrfsKey key)
    {
        var path = new TreePath();
        if (!SearchForEdit(key, path))
        {
            throw BtrfsErrors.Item(key, "it does not exist");
        }

        DeleteAt(path, 1);
    }

    /// <summary>Deletes all items from one key to another, both included.</summary>
    public void DeleteRange(BtrfsKey first, BtrfsKey last)
    {
        var path = new TreePath();
        while (true)
        {
            Search(first, path);
            if (!Settle(path) || path.Key > last)
            {
                return;
            }

            SearchForEdit(path.Key, path);
            int count = 1;
            while (path.Slot + count < path.Leaf.Count && path.Leaf.Key(path.Slot + count) <= last)
            {
                count++;
            }

            DeleteAt(path, count);
        }
    }

    /// <summary>Makes the root one of this transaction.</summary>
    public void RenewRoot() => MakeWritable(_volume.Blocks.Get(RootAddress, RootLevel, RootGeneration), null, 0);

    /// <summary>Makes a block one of this transaction that belongs to this tree alone: if snapshots share it, a copy takes its place.</summary>
    /// <param name="block">The block.</param>
    /// <param name="parent">What points to it, which is writable already; null for the root.</param>
    /// <param name="slot">The parent's pointer to it.</param>
    private TreeBlock MakeWritable(TreeBlock block, TreeBlock? parent, int slot)
    {
        TreeBlock writable = !IsShareable || block.Exclusive == true ? block : Separate(block);
        if (writable == block && block.Generation == _volume.Transaction)
        {
            return block;
        }

        if (writable == block)
        {
            block.Generation = _volume.Transaction;
            block.Dirty = true;
            _volume.References.RenewTreeBlock(block);
        }

        if (parent is null)
        {
            SetRoot(writable);
        }
        else
        {
            parent.SetPointer(slot, writable.Address, writable.Generation);
            parent.Dirty = true;
        }

        return writable;
    }

    /// <summary>The block itself if nothing else refers to it; else a copy.</summary>
    private TreeBlock Separate(TreeBlock block)
    {
        (ulong references, bool isFull) = _volume.References.LookUp(block);
        if (references <= 1 && !isFull)
        {
            block.Exclusive = true;
            return block;
        }

        TreeBlock copy = Copy(block);
        if (references > 1 && block.Owner == Id && !isFull)
        {
            // What it refers to belonged to this tree by name; the copy takes that over, and the block refers by its address from now on.
            _volume.References.AddChildren(block, Id, block.Address);
            _volume.References.SetFullBackReference(block);
        }
        else
        {
            _volume.References.AddChildren(copy, Id, 0);
            if (references <= 1)
            {
                _volume.References.DropChildren(block, Id, block.Address);
            }
        }

        _volume.References.DropTreeBlock(block, Id);
        return copy;
    }

    private TreeBlock Copy(TreeBlock block)
    {
        TreeBlock copy = NewBlock(block.Level, block.Count > 0 ? block.Key(0) : default);
        block.Data.AsSpan(96).CopyTo(copy.Data.AsSpan(96));
        return copy;
    }

    private TreeBlock NewBlock(int level, BtrfsKey firstKey)
    {
        long address = _volume.Allocator.AllocateTreeBlock(Id, level, firstKey);
        return _volume.Blocks.Create(address, level, _volume.Transaction, Id, _volume.ChunkTreeUuid);
    }

    private void SetRoot(TreeBlock root)
    {
        RootAddress = root.Address;
        RootLevel = root.Level;
        RootGeneration = root.Generation;
        _volume.NoteRoot(this);
    }

    private void InsertAt(TreePath path, BtrfsKey key, ReadOnlySpan<byte> data)
    {
        if (data.Length + TreeBlock.ItemSize > path.Leaf.Capacity)
        {
            throw BtrfsErrors.Item(key, "it is larger than a block");
        }

        MakeRoom(path, data.Length + TreeBlock.ItemSize);
        TreeBlock leaf = path.Leaf;
        int slot = path.Slot;
        int end = slot == 0 ? leaf.Capacity : leaf.DataOffset(slot - 1);
        int start = leaf.DataStart;
        leaf.Data.AsSpan(TreeBlock.HeaderSize + start, end - start).CopyTo(leaf.Data.AsSpan(TreeBlock.HeaderSize + start - data.Length));
        leaf.Data.AsSpan(TreeBlock.HeaderSize + (slot * TreeBlock.ItemSize), (leaf.Count - slot) * TreeBlock.ItemSize)
            .CopyTo(leaf.Data.AsSpan(TreeBlock.HeaderSize + ((slot + 1) * TreeBlock.ItemSize)));
        leaf.Count++;
        for (int i = slot + 1; i < leaf.Count; i++)
        {
            leaf.SetDataRange(i, leaf.DataOffset(i) - data.Length, leaf.DataSize(i));
        }

        leaf.SetKey(slot, key);
        leaf.SetDataRange(slot, end - data.Length, data.Length);
        data.CopyTo(leaf.Item(slot));
        leaf.Dirty = true;
        if (slot == 0)
        {
            UpdateKeys(path, 1);
        }
    }

    private void DeleteAt(TreePath path, int count)
    {
        TreeBlock leaf = path.Leaf;
        RemoveItems(leaf, path.Slot, count);
        if (leaf.Count == 0 && RootLevel > 0)
        {
            DropBlock(path, 0);
            return;
        }

        if (path.Slot == 0 && leaf.Count > 0)
        {
            UpdateKeys(path, 1);
        }

        if (RootLevel > 0 && leaf.Used < leaf.Capacity / 4)
        {
            JoinWithNext(path);
        }
    }

    private static void RemoveItems(TreeBlock leaf, int slot, int count)
    {
        int end = slot == 0 ? leaf.Capacity : leaf.DataOffset(slot - 1);
        int cut = leaf.DataOffset(slot + count - 1);
        int removed = end - cut;
        int start = leaf.DataStart;
        leaf.Data.AsSpan(TreeBlock.HeaderSize + start, cut - start).CopyTo(leaf.Data.AsSpan(TreeBlock.HeaderSize + start + removed));
        leaf.Data.AsSpan(TreeBlock.HeaderSize + ((slot + count) * TreeBlock.ItemSize), (leaf.Count - slot - count) * TreeBlock.ItemSize)
            .CopyTo(leaf.Data.AsSpan(TreeBlock.HeaderSize + (slot * TreeBlock.ItemSize)));
        leaf.Count -= count;
        for (int i = slot; i < leaf.Count; i++)
        {
            leaf.SetDataRange(i, leaf.DataOffset(i) + removed, leaf.DataSize(i));
        }

        leaf.Dirty = true;
    }

    /// <summary>Changes the size of an item; what it holds is kept from the start.</summary>
    private static void ResizeItem(TreeBlock leaf, int slot, int size)
    {
        int growth = size - leaf.DataSize(slot);
        int start = leaf.DataStart;
        int offset = leaf.DataOffset(slot);
        int moved = offset - start + Math.Min(size, leaf.DataSize(slot));
        leaf.Data.AsSpan(TreeBlock.HeaderSize + start, moved).CopyTo(leaf.Data.AsSpan(TreeBlock.HeaderSize + start - growth));
        leaf.SetDataRange(slot, offset - growth, size);
        for (int i = slot + 1; i < leaf.Count; i++)
        {
            leaf.SetDataRange(i, leaf.DataOffset(i) - growth, leaf.DataSize(i));
        }

        leaf.Dirty = true;
    }

    /// <summary>Repeats the first key of a block in what points to it, from a level up.</summary>
    private void UpdateKeys(TreePath path, int level)
    {
        for (; level <= RootLevel; level++)
        {
            path.Blocks[level].SetKey(path.Slots[level], path.Blocks[level - 1].Key(0));
            path.Blocks[level].Dirty = true;
            if (path.Slots[level] != 0)
            {
                return;
            }
        }
    }
}
