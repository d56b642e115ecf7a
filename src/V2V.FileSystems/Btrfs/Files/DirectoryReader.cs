using V2V.FileSystems.Btrfs.Trees;

namespace V2V.FileSystems.Btrfs.Files;

/// <summary>Names of a directory: found by their hash (DIR_ITEM), listed in the order of their making (DIR_INDEX).</summary>
internal static class DirectoryReader
{
    /// <summary>The entry with a name, or null.</summary>
    public static DirectoryItem? Find(BtrfsNode directory, ReadOnlySpan<byte> name)
    {
        if (directory.IsPlaceholder)
        {
            return null;
        }

        Span<byte> item = directory.Tree.Find(new BtrfsKey(directory.Inode, ItemType.DirItem, BtrfsChecksum.NameHash(name)));
        return item.IsEmpty ? null : DirectoryItem.Find(item, name);
    }

    /// <summary>All entries; the tree may change while they are enumerated.</summary>
    public static IEnumerable<DirectoryItem> Enumerate(BtrfsNode directory)
    {
        var last = new BtrfsKey(directory.Inode, ItemType.DirIndex, ulong.MaxValue);
        var next = new BtrfsKey(directory.Inode, ItemType.DirIndex, 0);
        while (!directory.IsPlaceholder && next <= last)
        {
            List<(BtrfsKey Key, byte[] Data)> batch = directory.Tree.Batch(next, last);
            if (batch.Count == 0)
            {
                yield break;
            }

            foreach ((_, byte[] data) in batch)
            {
                foreach (DirectoryItem entry in DirectoryItem.ReadAll(data))
                {
                    yield return entry;
                }
            }

            next = batch[^1].Key.Next();
        }
    }

    /// <summary>What an entry leads to.</summary>
    public static BtrfsNode Follow(BtrfsVolume volume, BtrfsNode directory, DirectoryItem entry)
    {
        if (entry.Location.Type == ItemType.Inode)
        {
            return new BtrfsNode(directory.Tree, entry.Location.ObjectId);
        }

        ulong id = entry.Location.ObjectId;
        if (entry.Location.Type != ItemType.Root || !ObjectIds.IsFileTree(id))
        {
            throw BtrfsErrors.Item(entry.Location, "a name leads to something that is no file");
        }

        return volume.Subvolumes.IsMountedAt(id, directory.Tree.Id, directory.Inode, entry.Name) && volume.FindTree(id) is { } tree
            ? new BtrfsNode(tree, ObjectIds.FirstFree)
            : new BtrfsNode(directory.Tree, 2, IsPlaceholder: true);
    }
}
