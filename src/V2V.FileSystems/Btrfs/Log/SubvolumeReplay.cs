using V2V.FileSystems.Btrfs.Files;
using V2V.FileSystems.Btrfs.Trees;

namespace V2V.FileSystems.Btrfs.Log;

/// <summary>
/// Replays the log of one subvolume in three passes: inodes and what went from them, entries of directories, then attributes, names and
/// extents. Link counts are counted at the end, from the names that are left.
/// </summary>
internal sealed partial class SubvolumeReplay(BtrfsVolume volume, BtrfsTree tree, BtrfsTree log)
{
    private readonly HashSet<ulong> _changed = [];
    private readonly HashSet<ulong> _ignored = [];

    public void Run()
    {
        Pass(ItemType.Inode, ReplayInode);
        Pass(ItemType.DirIndex, ReplayEntries);
        foreach (TreeItem item in log.Range(default, BtrfsKey.Max))
        {
            if (!_ignored.Contains(item.Key.ObjectId))
            {
                Next();
                ReplayRest(item);
            }
        }

        foreach (ulong inode in _changed.Order())
        {
            Next();
            FixLinks(inode);
        }
    }

    private void Pass(byte type, Action<TreeItem> replay)
    {
        foreach (TreeItem item in log.Range(default, BtrfsKey.Max))
        {
            if (item.Key.Type == type && !_ignored.Contains(item.Key.ObjectId))
            {
                Next();
                replay(item);
            }
        }
    }

    private void Next() => volume.Begin(isFreeing: false);

    private BtrfsNode Node(ulong inode) => new(tree, inode);

    private bool Exists(ulong inode) => !tree.Find(Node(inode).Key).IsEmpty;

    private void ReplayInode(TreeItem item)
    {
        var logged = new InodeItem(item.Key, item.Data);
        if (logged.Links == 0)
        {
            // It was deleted while it was open.
            _ignored.Add(logged.Number);
            return;
        }

        BtrfsNode node = Node(logged.Number);
        DeleteAttributes(node);
        if (logged.IsDirectory)
        {
            DeleteEntries(node);
        }

        // A generation of 0 says that only the existence of the inode was logged.
        bool isOnlyExistence = Le.U64(logged.Raw, 0) == 0;
        bool exists = Exists(logged.Number);
        if (!exists)
        {
            logged.Bytes = 0;
            logged.Length = logged.IsDirectory ? 0 : logged.Length;
            if (isOnlyExistence)
            {
                Le.Set64(logged.Raw, 0, volume.Transaction);
            }
        }
        else
        {
            InodeItem present = node.Load();
            if (isOnlyExistence)
            {
                present.Length = present.Type == GuestFileType.File && logged.Type == GuestFileType.File && logged.Length != 0 ? logged.Length : present.Length;
                logged = present;
            }
            else
            {
                logged.Bytes = present.Bytes;
                logged.Length = logged.IsDirectory && present.IsDirectory ? present.Length : logged.Length;
            }
        }

        tree.Set(node.Key, logged.Raw);
        if (logged.Type == GuestFileType.File)
        {
            new FileWriter(volume, node).CutForReplay(logged.Length);
        }

        _changed.Add(logged.Number);
    }

    /// <summary>Deletes the attributes that the log does not have.</summary>
    private void DeleteAttributes(BtrfsNode node)
    {
        foreach (DirectoryItem attribute in ExtendedAttributes.All(node))
        {
            Span<byte> logged = log.Find(new BtrfsKey(node.Inode, ItemType.Attribute, BtrfsChecksum.NameHash(attribute.Name)));
            if (logged.IsEmpty || DirectoryItem.Find(logged, attribute.Name) is null)
            {
                ExtendedAttributes.Remove(node, GuestName.Decode(attribute.Name));
            }
        }
    }

    private void ReplayRest(TreeItem item)
    {
        switch (item.Key.Type)
        {
            case ItemType.Attribute when Exists(item.Key.ObjectId):
                tree.Set(item.Key, item.Data.ToArray());
                break;
            case ItemType.InodeRef when item.Key.ObjectId != item.Key.Offset:
                ReplayReferences(item.Key.ObjectId, InodeReference.ReadAll(item.Key, item.Data));
                break;
            case ItemType.InodeExtRef:
                ReplayReferences(item.Key.ObjectId, InodeReference.ReadAllExtended(item.Key, item.Data));
                break;
            case ItemType.ExtentData when Exists(item.Key.ObjectId):
                ReplayExtent(item);
                break;
        }
    }

    private void ReplayExtent(TreeItem item)
    {
        var extent = FileExtent.Read(item.Key, item.Data, volume.SectorSize);
        if (extent.Kind != FileExtent.Inline && tree.Find(item.Key).SequenceEqual(item.Data))
        {
            return;
        }

        BtrfsNode node = Node(item.Key.ObjectId);
        InodeItem inode = node.Load();
        bool isNew = extent.DiskAddress != 0 && volume.References.CountData(extent.DiskAddress, extent.DiskBytes) == 0;
        new FileWriter(volume, node).ReplaceForReplay(inode, extent, item.Data.ToArray(), isNew);
        if (extent.DiskAddress != 0 && !inode.Has(InodeItem.NoDataSum) && extent.Kind == FileExtent.Regular)
        {
            volume.References.Drain();
            ReplayChecksums(
                extent.DiskAddress + (extent.Compression == 0 ? extent.Offset : 0), extent.Compression == 0 ? extent.Length : extent.DiskBytes);
        }
    }

    private void ReplayChecksums(long address, long length)
    {
        int size = BtrfsChecksum.SizeOf(volume.Super.ChecksumType);
        long end = address + length;
        foreach (TreeItem item in log.Items(ObjectIds.ExtentChecksums, ItemType.Checksums))
        {
            long start = (long)Math.Min(item.Key.Offset, long.MaxValue / 2);
            long stop = start + ((long)(item.Data.Length / size) * volume.SectorSize);
            long from = Math.Max(start, address);
            long to = Math.Min(stop, end);
            if (from < to)
            {
                volume.Checksums.Replace(from, item.Data[(int)((from - start) / volume.SectorSize * size)..(int)((to - start) / volume.SectorSize * size)].ToArray());
            }
        }
    }

    /// <summary>Counts the names of an inode; one without any goes.</summary>
    private void FixLinks(ulong inode)
    {
        BtrfsNode node = Node(inode);
        if (!Exists(inode))
        {
            return;
        }

        InodeItem item = node.Load();
        long names = inode == ObjectIds.FirstFree ? 1 : InodeReference.All(node).Count;
        if (names == 0)
        {
            new FileWriter(volume, node).Release(item);
            tree.DeleteRange(node.Key, new BtrfsKey(inode, byte.MaxValue, ulong.MaxValue));
            return;
        }

        item.Links = item.IsDirectory ? 1 : (uint)names;
        tree.Set(node.Key, item.Raw);
    }
}
