using V2V.FileSystems.Btrfs.Trees;

namespace V2V.FileSystems.Btrfs.Files;

/// <summary>A name of an inode, as the inode has it (On-disk Format, "INODE_REF", "INODE_EXTREF").</summary>
/// <param name="Directory">The directory.</param>
/// <param name="Index">Number of the entry in it.</param>
/// <param name="Name">The name.</param>
internal sealed record InodeReference(ulong Directory, ulong Index, byte[] Name)
{
    private const int HeaderSize = 10;
    private const int ExtendedHeaderSize = 18;

    public bool Equals(InodeReference? other) =>
        other is not null && Directory == other.Directory && Index == other.Index && Name.AsSpan().SequenceEqual(other.Name);

    public override int GetHashCode() => HashCode.Combine(Directory, Index);

    /// <summary>All names of an inode.</summary>
    public static List<InodeReference> All(BtrfsNode node)
    {
        var all = new List<InodeReference>();
        foreach (TreeItem item in node.Tree.Items(node.Inode, ItemType.InodeRef))
        {
            all.AddRange(ReadAll(item.Key, item.Data));
        }

        foreach (TreeItem item in node.Tree.Items(node.Inode, ItemType.InodeExtRef))
        {
            all.AddRange(ReadAllExtended(item.Key, item.Data));
        }

        return all;
    }

    public static List<InodeReference> ReadAll(BtrfsKey key, ReadOnlySpan<byte> item) => Read(key, item, HeaderSize);

    public static List<InodeReference> ReadAllExtended(BtrfsKey key, ReadOnlySpan<byte> item) => Read(key, item, ExtendedHeaderSize);

    private static List<InodeReference> Read(BtrfsKey key, ReadOnlySpan<byte> item, int header)
    {
        var references = new List<InodeReference>(1);
        while (!item.IsEmpty)
        {
            if (item.Length < header || item.Length < header + Le.U16(item, header - 2))
            {
                throw BtrfsErrors.Item(key, "a name in it reaches past its end");
            }

            int length = Le.U16(item, header - 2);
            references.Add(new InodeReference(
                header == HeaderSize ? key.Offset : Le.U64(item, 0), Le.U64(item, header - 10), item.Slice(header, length).ToArray()));
            item = item[(header + length)..];
        }

        return references;
    }
}
