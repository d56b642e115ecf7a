namespace V2V.FileSystems.Ext.Attributes;

/// <summary>One extended attribute of an inode.</summary>
/// <param name="Index">Code of the name's prefix (e_name_index).</param>
/// <param name="Name">The bytes of the name after the prefix.</param>
/// <param name="Value">The value; empty if it is in an inode of its own.</param>
/// <param name="ValueInode">Inode that holds the value, or 0.</param>
/// <param name="ValueSize">Size of the value in bytes.</param>
/// <param name="Hash">Stored hash of name and value.</param>
internal sealed record AttributeEntry(byte Index, byte[] Name, byte[] Value, uint ValueInode, int ValueSize, uint Hash)
{
    /// <summary>Size of the entry without its value.</summary>
    public int EntrySize => AttributeArea.EntryHeaderSize + ((Name.Length + 3) & ~3);

    /// <summary>Room that the value takes beside the entries.</summary>
    public int StoredValueSize => ValueInode != 0 ? 0 : (ValueSize + 3) & ~3;

    public bool Is(byte index, ReadOnlySpan<byte> name) => Index == index && name.SequenceEqual(Name);
}
