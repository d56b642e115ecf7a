using V2V.FileSystems.Btrfs.Files;
using V2V.FileSystems.Btrfs.Storage;
using V2V.FileSystems.Btrfs.Trees;
using V2V.Storage;

namespace V2V.FileSystems.Btrfs;

/// <summary>
/// An open Btrfs file system as the parts that work on it see it: devices, chunks, tree blocks and trees. Trees find their blocks by
/// logical address, chunks turn those into devices and offsets, and the chunks themselves are found by the few in the superblock.
/// </summary>
internal sealed partial class BtrfsVolume
{
    private readonly Dictionary<ulong, BtrfsTree> _trees = [];

    public BtrfsVolume(DeviceSet devices)
    {
        Super = devices.Super;
        Chunks = new ChunkMap(devices);
        Blocks = new BlockStore(Chunks, Super);
        ReadSystemChunks();
        ChunkTree = new BtrfsTree(this, ObjectIds.ChunkTree, Super.ChunkRoot, Super.ChunkRootLevel, Super.ChunkRootGeneration);
        foreach (TreeItem item in ChunkTree.Items(ObjectIds.FirstChunk, ItemType.Chunk))
        {
            Chunks.Add(Chunk.Read(item.Key.Offset, item.Data, out _));
        }

        RootTree = new BtrfsTree(this, ObjectIds.RootTree, Super.Root, Super.RootLevel, Super.Generation);
        Subvolumes = new SubvolumeTable(this);
        Checksums = new DataChecksums(this);
    }

    public BtrfsSuperblock Super { get; }

    public DeviceSet Devices => Chunks.Devices;

    public ChunkMap Chunks { get; }

    public BlockStore Blocks { get; }

    public BtrfsTree ChunkTree { get; }

    public BtrfsTree RootTree { get; }

    public SubvolumeTable Subvolumes { get; }

    public DataChecksums Checksums { get; }

    public BtrfsTree ExtentTree => GetTree(ObjectIds.ExtentTree);

    public BtrfsTree ChecksumTree => GetTree(ObjectIds.ChecksumTree);

    public BtrfsTree DeviceTree => GetTree(ObjectIds.DeviceTree);

    /// <summary>The tree with the items of block groups: an own one, or the extent tree.</summary>
    public BtrfsTree BlockGroupTree => Super.Has(BtrfsRoCompat.BlockGroupTree) ? GetTree(ObjectIds.BlockGroupTree) : ExtentTree;

    public int SectorSize => Super.SectorSize;

    public int NodeSize => Super.NodeSize;

    /// <summary>The tree with a number.</summary>
    /// <exception cref="V2VException">There is none.</exception>
    public BtrfsTree GetTree(ulong id) => FindTree(id) ?? throw V2VException.Corrupt(
        "BtrfsTreeMissing", FormattableString.Invariant($"The Btrfs file system has no tree {id}."), FormattableString.Invariant($"tree {id}"));

    /// <summary>The tree with a number, or null.</summary>
    public BtrfsTree? FindTree(ulong id)
    {
        if (id is ObjectIds.RootTree or ObjectIds.ChunkTree)
        {
            return id == ObjectIds.RootTree ? RootTree : ChunkTree;
        }

        if (!_trees.TryGetValue(id, out BtrfsTree? tree) && FindRootItem(id) is { } item && item.Address != 0)
        {
            tree = new BtrfsTree(this, id, item.Address, item.Level, item.Generation);
            _trees.Add(id, tree);
        }

        return tree;
    }

    /// <summary>The item of a tree in the root tree; the newest if there are several.</summary>
    public RootItem? FindRootItem(ulong id)
    {
        var path = new TreePath();
        if (!RootTree.Search(new BtrfsKey(id, ItemType.Root, ulong.MaxValue), path) && !RootTree.Previous(path))
        {
            return null;
        }

        return path.HasItem && path.Key.ObjectId == id && path.Key.Type == ItemType.Root ? new RootItem(path.Key, path.Item) : null;
    }

    private void ReadSystemChunks()
    {
        ReadOnlySpan<byte> left = Super.SystemChunks[..Super.SystemChunksUsed];
        while (!left.IsEmpty)
        {
            if (left.Length < BtrfsKey.Size)
            {
                throw BtrfsErrors.Chunk("the superblock's list of chunks is cut");
            }

            var key = BtrfsKey.Read(left);
            if (key.Type != ItemType.Chunk || key.ObjectId != ObjectIds.FirstChunk)
            {
                throw BtrfsErrors.Chunk("the superblock's list of chunks holds something else");
            }

            Chunks.Add(Chunk.Read(key.Offset, left[BtrfsKey.Size..], out int size));
            left = left[(BtrfsKey.Size + size)..];
        }
    }
}
