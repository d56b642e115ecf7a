using V2V.FileSystems.Btrfs.Trees;
using V2V.Storage;

namespace V2V.FileSystems.Btrfs.Files;

/// <summary>Sets and removes extended attributes.</summary>
internal static partial class ExtendedAttributes
{
    private const int MaxNameLength = 255;
    private const int AclHeaderSize = 4;
    private const int AclEntrySize = 8;
    private static readonly string[] s_prefixes = ["user.", "security.", "trusted.", "system.posix_acl_", "btrfs."];

    /// <summary>Sets an attribute.</summary>
    public static void Set(BtrfsVolume volume, BtrfsNode node, string name, ReadOnlySpan<byte> value, string path)
    {
        byte[] bytes = GuestName.Encode(name);
        if (!s_prefixes.Any(p => name.StartsWith(p, StringComparison.Ordinal) && name.Length > p.Length) || bytes.Length > MaxNameLength || bytes.AsSpan().Contains((byte)0))
        {
            throw V2VException.Unsupported("BtrfsAttributeNameUnsupported", $"The name '{name}' is not one that an extended attribute of Btrfs can have.", path);
        }

        BtrfsKey key = Key(node, bytes);
        byte[] item = node.Tree.Find(key).ToArray();
        byte[] others = Without(item, bytes);
        byte[] entry = DirectoryItem.Make(default, volume.Transaction, DirectoryItem.AttributeType, bytes, value.Length > ushort.MaxValue ? [] : value);
        if (value.Length > ushort.MaxValue || others.Length + entry.Length > volume.NodeSize - TreeBlock.HeaderSize - TreeBlock.ItemSize)
        {
            throw new V2VException("BtrfsAttributeTooLarge", V2VErrorKind.NoSpace, $"The extended attribute '{name}' does not fit into a tree block.", path);
        }

        node.Tree.Set(key, [.. others, .. entry]);
    }

    /// <summary>Removes an attribute.</summary>
    /// <returns>False if it is not there.</returns>
    public static bool Remove(BtrfsNode node, string name)
    {
        byte[] bytes = GuestName.Encode(name);
        if (Get(node, bytes) is null)
        {
            return false;
        }

        BtrfsKey key = Key(node, bytes);
        byte[] others = Without(node.Tree.Find(key).ToArray(), bytes);
        if (others.Length > 0)
        {
            node.Tree.Set(key, others);
        }
        else
        {
            node.Tree.Delete(key);
        }

        return true;
    }

    /// <summary>Repeats permission bits in a POSIX ACL, whose form is that of getxattr(2): owner, mask or else group, others.</summary>
    /// <returns>False if it is none.</returns>
    public static bool SetAclMode(Span<byte> acl, int mode)
    {
        if (acl.Length < AclHeaderSize || (acl.Length - AclHeaderSize) % AclEntrySize != 0 || Le.U32(acl, 0) != 2)
        {
            return false;
        }

        int group = -1;
        bool hasMask = false;
        for (int at = AclHeaderSize; at < acl.Length; at += AclEntrySize)
        {
            switch (Le.U16(acl, at))
            {
                case 0x01:
                    Le.Set16(acl, at + 2, (uint)(mode >> 6) & 7);
                    break;
                case 0x04:
                    group = at;
                    break;
                case 0x10:
                    Le.Set16(acl, at + 2, (uint)(mode >> 3) & 7);
                    hasMask = true;
                    break;
                case 0x20:
                    Le.Set16(acl, at + 2, (uint)mode & 7);
                    break;
            }
        }

        if (group >= 0 && !hasMask)
        {
            Le.Set16(acl, group + 2, (uint)(mode >> 3) & 7);
        }

        return true;
    }

    private static BtrfsKey Key(BtrfsNode node, byte[] name) => new(node.Inode, ItemType.Attribute, BtrfsChecksum.NameHash(name));

    private static byte[] Without(byte[] item, byte[] name) => item.Length > 0 && DirectoryItem.Find(item, name) is { } old
        ? [.. item.AsSpan(0, old.Offset), .. item.AsSpan(old.Offset + old.Length)]
        : item;
}
