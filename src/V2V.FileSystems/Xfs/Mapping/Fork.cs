using V2V.FileSystems.Xfs.Btrees;

namespace V2V.FileSystems.Xfs.Mapping;

/// <summary>What a run of file blocks is.</summary>
internal enum BlockRunKind
{
    /// <summary>Nothing is allocated.</summary>
    Hole,

    /// <summary>Written blocks.</summary>
    Data,

    /// <summary>Allocated blocks that read as zero.</summary>
    Unwritten,
}

/// <summary>A run of file blocks of one kind.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Logical">First block in the file.</param>
/// <param name="FsBlock">First block in the volume; 0 for a hole.</param>
/// <param name="Count">Number of blocks.</param>
internal readonly record struct BlockRun(BlockRunKind Kind, long Logical, ulong FsBlock, long Count);

/// <summary>
/// The data fork or the attribute fork of an inode: local bytes, or a list of extents that the inode holds itself or in a B+tree
/// ("Data Extents" of the XFS documentation). The list is read as a whole; <c>Fork.Edit.cs</c> changes and stores it.
/// </summary>
internal sealed partial class Fork
{
    /// <summary>The longest list that is handled: 128 MiB of memory.</summary>
    private const int MaxExtents = 8 << 20;

    private const int MaxTreeLevels = 12;
    private const ulong MaxFileBlock = 1UL << 54;
    private const uint TreeMagicV4 = 0x424D4150;
    private const uint TreeMagicV5 = 0x424D4133;

    private readonly XfsVolume _volume;
    private readonly XfsInode _inode;
    private readonly List<ulong> _treeBlocks = [];
    private List<ExtentRecord>? _extents;

    public Fork(XfsVolume volume, XfsInode inode, bool isAttribute)
    {
        _volume = volume;
        _inode = inode;
        IsAttribute = isAttribute;
    }

    public bool IsAttribute { get; }

    /// <summary>False for an attribute fork that does not exist.</summary>
    public bool Exists => !IsAttribute || _inode.ForkOffset != 0;

    public ForkFormat Format
    {
        get => (ForkFormat)_inode.Raw[IsAttribute ? InodeLayout.AttributeFormat : InodeLayout.Format];
        set
        {
            _inode.Raw[IsAttribute ? InodeLayout.AttributeFormat : InodeLayout.Format] = (byte)value;
            _inode.Dirty = true;
        }
    }

    /// <summary>The fork's part of the inode.</summary>
    public Span<byte> Area
    {
        get
        {
            int split = _inode.ForkOffset;
            Span<byte> literal = _inode.Raw.AsSpan(_inode.CoreSize);
            return (IsAttribute, split) switch
            {
                (true, 0) => [],
                (true, _) => literal[split..],
                (false, 0) => literal,
                _ => literal[..split],
            };
        }
    }

    /// <summary>The runs in ascending order, without holes.</summary>
    public IReadOnlyList<ExtentRecord> Extents => _extents ??= Load();

    private List<ExtentRecord> List => _extents ??= Load();

    private uint TreeMagic => _volume.Super.IsV5 ? TreeMagicV5 : TreeMagicV4;

    private int TreeHeader => BtreeBlock.HeaderSize(_volume.Super, isLong: true);

    private int TreeItems => (_volume.BlockSize - TreeHeader) / 16;

    private ulong StoredCount
    {
        get
        {
            byte[] raw = _inode.Raw;
            return (IsAttribute, _inode.HasLargeExtentCounts) switch
            {
                (false, false) => Be.U32(raw, InodeLayout.DataExtents),
                (false, true) => Be.U64(raw, InodeLayout.LargeDataExtents),
                (true, false) => Be.U16(raw, InodeLayout.AttributeExtents),
                (true, true) => Be.U32(raw, InodeLayout.DataExtents),
            };
        }
    }

    /// <summary>What is at a file block, for at most <paramref name="max"/> blocks.</summary>
    public BlockRun Find(long logical, long max)
    {
        int index = IndexOf((ulong)logical);
        List<ExtentRecord> list = List;
        if (index < list.Count && list[index].FileBlock <= (ulong)logical)
        {
            ExtentRecord extent = list[index];
            ulong skipped = (ulong)logical - extent.FileBlock;
            return new BlockRun(
                extent.IsUnwritten ? BlockRunKind.Unwritten : BlockRunKind.Data, logical, extent.FsBlock + skipped, Math.Min(max, (long)(extent.Count - skipped)));
        }

        long gap = index < list.Count ? (long)list[index].FileBlock - logical : long.MaxValue;
        return new BlockRun(BlockRunKind.Hole, logical, 0, Math.Min(max, gap));
    }

    /// <summary>Index of the first extent that ends behind a file block.</summary>
    private int IndexOf(ulong logical)
    {
        List<ExtentRecord> list = List;
        int low = 0;
        int high = list.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (list[middle].End <= logical)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private List<ExtentRecord> Load()
    {
        var list = new List<ExtentRecord>();
        if (!Exists)
        {
            return list;
        }

        switch (Format)
        {
            case ForkFormat.Extents:
                ulong count = StoredCount;
                Span<byte> area = Area;
                if (count > (ulong)(area.Length / ExtentRecord.Size))
                {
                    throw Damaged("it has more extents than fit");
                }

                for (int i = 0; i < (int)count; i++)
                {
                    Append(list, ExtentRecord.Read(area[(i * ExtentRecord.Size)..]));
                }

                break;
            case ForkFormat.Tree:
                LoadTree(list);
                if ((ulong)list.Count != StoredCount)
                {
                    throw Damaged("the number of extents is wrong");
                }

                break;
            default:
                break;
        }

        return list;
    }

    private void LoadTree(List<ExtentRecord> list)
    {
        ReadOnlySpan<byte> root = Area;
        if (root.Length < 20)
        {
            throw Damaged("the root of the tree has no room");
        }

        int levels = Be.U16(root, 0);
        int count = Be.U16(root, 2);
        int max = (root.Length - 4) / 16;
        if (levels is 0 or > MaxTreeLevels || count == 0 || count > max)
        {
            throw Damaged("the root of the tree is out of range");
        }

        _treeBlocks.Clear();
        var pending = new Stack<(ulong Block, int Level)>();
        for (int i = count - 1; i >= 0; i--)
        {
            pending.Push((Be.U64(root, 4 + (max * 8) + (i * 8)), levels - 1));
        }

        var seen = new HashSet<ulong>();
        while (pending.TryPop(out (ulong Block, int Level) at))
        {
            if (!seen.Add(at.Block))
            {
                throw Damaged("the tree has a loop");
            }

            byte[] block = LoadBlock(at.Block, at.Level);
            _treeBlocks.Add(at.Block);
            int items = BtreeBlock.Count(block);
            for (int i = 0; i < items && at.Level == 0; i++)
            {
                Append(list, ExtentRecord.Read(block.AsSpan(TreeHeader + (i * 16))));
            }

            for (int i = items - 1; i >= 0 && at.Level > 0; i--)
            {
                pending.Push((Be.U64(block, TreeHeader + (TreeItems * 8) + (i * 8)), at.Level - 1));
            }
        }
    }

    private byte[] LoadBlock(ulong number, int level)
    {
        if (!_volume.Super.IsValid(number, 1))
        {
            throw Damaged("a pointer leads outside the volume");
        }

        CachedBlock block = _volume.Cache.Get(_volume.Super.Linear(number));
        if (!BtreeBlock.IsValid(_volume.Super, block, TreeMagic, isLong: true, _inode.Number))
        {
            throw Damaged("a block of the tree has a wrong header or checksum");
        }

        int count = BtreeBlock.Count(block.Data);
        if (BtreeBlock.Level(block.Data) != level || count == 0 || count > TreeItems)
        {
            throw Damaged("a block of the tree has the wrong level or number of records");
        }

        return block.Data;
    }

    private void Append(List<ExtentRecord> list, ExtentRecord extent)
    {
        if (list.Count >= MaxExtents)
        {
            throw new V2V.Storage.V2VException(
                "XfsTooManyExtents", V2V.Storage.V2VErrorKind.Limit, FormattableString.Invariant($"Inode {_inode.Number} has more than {MaxExtents} extents."), null,
                "Defragment the file with xfs_fsr inside the guest.");
        }

        if (extent.Count == 0 || extent.End > MaxFileBlock || !_volume.Super.IsValid(extent.FsBlock, extent.Count)
            || (list.Count > 0 && extent.FileBlock < list[^1].End))
        {
            throw Damaged("an extent is out of range or out of order");
        }

        list.Add(extent);
    }

    private V2V.Storage.V2VException Damaged(string what) =>
        XfsErrors.Mapping(_inode.Number, (IsAttribute ? "attribute fork, " : "data fork, ") + what);
}
