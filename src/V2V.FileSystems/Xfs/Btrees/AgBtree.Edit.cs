namespace V2V.FileSystems.Xfs.Btrees;

/// <summary>
/// Insertion and deletion: full blocks are split in halves, blocks less than half full are merged with a sibling or balanced against it,
/// and the keys of the ancestors follow.
/// </summary>
internal abstract partial class AgBtree
{
    private const int LeftSibling = 8;
    private const int RightSibling = 12;

    /// <summary>Adds a record; none with its key may exist.</summary>
    public void Insert(ReadOnlySpan<byte> record)
    {
        BtreeKey key = KeyOf(record);
        Descend(key);
        if (_path[0].Index > 0 && KeyOf(RecordAt(_path[0].Block.Data, _path[0].Index - 1)) == key)
        {
            throw Corrupt("a record that is to be added is there already");
        }

        byte[] item = record.ToArray();
        for (int level = 0; !Place(level, ref item); level++)
        {
        }
    }

    /// <summary>Replaces the record at the cursor; its place in the order must stay the same. The cursor stays.</summary>
    public void Update(ReadOnlySpan<byte> record)
    {
        record.CopyTo(RecordAt(_path[0].Block.Data, _path[0].Index));
        Group.Volume.Cache.MarkDirty(_path[0].Block);
        UpdateKeys(0);
    }

    /// <summary>Removes the record at the cursor.</summary>
    public void Delete()
    {
        int level = 0;
        while (Remove(level))
        {
            level++;
        }
    }

    /// <summary>A block for the tree, within its group.</summary>
    protected abstract uint AllocateBlock();

    /// <summary>Gives a block of the tree back.</summary>
    protected abstract void FreeBlock(uint block);

    private int Max(int level) => level == 0 ? MaxRecords : MaxChildren;

    /// <summary>Puts an item at the place of the path; true when done, else <paramref name="item"/> is what the parent has to take.</summary>
    private bool Place(int level, ref byte[] item)
    {
        CachedBlock block = _path[level].Block;
        int index = _path[level].Index;
        int count = BtreeBlock.Count(block.Data);
        if (count < Max(level))
        {
            InsertItem(level, block, index, item);
            UpdateKeys(level);
            return true;
        }

        CachedBlock right = NewBlock(level);
        int half = count / 2;
        Copy(level, block.Data, half, right.Data, 0, count - half);
        BtreeBlock.SetCount(right.Data, count - half);
        BtreeBlock.SetCount(block.Data, half);
        Group.Volume.Cache.MarkDirty(block);
        Link(block, right);
        if (index <= half)
        {
            InsertItem(level, block, index, item);
        }
        else
        {
            InsertItem(level, right, index - half, item);
        }

        UpdateKeys(level);
        item = MakeItem(level, right);
        if (level < _levels - 1)
        {
            _path[level + 1].Index++;
            return false;
        }

        CachedBlock root = NewBlock(level + 1);
        InsertItem(level + 1, root, 0, MakeItem(level, block));
        InsertItem(level + 1, root, 1, item);
        Root = (NumberOf(root), (uint)_levels + 1);
        return true;
    }

    /// <summary>Takes the item at the path away; true if then the item at the parent's path has to go.</summary>
    private bool Remove(int level)
    {
        CachedBlock block = _path[level].Block;
        int count = BtreeBlock.Count(block.Data) - 1;
        int index = _path[level].Index;
        Copy(level, block.Data, index + 1, block.Data, index, count - index);
        BtreeBlock.SetCount(block.Data, count);
        Group.Volume.Cache.MarkDirty(block);
        if (level == _levels - 1)
        {
            if (level > 0 && count == 1)
            {
                uint child = ChildAt(block.Data, 0);
                Root = (child, (uint)_levels - 1);
                FreeBlock(NumberOf(block));
            }

            return false;
        }

        if (count > 0)
        {
            UpdateKeys(level);
        }

        if (count >= Max(level) / 2)
        {
            return false;
        }

        CachedBlock parent = _path[level + 1].Block;
        int at = _path[level + 1].Index;
        if (BtreeBlock.Count(parent.Data) < 2)
        {
            return count == 0 ? throw Corrupt("a node has a single child") : false;
        }

        int rightIndex = Math.Max(at, 1);
        CachedBlock left = at > 0 ? Load(ChildAt(parent.Data, at - 1), level) : block;
        CachedBlock right = at > 0 ? block : Load(ChildAt(parent.Data, 1), level);
        int leftCount = BtreeBlock.Count(left.Data);
        int rightCount = BtreeBlock.Count(right.Data);
        if (leftCount + rightCount <= Max(level))
        {
            Copy(level, right.Data, 0, left.Data, leftCount, rightCount);
            BtreeBlock.SetCount(left.Data, leftCount + rightCount);
            Group.Volume.Cache.MarkDirty(left);
            Unlink(left, right);
            StoreKeys(level, left, parent, rightIndex - 1);
            FreeBlock(NumberOf(right));
            _path[level + 1].Index = rightIndex;
            return true;
        }

        Balance(level, left, right);
        StoreKeys(level, left, parent, rightIndex - 1);
        StoreKeys(level, right, parent, rightIndex);
        UpdateKeys(level + 1);
        return false;
    }

    private void Balance(int level, CachedBlock left, CachedBlock right)
    {
        int leftCount = BtreeBlock.Count(left.Data);
        int rightCount = BtreeBlock.Count(right.Data);
        int target = (leftCount + rightCount) / 2;
        if (leftCount < target)
        {
            int moved = target - leftCount;
            Copy(level, right.Data, 0, left.Data, leftCount, moved);
            Copy(level, right.Data, moved, right.Data, 0, rightCount - moved);
        }
        else
        {
            int moved = leftCount - target;
            Copy(level, right.Data, 0, right.Data, moved, rightCount);
            Copy(level, left.Data, target, right.Data, 0, moved);
        }

        BtreeBlock.SetCount(left.Data, target);
        BtreeBlock.SetCount(right.Data, leftCount + rightCount - target);
        Group.Volume.Cache.MarkDirty(left);
        Group.Volume.Cache.MarkDirty(right);
    }

    private CachedBlock NewBlock(int level)
    {
        CachedBlock block = Group.Volume.Cache.GetNew(Group.Linear(AllocateBlock()));
        BtreeBlock.Initialise(Group.Super, block, Magic, isLong: false, level, (ulong)Group.Number);
        return block;
    }

    /// <summary>Puts a new block to the right of another in the chain of siblings.</summary>
    private void Link(CachedBlock left, CachedBlock right)
    {
        uint next = Be.U32(left.Data, RightSibling);
        Be.Set32(right.Data, LeftSibling, NumberOf(left));
        Be.Set32(right.Data, RightSibling, next);
        Be.Set32(left.Data, RightSibling, NumberOf(right));
        SetLeftOf(next, BtreeBlock.Level(left.Data), NumberOf(right));
    }

    private void Unlink(CachedBlock left, CachedBlock right)
    {
        uint next = Be.U32(right.Data, RightSibling);
        Be.Set32(left.Data, RightSibling, next);
        SetLeftOf(next, BtreeBlock.Level(left.Data), NumberOf(left));
    }

    private void SetLeftOf(uint block, int level, uint left)
    {
        if (block != BtreeBlock.NullShort)
        {
            CachedBlock sibling = Load(block, level);
            Be.Set32(sibling.Data, LeftSibling, left);
            Group.Volume.Cache.MarkDirty(sibling);
        }
    }

    private void InsertItem(int level, CachedBlock block, int index, ReadOnlySpan<byte> item)
    {
        int count = BtreeBlock.Count(block.Data);
        Copy(level, block.Data, index, block.Data, index + 1, count - index);
        if (level == 0)
        {
            item.CopyTo(RecordAt(block.Data, index));
        }
        else
        {
            item[..NodeKeySize].CopyTo(KeyAt(block.Data, index));
            item[NodeKeySize..].CopyTo(block.Data.AsSpan(ChildOffset(index)));
        }

        BtreeBlock.SetCount(block.Data, count + 1);
        Group.Volume.Cache.MarkDirty(block);
    }

    private void Copy(int level, byte[] from, int fromIndex, byte[] to, int toIndex, int count)
    {
        if (count <= 0)
        {
            return;
        }

        if (level == 0)
        {
            Buffer.BlockCopy(from, _header + (fromIndex * RecordSize), to, _header + (toIndex * RecordSize), count * RecordSize);
        }
        else
        {
            Buffer.BlockCopy(from, _header + (fromIndex * NodeKeySize), to, _header + (toIndex * NodeKeySize), count * NodeKeySize);
            Buffer.BlockCopy(from, ChildOffset(fromIndex), to, ChildOffset(toIndex), count * 4);
        }
    }

    /// <summary>What a parent stores for a block: its keys and its number.</summary>
    private byte[] MakeItem(int level, CachedBlock block)
    {
        var item = new byte[NodeKeySize + 4];
        KeysOf(level, block, item);
        Be.Set32(item, NodeKeySize, NumberOf(block));
        return item;
    }

    private void StoreKeys(int level, CachedBlock child, CachedBlock parent, int index)
    {
        KeysOf(level, child, KeyAt(parent.Data, index));
        Group.Volume.Cache.MarkDirty(parent);
    }

    /// <summary>Brings the keys of all ancestors of the path's block at a level up to date.</summary>
    private void UpdateKeys(int level)
    {
        for (; level < _levels - 1; level++)
        {
            StoreKeys(level, _path[level].Block, _path[level + 1].Block, _path[level + 1].Index);
        }
    }

    private void KeysOf(int level, CachedBlock block, Span<byte> keys)
    {
        int count = BtreeBlock.Count(block.Data);
        if (level > 0)
        {
            KeyAt(block.Data, 0).CopyTo(keys);
        }
        else
        {
            StoreKey(RecordAt(block.Data, 0), keys[..KeySize]);
        }

        if (!Overlaps)
        {
            return;
        }

        Span<byte> candidate = stackalloc byte[32];
        candidate = candidate[..KeySize];
        Span<byte> highest = keys.Slice(KeySize, KeySize);
        for (int i = 0; i < count; i++)
        {
            if (level > 0)
            {
                KeyAt(block.Data, i)[KeySize..].CopyTo(candidate);
            }
            else
            {
                StoreHighKey(RecordAt(block.Data, i), candidate);
            }

            if (i == 0 || KeyOfNode(candidate) > KeyOfNode(highest))
            {
                candidate.CopyTo(highest);
            }
        }
    }
}
