namespace V2V.FileSystems.Ext.Directories;

/// <summary>One entry of a directory as it is stored.</summary>
/// <param name="Inode">Inode number.</param>
/// <param name="Type">File type code of the entry; 0 if the directory does not store it.</param>
/// <param name="Name">The bytes of the name.</param>
internal readonly record struct RawEntry(uint Inode, byte Type, byte[] Name)
{
    public bool IsDots => Name is [(byte)'.'] or [(byte)'.', (byte)'.'];
}

/// <summary>Where an entry is: byte offsets in a region (a block, or a part of an inode).</summary>
/// <param name="Offset">Start of the entry.</param>
/// <param name="Length">Its rec_len.</param>
/// <param name="Previous">Start of the entry before it in the same region; -1 if it is the first.</param>
internal readonly record struct EntryPlace(int Offset, int Length, int Previous);
