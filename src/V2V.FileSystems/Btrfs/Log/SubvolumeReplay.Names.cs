using V2V.FileSystems.Btrfs.Files;
using V2V.FileSystems.Btrfs.Trees;

namespace V2V.FileSystems.Btrfs.Log;

/// <summary>Names: those that went, entries of directories, and references of inodes.</summary>
internal sealed partial class SubvolumeReplay
{
    /// <summary>Deletes the names in those parts of a directory that the log covers and that it does not have.</summary>
    private void DeleteEntries(BtrfsNode directory)
    {
        foreach (TreeItem range in log.Items(directory.Inode, ItemType.DirLogIndex))
        {
            ulong end = range.Data.Length < 8 ? 0 : Le.U64(range.Data, 0);
            var next = new BtrfsKey(directory.Inode, ItemType.DirIndex, range.Key.Offset);
            var last = new BtrfsKey(directory.Inode, ItemType.DirIndex, end);
            while (next <= last)
            {
                List<(BtrfsKey Key, byte[] Data)> batch = tree.Batch(next, last);
                foreach ((BtrfsKey key, byte[] data) in batch)
                {
                    foreach (DirectoryItem entry in DirectoryItem.ReadAll(data))
                    {
                        Span<byte> logged = log.Find(key);
                        if (logged.IsEmpty || DirectoryItem.Find(logged, entry.Name) is null)
                        {
                            Next();
                            Unlink(directory, entry);
                        }
                    }
                }

                if (batch.Count == 0)
                {
                    break;
                }

                next = batch[^1].Key.Next();
            }
        }
    }

    /// <summary>An entry of a directory; a name that its inode's own log has comes with that.</summary>
    private void ReplayEntries(TreeItem item)
    {
        BtrfsNode directory = Node(item.Key.ObjectId);
        foreach (DirectoryItem entry in DirectoryItem.ReadAll(item.Data))
        {
            if (entry.Location.Type != ItemType.Inode || !Exists(entry.Location.ObjectId) || !Exists(directory.Inode))
            {
                continue;
            }

            if (DirectoryReader.Find(directory, entry.Name) is { } present)
            {
                if (present.Location == entry.Location)
                {
                    continue;
                }

                Unlink(directory, present);
            }

            if (!IsReferenceLogged(entry.Location.ObjectId, directory.Inode, entry.Name))
            {
                Link(directory, entry.Name, entry.Location.ObjectId, item.Key.Offset);
            }
        }
    }

    private bool IsReferenceLogged(ulong inode, ulong directory, byte[] name)
    {
        var key = new BtrfsKey(inode, ItemType.InodeRef, directory);
        if (InodeReference.ReadAll(key, log.Find(key)).Any(r => r.Name.AsSpan().SequenceEqual(name)))
        {
            return true;
        }

        key = new BtrfsKey(inode, ItemType.InodeExtRef, BtrfsChecksum.ReferenceHash(directory, name));
        return InodeReference.ReadAllExtended(key, log.Find(key)).Any(r => r.Directory == directory && r.Name.AsSpan().SequenceEqual(name));
    }

    /// <summary>The names that an inode has in a directory: exactly those of the log.</summary>
    private void ReplayReferences(ulong inode, List<InodeReference> references)
    {
        if (!Exists(inode) || references.Count == 0)
        {
            return;
        }

        foreach (ulong directory in references.Select(r => r.Directory).Distinct())
        {
            foreach (InodeReference old in InodeReference.All(Node(inode)).Where(r => r.Directory == directory))
            {
                if (!IsReferenceLogged(inode, directory, old.Name) && DirectoryReader.Find(Node(directory), old.Name) is { } entry)
                {
                    Unlink(Node(directory), entry);
                }
            }
        }

        foreach (InodeReference reference in references)
        {
            BtrfsNode directory = Node(reference.Directory);
            if (!Exists(reference.Directory))
            {
                continue;
            }

            if (DirectoryReader.Find(directory, reference.Name) is { } present)
            {
                if (present.Location.ObjectId == inode && InodeReference.All(Node(inode)).Contains(reference))
                {
                    continue;
                }

                Unlink(directory, present);
            }

            Link(directory, reference.Name, inode, reference.Index);
        }
    }

    private void Link(BtrfsNode directory, byte[] name, ulong inode, ulong index)
    {
        Span<byte> there = tree.Find(new BtrfsKey(directory.Inode, ItemType.DirIndex, index));
        if (!there.IsEmpty)
        {
            Unlink(directory, DirectoryItem.ReadAll(there)[0]);
        }

        // The old inode stays if nothing else refers to it until link counts are fixed.
        new DirectoryEditor(volume, directory).Add(name, inode, DirectoryEntryCode.Of(Node(inode).Load().Type), GuestName.Decode(name), index);
        _changed.Add(inode);
        _changed.Add(directory.Inode);
    }

    private void Unlink(BtrfsNode directory, DirectoryItem entry)
    {
        if (entry.Location.Type == ItemType.Inode)
        {
            new DirectoryEditor(volume, directory).Remove(entry);
            _changed.Add(entry.Location.ObjectId);
        }
    }
}
