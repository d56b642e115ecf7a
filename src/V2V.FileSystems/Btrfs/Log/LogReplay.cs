using V2V.FileSystems.Btrfs.Allocation;
using V2V.FileSystems.Btrfs.Trees;

namespace V2V.FileSystems.Btrfs.Log;

/// <summary>
/// Replays the log of fsync calls (kernel, fs/btrfs/tree-log.c describes its logic): for each subvolume a tree of the inodes, names and
/// extents that were synced after the last transaction. Its blocks, and the data that it names, are not in the extent tree, so their
/// places are taken before anything is allocated.
/// </summary>
internal sealed class LogReplay
{
    private const int MaxBlocks = 1 << 20;
    private readonly BtrfsVolume _volume;
    private readonly BtrfsTree _logRoots;

    private LogReplay(BtrfsVolume volume)
    {
        _volume = volume;
        BtrfsSuperblock super = volume.Super;
        _logRoots = new BtrfsTree(volume, ObjectIds.TreeLog, super.LogRoot, super.LogRootLevel, super.Generation + 1);
    }

    /// <summary>Replays the log into the trees, and forgets it.</summary>
    public static void Run(BtrfsVolume volume)
    {
        var replay = new LogReplay(volume);
        List<(ulong Id, BtrfsTree Tree)> logs = replay.FindLogs();
        var held = new HashSet<long>();
        replay.Hold(replay._logRoots, held);
        foreach ((_, BtrfsTree tree) in logs)
        {
            replay.Hold(tree, held);
            replay.HoldData(tree);
        }

        volume.IsReplaying = true;
        volume.Begin(isFreeing: false);
        foreach ((ulong id, BtrfsTree log) in logs)
        {
            // A subvolume that was deleted after its files were synced needs nothing.
            if (volume.FindTree(id) is { } tree)
            {
                new SubvolumeReplay(volume, tree, log).Run();
            }
        }

        volume.Super.LogRoot = 0;
        volume.Super.LogRootLevel = 0;
        volume.Flush();
        volume.IsReplaying = false;
    }

    private List<(ulong Id, BtrfsTree Tree)> FindLogs()
    {
        var logs = new List<(ulong, BtrfsTree)>();
        foreach (TreeItem item in _logRoots.Items(ObjectIds.TreeLog, ItemType.Root))
        {
            var root = new RootItem(item.Key, item.Data);
            if (ObjectIds.IsFileTree(item.Key.Offset))
            {
                logs.Add((item.Key.Offset, new BtrfsTree(_volume, ObjectIds.TreeLog, root.Address, root.Level, root.Generation)));
            }
        }

        return logs;
    }

    /// <summary>Takes the places of all blocks of a log tree.</summary>
    private void Hold(BtrfsTree log, HashSet<long> held)
    {
        var pending = new Stack<(long Address, int Level, ulong Generation)>([(log.RootAddress, log.RootLevel, log.RootGeneration)]);
        while (pending.TryPop(out (long Address, int Level, ulong Generation) at))
        {
            if (!held.Add(at.Address) || held.Count > MaxBlocks)
            {
                throw BtrfsErrors.Tree(at.Address, "the log leads in a circle");
            }

            Take(at.Address, _volume.NodeSize);
            TreeBlock block = _volume.Blocks.Get(at.Address, at.Level, at.Generation);
            for (int i = 0; !block.IsLeaf && i < block.Count; i++)
            {
                pending.Push((block.Pointer(i), block.Level - 1, block.PointerGeneration(i)));
            }

            _volume.Trim();
        }
    }

    /// <summary>Takes the places of the data that a log names; what is in use anyway stays so.</summary>
    private void HoldData(BtrfsTree log)
    {
        foreach (TreeItem item in log.Range(default, BtrfsKey.Max))
        {
            if (item.Key.Type == ItemType.ExtentData
                && Files.FileExtent.Read(item.Key, item.Data, _volume.SectorSize) is { Kind: not Files.FileExtent.Inline, DiskAddress: not 0 } extent)
            {
                Take(extent.DiskAddress, extent.DiskBytes);
            }
        }
    }

    private void Take(long address, long length)
    {
        BlockGroup group = _volume.Groups.Find(address);
        if (length > group.Chunk.End - address)
        {
            throw BtrfsErrors.Extents(FormattableString.Invariant($"the extent at {address} reaches past its block group"));
        }

        _volume.Groups.FreeSpaceOf(group).Remove(address, address + length);
    }
}
