using V2V.FileSystems.Btrfs.Trees;

namespace V2V.FileSystems.Btrfs.Files;

/// <summary>Extended attributes: items by the hash of the whole name, prefix and all.</summary>
internal static partial class ExtendedAttributes
{
    /// <summary>Names and values of a file.</summary>
    public static List<DirectoryItem> All(BtrfsNode node)
    {
        var all = new List<DirectoryItem>();
        if (!node.IsPlaceholder)
        {
            foreach (TreeItem item in node.Tree.Items(node.Inode, ItemType.Attribute))
            {
                all.AddRange(DirectoryItem.ReadAll(item.Data));
            }
        }

        return all;
    }

    /// <summary>The value of an attribute, or null.</summary>
    public static byte[]? Get(BtrfsNode node, ReadOnlySpan<byte> name)
    {
        if (node.IsPlaceholder || name.IsEmpty)
        {
            return null;
        }

        Span<byte> item = node.Tree.Find(new BtrfsKey(node.Inode, ItemType.Attribute, BtrfsChecksum.NameHash(name)));
        return item.IsEmpty ? null : DirectoryItem.Find(item, name)?.Value;
    }
}
