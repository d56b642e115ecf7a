using V2V.FileSystems.Btrfs.Trees;

namespace V2V.FileSystems.Btrfs.Files;

/// <summary>A file as a path leads to it: its tree and its number in it.</summary>
/// <param name="Tree">The subvolume's tree.</param>
/// <param name="Inode">Number of the inode.</param>
/// <param name="IsPlaceholder">True for the empty directory that a snapshot has where its origin had a subvolume.</param>
internal readonly record struct BtrfsNode(BtrfsTree Tree, ulong Inode, bool IsPlaceholder = false)
{
    public BtrfsKey Key => new(Inode, ItemType.Inode, 0);

    /// <summary>A copy of the inode.</summary>
    public InodeItem Load()
    {
        if (IsPlaceholder)
        {
            return new InodeItem(Inode, 0, 0x41ED, 0, 0) { Links = 1, ModifiedTime = DateTimeOffset.UnixEpoch };
        }

        Span<byte> raw = Tree.Find(Key);
        return raw.IsEmpty ? throw BtrfsErrors.Item(Key, "it does not exist") : new InodeItem(Key, raw);
    }
}
