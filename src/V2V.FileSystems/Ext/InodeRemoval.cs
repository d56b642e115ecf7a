using V2V.FileSystems.Ext.Attributes;

namespace V2V.FileSystems.Ext;

/// <summary>Frees an inode that nothing refers to any more: its attributes, its blocks, itself.</summary>
internal static class InodeRemoval
{
    public static void Remove(ExtVolume volume, Inode inode)
    {
        bool wasDirectory = inode.IsDirectory;
        new AttributeStore(volume, inode).RemoveAll();
        if (HasBlockMap(inode))
        {
            volume.Inodes.MapOf(inode).Truncate(0);
        }

        volume.InodeNumbers.Free(inode, wasDirectory);
        inode.Size = 0;
        inode.Links = 0;
        inode.DeletionTime = (uint)DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        inode.Dirty = true;
    }

    /// <summary>True if the block area of an inode maps blocks: not for short links, inline content and device nodes.</summary>
    public static bool HasBlockMap(Inode inode) => !inode.Has(InodeFlags.InlineData)
        && (inode.IsFile || inode.IsDirectory || (inode.IsSymbolicLink && (inode.Size >= InlineData.AreaSize || inode.Has(InodeFlags.Extents))));
}
