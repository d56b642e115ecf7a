namespace V2V.FileSystems.Ext.Attributes;

/// <summary>
/// Reads and writes the two places of extended attributes: the rest of a large inode, and a block of their own
/// (kernel documentation, filesystems/ext4, "Extended Attributes").
/// </summary>
internal static class AttributeArea
{
    public const uint Magic = 0xEA020000;
    public const int EntryHeaderSize = 16;
    public const int BlockHeaderSize = 32;
    private const int MaxValueSize = 1 << 24;

    /// <summary>The attribute area of an inode: from its magic number to its end. Empty if it has none.</summary>
    public static Span<byte> InInode(Inode inode)
    {
        int start = 128 + inode.ExtraSize;
        return inode.Raw.Length - start >= 8 ? inode.Raw.AsSpan(start) : [];
    }

    /// <summary>The entries in an inode's body.</summary>
    public static List<AttributeEntry> ReadInode(Inode inode)
    {
        Span<byte> area = InInode(inode);
        return area.IsEmpty || Le.U32(area, 0) != Magic ? [] : Read(area[4..], 0, inode.Number);
    }

    /// <summary>The entries in a block.</summary>
    public static List<AttributeEntry> ReadBlock(ReadOnlySpan<byte> block, uint inode)
    {
        if (Le.U32(block, 0) != Magic || Le.U32(block, 8) != 1)
        {
            throw ExtErrors.Attributes(inode, "their block has no valid header");
        }

        return Read(block, BlockHeaderSize, inode);
    }

    /// <summary>Finds where the attribute system.data of an inode keeps its value.</summary>
    public static bool FindInlineData(Inode inode, out int offset, out int length)
    {
        offset = 0;
        length = 0;
        Span<byte> area = InInode(inode);
        if (area.IsEmpty || Le.U32(area, 0) != Magic)
        {
            return false;
        }

        Span<byte> entries = area[4..];
        int place = 0;
        foreach (AttributeEntry entry in Read(entries, 0, inode.Number))
        {
            if (AttributeName.IsInlineData(entry))
            {
                length = entry.ValueSize;
                offset = length == 0 ? 0 : inode.Raw.Length - entries.Length + Le.U16(entries, place + 2);
                return entry.ValueInode == 0 && offset + length <= inode.Raw.Length;
            }

            place += entry.EntrySize;
        }

        return false;
    }

    /// <summary>Bytes that entries take in an area, with the terminator.</summary>
    public static int SizeOf(IEnumerable<AttributeEntry> entries) => entries.Sum(e => e.EntrySize + e.StoredValueSize) + 4;

    /// <summary>Writes entries into an area whose value offsets count from its start; values fill it from the end.</summary>
    public static void Write(Span<byte> area, int first, IReadOnlyList<AttributeEntry> entries)
    {
        area[first..].Clear();
        int place = first;
        int valueEnd = area.Length;
        foreach (AttributeEntry entry in entries)
        {
            area[place] = (byte)entry.Name.Length;
            area[place + 1] = entry.Index;
            if (entry.ValueInode == 0 && entry.ValueSize > 0)
            {
                valueEnd -= entry.StoredValueSize;
                Le.Set16(area, place + 2, (uint)valueEnd);
                entry.Value.CopyTo(area[valueEnd..]);
            }

            Le.Set32(area, place + 4, entry.ValueInode);
            Le.Set32(area, place + 8, (uint)entry.ValueSize);
            Le.Set32(area, place + 12, entry.Hash);
            entry.Name.CopyTo(area[(place + EntryHeaderSize)..]);
            place += entry.EntrySize;
        }
    }

    private static List<AttributeEntry> Read(ReadOnlySpan<byte> area, int first, uint inode)
    {
        var entries = new List<AttributeEntry>();
        int place = first;
        while (true)
        {
            if (place > area.Length - 4)
            {
                throw ExtErrors.Attributes(inode, "their list has no end");
            }

            if (Le.U32(area, place) == 0)
            {
                return entries;
            }

            int nameLength = area[place];
            if (place > area.Length - EntryHeaderSize - nameLength)
            {
                throw ExtErrors.Attributes(inode, "a name reaches past the end");
            }

            uint valueInode = Le.U32(area, place + 4);
            uint size = Le.U32(area, place + 8);
            int offset = Le.U16(area, place + 2);
            if (size > MaxValueSize || (valueInode == 0 && size > 0 && offset + size > area.Length))
            {
                throw ExtErrors.Attributes(inode, "a value reaches past the end");
            }

            entries.Add(new AttributeEntry(
                area[place + 1],
                area.Slice(place + EntryHeaderSize, nameLength).ToArray(),
                valueInode == 0 && size > 0 ? area.Slice(offset, (int)size).ToArray() : [],
                valueInode,
                (int)size,
                Le.U32(area, place + 12)));
            place += entries[^1].EntrySize;
        }
    }
}
