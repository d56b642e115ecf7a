using V2V.FileSystems.Btrfs.Allocation;
using V2V.FileSystems.Btrfs.Files;
using V2V.FileSystems.Btrfs.Storage;
using V2V.FileSystems.Btrfs.Trees;
using V2V.Storage;

namespace V2V.FileSystems.Btrfs;

/// <summary>
/// What changes the file system. All changes of a session are one transaction, whose number every block bears that was changed, and
/// every block above one.
/// </summary>
internal sealed partial class BtrfsVolume
{
    private const byte PersistentItem = 250;
    private const ulong QgroupsOn = 1;
    private const ulong QgroupsBeingCounted = 2;
    private const ulong QgroupsInconsistent = 4;

    private readonly Dictionary<ulong, long> _usedBytes = [];
    private readonly Dictionary<ulong, ulong> _lastInodes = [];
    private BlockGroupTable? _groups;
    private FreeSpaceTree? _freeSpaceTree;
    private SpaceAllocator? _allocator;
    private ReferenceLedger? _references;
    private byte[]? _chunkTreeUuid;

    public BlockGroupTable Groups => _groups ??= new BlockGroupTable(this);

    public FreeSpaceTree FreeSpaceTree => _freeSpaceTree ??= new FreeSpaceTree(this);

    public SpaceAllocator Allocator => _allocator ??= new SpaceAllocator(this);

    public ReferenceLedger References => _references ??= new ReferenceLedger(this);

    /// <summary>Number of the transaction; 0 until the first change.</summary>
    public ulong Transaction { get; private set; }

    /// <summary>True while the log is replayed, which brings its own times along.</summary>
    public bool IsReplaying { get; set; }

    public byte[] ChunkTreeUuid => _chunkTreeUuid ??= Blocks.Get(Super.ChunkRoot, Super.ChunkRootLevel, Super.ChunkRootGeneration).Data.AsSpan(64, 16).ToArray();

    /// <summary>Streams that may hold content that is not written yet.</summary>
    public List<BtrfsFileStream> WritableStreams { get; } = [];

    /// <summary>Open streams of each file.</summary>
    public Dictionary<(ulong Tree, ulong Inode), int> OpenFiles { get; } = [];

    /// <summary>Free ranges of a device.</summary>
    public IEnumerable<(long Offset, long Length)> FindFreeExtents(BlockDevice device)
    {
        References.Drain();
        return new FreeDeviceSpace(this).Find(device);
    }

    /// <summary>Keeps memory bounded; called between operations.</summary>
    public void Trim() => Blocks.Trim();

    /// <summary>Writes what open streams still hold, so that everybody sees it.</summary>
    public void WriteBackStreams() => WritableStreams.ForEach(s => s.WriteBack());

    /// <summary>Refuses what cannot be written.</summary>
    /// <exception cref="V2VException"><c>BtrfsWriteUnsupported</c>, <c>BtrfsDeviceMissing</c>, <c>FileSystemReadOnly</c>.</exception>
    public void CheckWritable()
    {
        BtrfsFeatures.CheckWritable(Super);
        foreach (Chunk chunk in Chunks.All)
        {
            if ((chunk.Type & ChunkType.Parity) != 0)
            {
                throw BtrfsErrors.ReadOnlyFeature("it has chunks of RAID5 or RAID6");
            }

            foreach (Stripe stripe in chunk.Stripes)
            {
                if (Devices.Find(stripe.DeviceId) is null)
                {
                    throw BtrfsErrors.MissingDevice(stripe.DeviceId);
                }
            }
        }

        if (!Devices.IsComplete)
        {
            throw BtrfsErrors.ReadOnlyFeature("a device is missing");
        }

        if (Devices.All.Values.Any(d => !d.CanWrite))
        {
            throw new V2VException("FileSystemReadOnly", V2VErrorKind.InvalidState, "A device of the file system is open for reading only.", Super.Label);
        }

        if (RootTree.Items(ObjectIds.TreeRelocation, ItemType.Root).Any())
        {
            throw BtrfsErrors.ReadOnlyFeature("a balance is not finished");
        }

        Span<byte> replace = DeviceTree.Find(new BtrfsKey(0, PersistentItem, 0));
        if (replace.Length >= 40 && Le.U64(replace, 32) is 1 or 4)
        {
            throw BtrfsErrors.ReadOnlyFeature("the replacement of a device is not finished");
        }
    }

    /// <summary>Begins to change the file system, if that was not done, and makes sure of room for the next operation.</summary>
    public void StartWrite(bool isFreeing = false)
    {
        WriteBackStreams();
        Trim();
        Begin(isFreeing);
    }

    /// <summary>The same without a look at open streams.</summary>
    public void Begin(bool isFreeing)
    {
        bool isFirst = Transaction == 0;
        Transaction = isFirst ? Super.Generation + 1 : Transaction;
        Allocator.EnsureRoom(isFreeing);
        if (isFirst)
        {
            RootTree.RenewRoot();
            MarkQuotas();
        }
    }

    /// <summary>Notes that a tree has another root.</summary>
    public void NoteRoot(BtrfsTree tree)
    {
        if (tree == RootTree)
        {
            Super.Root = tree.RootAddress;
            Super.RootLevel = tree.RootLevel;
        }
        else if (tree == ChunkTree)
        {
            Super.ChunkRoot = tree.RootAddress;
            Super.ChunkRootLevel = tree.RootLevel;
            Super.ChunkRootGeneration = tree.RootGeneration;
        }
        else
        {
            _usedBytes.TryAdd(tree.Id, 0);
        }
    }

    /// <summary>Notes that a tree has more or fewer blocks.</summary>
    public void NoteBlocks(ulong tree, int count) =>
        _usedBytes[tree] = _usedBytes.GetValueOrDefault(tree) + ((long)count * NodeSize);

    /// <summary>A number for a new inode: one more than the highest.</summary>
    public ulong NextInode(BtrfsTree tree)
    {
        if (!_lastInodes.TryGetValue(tree.Id, out ulong last))
        {
            var path = new TreePath();
            tree.Search(new BtrfsKey(ObjectIds.LastFree, 0, 0), path);
            last = tree.Previous(path) ? Math.Max(ObjectIds.FirstFree, path.Key.ObjectId) : ObjectIds.FirstFree;
        }

        if (last >= ObjectIds.LastFree - 1)
        {
            throw BtrfsErrors.NoSpace("another inode number");
        }

        return _lastInodes[tree.Id] = last + 1;
    }

    /// <summary>Writes everything that is in memory; the superblocks last.</summary>
    public void Flush()
    {
        WriteBackStreams();
        if (Transaction == 0)
        {
            return;
        }

        // Writing down what changed changes blocks itself; each of them once.
        do
        {
            References.Drain();
            WriteGroups();
            References.Drain();
            WriteRoots();
        }
        while (_usedBytes.Count > 0 || References.Pending.Any());

        Blocks.Flush();
        WriteSuperblocks();
    }

    private void WriteGroups()
    {
        foreach (BlockGroup group in Groups.All)
        {
            if (group.Dirty)
            {
                byte[] raw = BlockGroupTree.Find(group.Key).ToArray();
                Le.Set64(raw, 0, (ulong)group.Used);
                BlockGroupTree.Set(group.Key, raw);
                group.Dirty = false;
            }
        }
    }

    private void WriteRoots()
    {
        (ulong Id, long Bytes)[] changed = [.. _usedBytes.Select(p => (p.Key, p.Value))];
        _usedBytes.Clear();
        foreach ((ulong id, long bytes) in changed)
        {
            if (id is ObjectIds.RootTree or ObjectIds.ChunkTree)
            {
                continue;
            }

            BtrfsTree tree = GetTree(id);
            RootItem item = FindRootItem(id)!;
            item.SetRoot(tree.RootAddress, tree.RootLevel, tree.RootGeneration, bytes);
            RootTree.Set(item.Key, item.Raw);
        }
    }

    private void WriteSuperblocks()
    {
        if (Super.Generation != Transaction)
        {
            // The old cache of free space keeps the old number, which makes the kernel drop it.
            bool isUuidTreeValid = Super.UuidTreeGeneration == Super.Generation;
            Super.Generation = Transaction;
            Super.UuidTreeGeneration = isUuidTreeValid ? Transaction : Super.UuidTreeGeneration;
            Super.ClearBackupRoots();
        }

        foreach ((ulong number, BlockDevice device) in Devices.All)
        {
            Span<byte> item = ChunkTree.Find(new BtrfsKey(ObjectIds.DeviceItems, ItemType.Device, number));
            if (item.Length < BtrfsSuperblock.DeviceItemSize)
            {
                throw BtrfsErrors.Chunk(FormattableString.Invariant($"device {number} has no item"));
            }

            Super.Write(device, item[..BtrfsSuperblock.DeviceItemSize], (long)Math.Min(Le.U64(item, 8), long.MaxValue));
        }
    }

    /// <summary>
    /// Quotas are not kept: all counts are set to zero, and the kernel is told that it was in the middle of counting anew, which it goes on
    /// with at the next mount. That takes a status of the newest transaction ("QGROUP_STATUS").
    /// </summary>
    private void MarkQuotas()
    {
        var key = new BtrfsKey(0, ItemType.QgroupStatus, 0);
        if (FindTree(ObjectIds.QuotaTree) is not { } quotas || quotas.Find(key) is not { Length: >= 32 } found || (Le.U64(found, 16) & QgroupsOn) == 0)
        {
            return;
        }

        byte[] status = found.ToArray();
        Le.Set64(status, 8, Transaction);
        Le.Set64(status, 16, Le.U64(status, 16) | QgroupsInconsistent | QgroupsBeingCounted);
        Le.Set64(status, 24, 0);
        quotas.Set(key, status);
        var next = new BtrfsKey(0, ItemType.QgroupInfo, 0);
        var last = new BtrfsKey(0, ItemType.QgroupInfo, ulong.MaxValue);
        while (quotas.Batch(next, last) is { Count: > 0 } batch)
        {
            foreach ((BtrfsKey at, byte[] counts) in batch)
            {
                // The transaction, then what is referred to and what belongs to it alone, each also as compressed.
                counts.AsSpan(Math.Min(8, counts.Length)).Clear();
                quotas.Set(at, counts);
            }

            next = batch[^1].Key.Next();
        }
    }
}
