using V2V.FileSystems.Btrfs.Files;
using V2V.FileSystems.Btrfs.Trees;

namespace V2V.FileSystems.Btrfs;

/// <summary>A subvolume.</summary>
/// <param name="Id">Number of its tree.</param>
/// <param name="Path">Path from the top level, beginning with <c>/</c>.</param>
/// <param name="IsSnapshot">True if it was made from another subvolume.</param>
/// <param name="IsReadOnly">True if its flag says so.</param>
internal sealed record Subvolume(ulong Id, string Path, bool IsSnapshot, bool IsReadOnly);

/// <summary>The subvolumes of a file system, by number and by path (On-disk Format, "ROOT_REF", "ROOT_BACKREF").</summary>
internal sealed class SubvolumeTable(BtrfsVolume volume)
{
    private const int MaxSubvolumes = 65536;
    private const int MaxDepth = 256;

    /// <summary>The subvolume that a mount without options shows.</summary>
    public ulong DefaultId
    {
        get
        {
            Span<byte> item = volume.RootTree.Find(new BtrfsKey(ObjectIds.RootTreeDirectory, ItemType.DirItem, BtrfsChecksum.NameHash("default"u8)));
            DirectoryItem? entry = item.IsEmpty ? null : DirectoryItem.Find(item, "default"u8);
            return entry is { Location.Type: ItemType.Root } && ObjectIds.IsFileTree(entry.Location.ObjectId) ? entry.Location.ObjectId : ObjectIds.FileTree;
        }
    }

    /// <summary>All subvolumes but the top level.</summary>
    public IEnumerable<Subvolume> All()
    {
        int count = 0;
        var path = new TreePath();
        volume.RootTree.Search(new BtrfsKey(ObjectIds.FirstFree, ItemType.RootBackref, 0), path);
        for (bool found = volume.RootTree.Settle(path); found && path.Key.ObjectId <= ObjectIds.LastFree; found = volume.RootTree.Next(path))
        {
            if (path.Key.Type == ItemType.RootBackref && ++count <= MaxSubvolumes
                && volume.FindRootItem(path.Key.ObjectId) is { References: > 0 } root && PathOf(path.Key.ObjectId) is { } name)
            {
                yield return new Subvolume(path.Key.ObjectId, name, root.IsSnapshot, root.IsReadOnly);
            }
        }
    }

    /// <summary>True if a directory entry leads into a subvolume; in a snapshot the same entry is but a place holder.</summary>
    public bool IsMountedAt(ulong child, ulong parent, ulong directory, ReadOnlySpan<byte> name)
    {
        Span<byte> reference = volume.RootTree.Find(new BtrfsKey(parent, ItemType.RootRef, child));
        return reference.Length >= 18 && Le.U64(reference, 0) == directory && reference.Length >= 18 + name.Length
            && Le.U16(reference, 16) == name.Length && reference.Slice(18, name.Length).SequenceEqual(name);
    }

    /// <summary>The path of a subvolume from the top level, or null if it hangs nowhere.</summary>
    public string? PathOf(ulong id)
    {
        string path = "";
        for (int depth = 0; id != ObjectIds.FileTree; depth++)
        {
            TreeItem? found = volume.RootTree.Items(id, ItemType.RootBackref).Cast<TreeItem?>().FirstOrDefault();
            if (depth > MaxDepth || found is not { } item || item.Data.Length < 18 || item.Data.Length < 18 + Le.U16(item.Data, 16)
                || volume.FindTree(item.Key.Offset) is not { } parent)
            {
                return null;
            }

            path = "/" + GuestName.Decode(item.Data.Slice(18, Le.U16(item.Data, 16))) + path;
            if (DirectoryPath(parent, Le.U64(item.Data, 0)) is not { } directory)
            {
                return null;
            }

            path = directory + path;
            id = item.Key.Offset;
        }

        return path.Length == 0 ? "/" : path;
    }

    /// <summary>The path of a directory in its tree, without a slash at the end.</summary>
    private static string? DirectoryPath(BtrfsTree tree, ulong directory)
    {
        string path = "";
        for (int depth = 0; directory != ObjectIds.FirstFree; depth++)
        {
            TreeItem? found = tree.Items(directory, ItemType.InodeRef).Cast<TreeItem?>().FirstOrDefault();
            if (depth > MaxDepth || found is not { } item || item.Data.Length < 10 || item.Data.Length < 10 + Le.U16(item.Data, 8))
            {
                return null;
            }

            path = "/" + GuestName.Decode(item.Data.Slice(10, Le.U16(item.Data, 8))) + path;
            directory = item.Key.Offset;
        }

        return path;
    }
}
