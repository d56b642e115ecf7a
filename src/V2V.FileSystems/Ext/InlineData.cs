using V2V.FileSystems.Ext.Attributes;

namespace V2V.FileSystems.Ext;

/// <summary>
/// Content stored in the inode itself: the first 60 bytes in the block area, the rest as the value of the attribute
/// <c>system.data</c> in the inode's body (kernel documentation, filesystems/ext4, "Inline Data").
/// </summary>
internal static class InlineData
{
    public const int AreaSize = 60;

    /// <summary>The part of the content in the inode's attribute area, in place.</summary>
    public static Span<byte> Tail(Inode inode) => AttributeArea.FindInlineData(inode, out int offset, out int length)
        ? inode.Raw.AsSpan(offset, length)
        : throw ExtErrors.Inode(inode.Number, "its inline data is missing");

    /// <summary>The whole content of a file or link.</summary>
    public static byte[] Read(Inode inode)
    {
        Span<byte> tail = Tail(inode);
        if (inode.Size > AreaSize + tail.Length)
        {
            throw ExtErrors.Inode(inode.Number, "its inline data is shorter than its size");
        }

        var content = new byte[inode.Size];
        int head = Math.Min(content.Length, AreaSize);
        inode.BlockArea[..head].CopyTo(content);
        tail[..(content.Length - head)].CopyTo(content.AsSpan(head));
        return content;
    }

    /// <summary>Replaces the content where it fits into the inode; false, with nothing changed, if it does not.</summary>
    public static bool TryStore(ExtVolume volume, Inode inode, byte[] content)
    {
        ReadOnlySpan<byte> tail = content.Length > AreaSize ? content.AsSpan(AreaSize) : [];
        if (!new AttributeStore(volume, inode).TrySetInlineData(tail))
        {
            return false;
        }

        inode.BlockArea.Clear();
        content.AsSpan(0, Math.Min(content.Length, AreaSize)).CopyTo(inode.BlockArea);
        inode.Dirty = true;
        return true;
    }

    /// <summary>Gives the inode an empty block map instead of inline content.</summary>
    public static void Remove(ExtVolume volume, Inode inode)
    {
        new AttributeStore(volume, inode).RemoveInlineData();
        inode.Flags &= ~InodeFlags.InlineData;
        inode.BlockArea.Clear();
        inode.Map = null;
        if (volume.Super.Has(ExtIncompat.Extents))
        {
            Mapping.ExtentMap.Initialize(inode);
        }

        inode.Dirty = true;
    }

    /// <summary>Puts content back that <see cref="Remove"/> took out.</summary>
    public static void Restore(ExtVolume volume, Inode inode, byte[] content)
    {
        inode.Map = null;
        inode.Flags = (inode.Flags & ~InodeFlags.Extents) | InodeFlags.InlineData;
        TryStore(volume, inode, content);
    }
}
