using V2V.FileSystems.Btrfs.Trees;
using V2V.Storage;

namespace V2V.FileSystems.Btrfs.Files;

/// <summary>
/// Adds and removes names. Each has an entry by hash, one by number, and a reference in the inode that it leads to; where those of one
/// directory are too many for an item, extended references take over (On-disk Format, "INODE_REF", "INODE_EXTREF").
/// </summary>
internal sealed class DirectoryEditor(BtrfsVolume volume, BtrfsNode directory)
{
    private const int ReferenceHeader = 10;
    private const int ExtendedHeader = 18;
    private const ulong FirstIndex = 2;

    private readonly BtrfsTree _tree = directory.Tree;

    private int MaxItem => volume.NodeSize - TreeBlock.HeaderSize - TreeBlock.ItemSize;

    /// <summary>Adds a name for an inode of the same tree.</summary>
    /// <param name="name">The name.</param>
    /// <param name="inode">Number of the inode.</param>
    /// <param name="type">Code of its type.</param>
    /// <param name="path">The path, for errors.</param>
    /// <param name="wantedIndex">Number of the entry; null for the next.</param>
    public void Add(byte[] name, ulong inode, byte type, string path, ulong? wantedIndex = null)
    {
        var hashKey = new BtrfsKey(directory.Inode, ItemType.DirItem, BtrfsChecksum.NameHash(name));
        byte[] entry = DirectoryItem.Make(new BtrfsKey(inode, ItemType.Inode, 0), volume.Transaction, type, name, []);
        byte[] item = [.. _tree.Find(hashKey), .. entry];
        if (item.Length > MaxItem)
        {
            throw new V2VException("BtrfsNameCollision", V2VErrorKind.NoSpace, $"Too many names of the directory have the same hash as {path}.", path);
        }

        ulong index = wantedIndex ?? NextIndex();
        AddReference(inode, name, index, path);
        _tree.Set(hashKey, item);
        _tree.Insert(new BtrfsKey(directory.Inode, ItemType.DirIndex, index), entry);
        ChangeSize(name.Length * 2);
    }

    /// <summary>Removes a name.</summary>
    public void Remove(DirectoryItem entry)
    {
        ulong index = RemoveReference(entry.Location.ObjectId, entry.Name);
        var hashKey = new BtrfsKey(directory.Inode, ItemType.DirItem, BtrfsChecksum.NameHash(entry.Name));
        byte[] item = _tree.Find(hashKey).ToArray();
        DirectoryItem found = DirectoryItem.Find(item, entry.Name) ?? throw BtrfsErrors.Item(hashKey, "a name is missing in it");
        SetOrDelete(hashKey, [.. item.AsSpan(0, found.Offset), .. item.AsSpan(found.Offset + found.Length)]);
        _tree.Delete(new BtrfsKey(directory.Inode, ItemType.DirIndex, index));
        ChangeSize(-entry.Name.Length * 2);
    }

    private void ChangeSize(int change)
    {
        InodeItem inode = directory.Load();
        inode.Length = Math.Max(0, inode.Length + change);
        if (!volume.IsReplaying)
        {
            inode.Touch(volume.Transaction, contentChanged: true);
        }

        _tree.Set(directory.Key, inode.Raw);
    }

    private ulong NextIndex()
    {
        var path = new TreePath();
        _tree.Search(new BtrfsKey(directory.Inode, ItemType.DirIndex, ulong.MaxValue), path);
        return _tree.Previous(path) && path.Key.ObjectId == directory.Inode && path.Key.Type == ItemType.DirIndex
            ? Math.Max(FirstIndex, path.Key.Offset + 1)
            : FirstIndex;
    }

    private void AddReference(ulong inode, byte[] name, ulong index, string path)
    {
        var key = new BtrfsKey(inode, ItemType.InodeRef, directory.Inode);
        byte[] old = _tree.Find(key).ToArray();
        if (old.Length + ReferenceHeader + name.Length <= MaxItem)
        {
            var reference = new byte[ReferenceHeader + name.Length];
            Le.Set64(reference, 0, index);
            Le.Set16(reference, 8, (uint)name.Length);
            name.CopyTo(reference, ReferenceHeader);
            _tree.Set(key, [.. old, .. reference]);
            return;
        }

        key = new BtrfsKey(inode, ItemType.InodeExtRef, BtrfsChecksum.ReferenceHash(directory.Inode, name));
        old = _tree.Find(key).ToArray();
        if (!volume.Super.Has(BtrfsIncompat.ExtendedInodeRef) || old.Length + ExtendedHeader + name.Length > MaxItem)
        {
            throw new V2VException("BtrfsTooManyLinks", V2VErrorKind.NoSpace, $"The guest's file {path} has as many names as Btrfs can keep.", path);
        }

        var extended = new byte[ExtendedHeader + name.Length];
        Le.Set64(extended, 0, directory.Inode);
        Le.Set64(extended, 8, index);
        Le.Set16(extended, 16, (uint)name.Length);
        name.CopyTo(extended, ExtendedHeader);
        _tree.Set(key, [.. old, .. extended]);
    }

    private ulong RemoveReference(ulong inode, byte[] name)
    {
        return TryRemove(new BtrfsKey(inode, ItemType.InodeRef, directory.Inode), name, false)
            ?? TryRemove(new BtrfsKey(inode, ItemType.InodeExtRef, BtrfsChecksum.ReferenceHash(directory.Inode, name)), name, true)
            ?? throw BtrfsErrors.Item(new BtrfsKey(inode, ItemType.InodeRef, directory.Inode), "a name is missing in it");
    }

    private ulong? TryRemove(BtrfsKey key, byte[] name, bool isExtended)
    {
        byte[] item = _tree.Find(key).ToArray();
        int header = isExtended ? ExtendedHeader : ReferenceHeader;
        int shift = header - ReferenceHeader;
        for (int at = 0; at + header <= item.Length;)
        {
            int length = Le.U16(item, at + shift + 8);
            if (length > item.Length - at - header)
            {
                throw BtrfsErrors.Item(key, "a name in it reaches past its end");
            }

            if (item.AsSpan(at + header, length).SequenceEqual(name) && (!isExtended || Le.U64(item, at) == directory.Inode))
            {
                ulong index = Le.U64(item, at + shift);
                SetOrDelete(key, [.. item.AsSpan(0, at), .. item.AsSpan(at + header + length)]);
                return index;
            }

            at += header + length;
        }

        return null;
    }

    private void SetOrDelete(BtrfsKey key, byte[] item)
    {
        if (item.Length > 0)
        {
            _tree.Set(key, item);
        }
        else
        {
            _tree.Delete(key);
        }
    }
}
