using V2V.FileSystems.Xfs.Allocation;

namespace V2V.FileSystems.Xfs.Btrees;

/// <summary>
/// A B+tree of an allocation group ("AG Free Space B+Trees", "Inode B+Trees", "Reverse-Mapping B+tree" and "Reference Count B+tree" of
/// the XFS documentation): searching and walking. The tree is its own cursor: a path of blocks from the leaf (level 0) to the root.
/// A search moves it; an insertion or deletion leaves it undefined. <c>AgBtree.Edit.cs</c> changes the tree.
/// </summary>
internal abstract partial class AgBtree
{
    /// <summary>No tree of a legal file system is higher.</summary>
    private const int MaxLevels = 12;

    private readonly Step[] _path = new Step[MaxLevels];
    private readonly int _header;
    private int _levels;

    protected AgBtree(AllocationGroup group)
    {
        Group = group;
        _header = BtreeBlock.HeaderSize(group.Super, isLong: false);
    }

    /// <summary>The record at the cursor.</summary>
    public ReadOnlySpan<byte> Current => RecordAt(_path[0].Block.Data, _path[0].Index);

    protected AllocationGroup Group { get; }

    /// <summary>Magic number of the blocks.</summary>
    protected abstract uint Magic { get; }

    protected abstract string Name { get; }

    protected abstract int RecordSize { get; }

    /// <summary>Bytes of one key.</summary>
    protected abstract int KeySize { get; }

    /// <summary>True if records overlap, so that nodes hold the highest key of each child too.</summary>
    protected virtual bool Overlaps => false;

    /// <summary>Root block and number of levels, in the header of the group.</summary>
    protected abstract (uint Root, uint Levels) Root { get; set; }

    private int NodeKeySize => Overlaps ? KeySize * 2 : KeySize;

    private int MaxRecords => (Group.Super.BlockSize - _header) / RecordSize;

    private int MaxChildren => (Group.Super.BlockSize - _header) / (NodeKeySize + 4);

    /// <summary>Number of levels; 1 is a single leaf.</summary>
    public int Levels => (int)Root.Levels;

    /// <summary>Moves to the last record whose key is not above <paramref name="key"/>; false if there is none.</summary>
    public bool SeekAtMost(BtreeKey key)
    {
        Descend(key);
        _path[0].Index--;
        return _path[0].Index >= 0 || Previous();
    }

    /// <summary>Moves to the first record whose key is not below <paramref name="key"/>; false if there is none.</summary>
    public bool SeekAtLeast(BtreeKey key)
    {
        Descend(key);
        if (_path[0].Index > 0 && KeyOf(RecordAt(_path[0].Block.Data, _path[0].Index - 1)) == key)
        {
            _path[0].Index--;
            return true;
        }

        _path[0].Index--;
        return Next();
    }

    /// <summary>Moves to the record with exactly this key.</summary>
    public bool Seek(BtreeKey key) => SeekAtMost(key) && KeyOf(Current) == key;

    /// <summary>Moves to the last record.</summary>
    public bool SeekLast() => SeekAtMost(new BtreeKey(ulong.MaxValue, ulong.MaxValue, ulong.MaxValue));

    /// <summary>Moves to the next record.</summary>
    public bool Next()
    {
        int level = 0;
        while (_path[level].Index + 1 >= BtreeBlock.Count(_path[level].Block.Data))
        {
            if (++level >= _levels)
            {
                return false;
            }
        }

        _path[level].Index++;
        while (level > 0)
        {
            CachedBlock child = Load(ChildAt(_path[level].Block.Data, _path[level].Index), level - 1);
            _path[--level] = new Step(child, 0);
        }

        return BtreeBlock.Count(_path[0].Block.Data) > 0;
    }

    /// <summary>Moves to the previous record.</summary>
    public bool Previous()
    {
        int level = 0;
        while (_path[level].Index <= 0)
        {
            if (++level >= _levels)
            {
                return false;
            }
        }

        _path[level].Index--;
        while (level > 0)
        {
            CachedBlock child = Load(ChildAt(_path[level].Block.Data, _path[level].Index), level - 1);
            _path[--level] = new Step(child, BtreeBlock.Count(child.Data) - 1);
        }

        return _path[0].Index >= 0;
    }

    /// <summary>The sort key of a record.</summary>
    protected abstract BtreeKey KeyOf(ReadOnlySpan<byte> record);

    /// <summary>The sort key that a stored key stands for.</summary>
    protected abstract BtreeKey KeyOfNode(ReadOnlySpan<byte> key);

    /// <summary>Stores the key of a record.</summary>
    protected abstract void StoreKey(ReadOnlySpan<byte> record, Span<byte> key);

    /// <summary>Stores the highest key that a record covers, in a tree whose records overlap.</summary>
    protected virtual void StoreHighKey(ReadOnlySpan<byte> record, Span<byte> key) => StoreKey(record, key);

    /// <summary>Visits every record whose range of keys may reach <paramref name="low"/> to <paramref name="high"/> and begins at or below <paramref name="high"/>.</summary>
    protected void VisitOverlapping(BtreeKey low, BtreeKey high, ReadOnlySpanVisitor visit)
    {
        (uint root, uint levels) = CheckedRoot();
        var pending = new Stack<(uint Block, int Level)>();
        pending.Push((root, (int)levels - 1));
        long budget = Group.Length;
        while (pending.TryPop(out (uint Block, int Level) at))
        {
            if (--budget < 0)
            {
                throw Corrupt("it has a loop");
            }

            byte[] block = Load(at.Block, at.Level).Data;
            int count = BtreeBlock.Count(block);
            for (int i = 0; i < count; i++)
            {
                if (at.Level == 0)
                {
                    ReadOnlySpan<byte> record = RecordAt(block, i);
                    if (KeyOf(record) > high)
                    {
                        break;
                    }

                    visit(record);
                    continue;
                }

                ReadOnlySpan<byte> keys = KeyAt(block, i);
                if (KeyOfNode(keys) > high)
                {
                    break;
                }

                if (KeyOfNode(keys[KeySize..]) >= low)
                {
                    pending.Push((ChildAt(block, i), at.Level - 1));
                }
            }
        }
    }

    protected delegate void ReadOnlySpanVisitor(ReadOnlySpan<byte> record);

    private V2V.Storage.V2VException Corrupt(string what) => XfsErrors.Group(Group.Number, $"the {Name} tree is damaged: {what}");

    private (uint Root, uint Levels) CheckedRoot()
    {
        (uint root, uint levels) = Root;
        return levels is > 0 and <= MaxLevels ? (root, levels) : throw Corrupt("its height is out of range");
    }

    /// <summary>Fills the path; at level 0 the index is that of the first record above the key.</summary>
    private void Descend(BtreeKey key)
    {
        (uint number, uint levels) = CheckedRoot();
        _levels = (int)levels;
        for (int level = _levels - 1; ; level--)
        {
            CachedBlock block = Load(number, level);
            int low = 0;
            int high = BtreeBlock.Count(block.Data);
            while (low < high)
            {
                int middle = (low + high) / 2;
                BtreeKey found = level == 0 ? KeyOf(RecordAt(block.Data, middle)) : KeyOfNode(KeyAt(block.Data, middle));
                if (found <= key)
                {
                    low = middle + 1;
                }
                else
                {
                    high = middle;
                }
            }

            if (level == 0)
            {
                _path[0] = new Step(block, low);
                return;
            }

            _path[level] = new Step(block, Math.Max(0, low - 1));
            number = ChildAt(block.Data, _path[level].Index);
        }
    }

    private CachedBlock Load(uint number, int level)
    {
        if (number == 0 || number >= Group.Length)
        {
            throw Corrupt("a pointer leads outside its group");
        }

        CachedBlock block = Group.Volume.Cache.Get(Group.Linear(number));
        if (!BtreeBlock.IsValid(Group.Super, block, Magic, isLong: false, (ulong)Group.Number))
        {
            throw Corrupt("a block has a wrong header or checksum");
        }

        int count = BtreeBlock.Count(block.Data);
        bool isRoot = level == _levels - 1 || number == Root.Root;
        if (BtreeBlock.Level(block.Data) != level || count > (level == 0 ? MaxRecords : MaxChildren) || (count == 0 && (!isRoot || level > 0)))
        {
            throw Corrupt("a block has the wrong level or number of records");
        }

        return block;
    }

    private Span<byte> RecordAt(byte[] block, int index) => block.AsSpan(_header + (index * RecordSize), RecordSize);

    private Span<byte> KeyAt(byte[] block, int index) => block.AsSpan(_header + (index * NodeKeySize), NodeKeySize);

    private int ChildOffset(int index) => _header + (MaxChildren * NodeKeySize) + (index * 4);

    private uint ChildAt(byte[] block, int index) => Be.U32(block, ChildOffset(index));

    private uint NumberOf(CachedBlock block) => Group.NumberOf(block.Number);

    private struct Step(CachedBlock block, int index)
    {
        public CachedBlock Block = block;
        public int Index = index;
    }
}
