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
}
