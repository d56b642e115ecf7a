using V2V.FileSystems.Btrfs.Files;
using V2V.FileSystems.Btrfs.Trees;

namespace V2V.FileSystems.Btrfs.Allocation;

/// <summary>
/// Keeps the extent tree right: which extents are in use, and by whom. Changes queue up and are made in order; those that making one
/// brings about go to the end of the queue, which runs dry because changes of records are made in place.
/// </summary>
internal sealed class ReferenceLedger(BtrfsVolume volume)
{
    private readonly Queue<ReferenceChange> _queue = new();
    private bool _draining;

    /// <summary>What waits to be made, the oldest first.</summary>
    public IEnumerable<ReferenceChange> Pending => _queue;

    private BtrfsTree Tree => volume.ExtentTree;

    private int MaxItemSize => ((volume.NodeSize - TreeBlock.HeaderSize) >> 4) - TreeBlock.ItemSize;

    public void CreateTreeBlock(long address, int level, BtrfsKey firstKey, ulong root) =>
        _queue.Enqueue(new ReferenceChange(ReferenceAction.Create, address, volume.NodeSize, level, ExtentReference.TreeBlock(root, 0), firstKey));

    /// <summary>A tree lets go of a block.</summary>
    public void DropTreeBlock(TreeBlock block, ulong root)
    {
        block.Exclusive = null;
        volume.NoteBlocks(root, -1);
        _queue.Enqueue(new ReferenceChange(ReferenceAction.Drop, block.Address, volume.NodeSize, block.Level, ExtentReference.TreeBlock(root, 0)));
    }

    public void SetFullBackReference(TreeBlock block) =>
        _queue.Enqueue(new ReferenceChange(ReferenceAction.SetFullBackReference, block.Address, volume.NodeSize, block.Level, default));

    public void RenewTreeBlock(TreeBlock block) =>
        _queue.Enqueue(new ReferenceChange(ReferenceAction.SetGeneration, block.Address, volume.NodeSize, block.Level, default));

    public void CreateData(long address, long length, ExtentReference reference) =>
        _queue.Enqueue(new ReferenceChange(ReferenceAction.Create, address, length, -1, reference));

    public void AddData(long address, long length, ExtentReference reference) =>
        _queue.Enqueue(new ReferenceChange(ReferenceAction.Add, address, length, -1, reference));

    public void DropData(long address, long length, ExtentReference reference) =>
        _queue.Enqueue(new ReferenceChange(ReferenceAction.Drop, address, length, -1, reference));

    /// <summary>Notes that a block refers to everything it points to once more.</summary>
    /// <param name="block">The block.</param>
    /// <param name="root">Its tree.</param>
    /// <param name="parent">Its address if it refers by that; else 0.</param>
    public void AddChildren(TreeBlock block, ulong root, long parent) => ChangeChildren(ReferenceAction.Add, block, root, parent);

    /// <summary>Notes that a block refers to nothing any longer.</summary>
    public void DropChildren(TreeBlock block, ulong root, long parent) => ChangeChildren(ReferenceAction.Drop, block, root, parent);

    /// <summary>How often a tree block is referred to, and whether it refers to its children by its address.</summary>
    public (ulong Count, bool IsFull) LookUp(TreeBlock block)
    {
        Drain();
        ExtentRecord record = FindRecord(block.Address, volume.NodeSize, block.Level)
            ?? throw BtrfsErrors.Extents(FormattableString.Invariant($"nothing is known of the block at {block.Address}"));
        return (record.Count, (record.Flags & ExtentRecord.FlagFullBackReference) != 0);
    }

    /// <summary>How often a data extent is referred to.</summary>
    public ulong CountData(long address, long length)
    {
        Drain();
        return FindRecord(address, length, -1)?.Count ?? 0;
    }

    /// <summary>Makes all changes that wait.</summary>
    public void Drain()
    {
        if (_draining)
        {
            return;
        }

        _draining = true;
        try
        {
            while (_queue.TryPeek(out ReferenceChange change))
            {
                Apply(change);
                _queue.Dequeue();
            }
        }
        finally
        {
            _draining = false;
        }
    }

    private void ChangeChildren(ReferenceAction action, TreeBlock block, ulong root, long parent)
    {
        for (int i = 0; i < block.Count; i++)
        {
            if (!block.IsLeaf)
            {
                long child = block.Pointer(i);
                if (volume.Blocks.FindCached(child) is { } cached)
                {
                    cached.Exclusive = null;
                }

                _queue.Enqueue(new ReferenceChange(action, child, volume.NodeSize, block.Level - 1, ExtentReference.TreeBlock(root, parent)));
                continue;
            }

            BtrfsKey key = block.Key(i);
            if (key.Type == ItemType.ExtentData && FileExtent.Read(key, block.Item(i), volume.SectorSize) is { Kind: not FileExtent.Inline, DiskAddress: not 0 } extent)
            {
                _queue.Enqueue(new ReferenceChange(action, extent.DiskAddress, extent.DiskBytes, -1, parent != 0
                    ? new ExtentReference(ItemType.SharedDataRef, (ulong)parent)
                    : new ExtentReference(ItemType.ExtentDataRef, root, key.ObjectId, extent.ReferenceOffset)));
            }
        }
    }

    private void Apply(ReferenceChange change)
    {
        if (change.Action == ReferenceAction.Create)
        {
            Create(change);
            return;
        }

        ExtentRecord record = FindRecord(change.Address, change.Length, change.Level)
            ?? throw BtrfsErrors.Extents(FormattableString.Invariant($"nothing is known of the extent at {change.Address}"));
        switch (change.Action)
        {
            case ReferenceAction.Add:
                Add(record, change.Reference);
                break;
            case ReferenceAction.SetFullBackReference:
                record.Flags |= ExtentRecord.FlagFullBackReference;
                Tree.Set(record.Key, record.Raw);
                break;
            case ReferenceAction.SetGeneration:
                record.Generation = volume.Transaction;
                Tree.Set(record.Key, record.Raw);
                break;
            default:
                Drop(record, change);
                break;
        }
    }

    private void Create(ReferenceChange change)
    {
        bool isSkinny = volume.Super.Has(BtrfsIncompat.SkinnyMetadata);
        BtrfsKey key = change.IsData || !isSkinny
            ? new BtrfsKey((ulong)change.Address, ItemType.Extent, (ulong)change.Length)
            : new BtrfsKey((ulong)change.Address, ItemType.Metadata, (ulong)change.Level);
        byte[] raw = change.IsData ? ExtentRecord.MakeData(volume.Transaction) : ExtentRecord.MakeTreeBlock(volume.Transaction, isSkinny, change.FirstKey, change.Level);
        Le.Set64(raw, 0, 1);
        Tree.Insert(key, [.. raw, .. change.Reference.MakeInline(1)]);
        volume.FreeSpaceTree.Take(change.Address, change.Length);
        volume.Allocator.NoteUsed(change.Address, change.Length);
    }

    private void Add(ExtentRecord record, ExtentReference reference)
    {
        record.Count++;
        (int at, bool isThere) = record.Find(reference);
        if (isThere)
        {
            RequireData(record, reference);
            record.SetInlineCount(at, record.InlineCount(at) + 1);
        }
        else if (FindItem(record, reference) is { } item)
        {
            RequireData(record, reference);
            Tree.Set(item.Key, reference.MakeItem(item.Count + 1));
        }
        else if (record.Raw.Length + reference.InlineSize <= MaxItemSize && !HasItems(record))
        {
            record.InsertInline(at, reference.MakeInline(1));
        }
        else
        {
            Tree.Insert(FreeItemKey(record, reference), reference.MakeItem(1));
        }

        Tree.Set(record.Key, record.Raw);
    }

    private void Drop(ExtentRecord record, ReferenceChange change)
    {
        ExtentReference reference = change.Reference;
        (int at, bool isThere) = record.Find(reference);
        if (isThere)
        {
            uint count = record.InlineCount(at);
            if (count > 1)
            {
                record.SetInlineCount(at, count - 1);
            }
            else
            {
                record.RemoveInline(at);
            }
        }
        else if (FindItem(record, reference) is { } item)
        {
            if (item.Count > 1)
            {
                Tree.Set(item.Key, reference.MakeItem(item.Count - 1));
            }
            else
            {
                Tree.Delete(item.Key);
            }
        }
        else
        {
            throw BtrfsErrors.Extents(FormattableString.Invariant($"the extent at {change.Address} does not know who refers to it"));
        }

        record.Count--;
        if (record.Count > 0)
        {
            Tree.Set(record.Key, record.Raw);
            return;
        }

        Tree.Delete(record.Key);
        if (change.IsData)
        {
            volume.Checksums.Delete(change.Address, change.Length);
        }
        else
        {
            volume.Blocks.Forget(change.Address);
        }

        volume.FreeSpaceTree.Give(change.Address, change.Length);
        volume.Allocator.NoteFreed(change.Address, change.Length);
    }

    private static void RequireData(ExtentRecord record, ExtentReference reference)
    {
        if (!reference.IsData)
        {
            throw BtrfsErrors.Item(record.Key, "a tree refers to the same block twice");
        }
    }

    private ExtentRecord? FindRecord(long address, long length, int level)
    {
        if (level >= 0)
        {
            var skinny = new BtrfsKey((ulong)address, ItemType.Metadata, (ulong)level);
            Span<byte> raw = Tree.Find(skinny);
            if (!raw.IsEmpty)
            {
                return new ExtentRecord(skinny, raw.ToArray());
            }
        }

        var key = new BtrfsKey((ulong)address, ItemType.Extent, (ulong)length);
        Span<byte> item = Tree.Find(key);
        return item.IsEmpty ? null : new ExtentRecord(key, item.ToArray());
    }

    /// <summary>The item of its own that a reference has, or null.</summary>
    private (BtrfsKey Key, uint Count)? FindItem(ExtentRecord record, ExtentReference reference)
    {
        var path = new TreePath();
        Tree.Search(new BtrfsKey(record.Key.ObjectId, reference.Type, reference.Order), path);
        for (bool found = Tree.Settle(path); found && path.Key.ObjectId == record.Key.ObjectId && path.Key.Type == reference.Type; found = Tree.Next(path))
        {
            Span<byte> item = path.Item;
            if (reference.Type != ItemType.ExtentDataRef)
            {
                return path.Key.Offset != reference.Root ? null : (path.Key, reference.Type == ItemType.SharedDataRef && item.Length >= 4 ? Le.U32(item, 0) : 1);
            }

            // References with the same hash lie behind each other.
            if (item.Length >= 28 && Le.U64(item, 0) == reference.Root && Le.U64(item, 8) == reference.Inode && Le.U64(item, 16) == reference.Offset)
            {
                return (path.Key, Le.U32(item, 24));
            }
        }

        return null;
    }

    private BtrfsKey FreeItemKey(ExtentRecord record, ExtentReference reference)
    {
        var key = new BtrfsKey(record.Key.ObjectId, reference.Type, reference.Order);
        var path = new TreePath();
        while (Tree.Search(key, path))
        {
            key = key with { Offset = key.Offset + 1 };
        }

        return key;
    }

    private bool HasItems(ExtentRecord record)
    {
        var path = new TreePath();
        Tree.Search(new BtrfsKey(record.Key.ObjectId, ItemType.TreeBlockRef, 0), path);
        return Tree.Settle(path) && path.Key.ObjectId == record.Key.ObjectId && path.Key.Type < ItemType.BlockGroup;
    }
}
