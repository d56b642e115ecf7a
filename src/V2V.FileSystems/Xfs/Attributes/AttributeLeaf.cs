namespace V2V.FileSystems.Xfs.Attributes;

/// <summary>
/// The layout of a leaf of extended attributes ("Leaf Attributes" of the XFS documentation): sorted entries of 8 bytes grow from the
/// header, names with values from the end.
/// </summary>
internal sealed class AttributeLeaf(XfsSuperblock super)
{
    private const int EntrySize = 8;

    /// <summary>What the name of a remote value takes beside itself: 9 bytes are used, but two more belong to it.</summary>
    private const int RemoteSize = 11;

    private int InfoSize => super.IsV5 ? 56 : 12;

    private int HeaderSize => super.IsV5 ? 80 : 32;

    /// <summary>Bytes for entries, names and values.</summary>
    public int Capacity => super.BlockSize - HeaderSize;

    /// <summary>Bytes that an attribute takes with its entry.</summary>
    public static int SizeOf(AttributeEntry entry) => EntrySize + NameSize(entry);

    /// <summary>True if a value is kept apart from its name.</summary>
    public bool IsRemote(int nameLength, int valueLength) => Round(3 + nameLength + valueLength) >= (super.BlockSize >> 1) + (super.BlockSize >> 2);

    /// <summary>The attributes in a block, or null if it is damaged.</summary>
    public List<AttributeEntry>? Read(ReadOnlySpan<byte> block)
    {
        int count = Be.U16(block, InfoSize);
        if (HeaderSize + (count * EntrySize) > block.Length)
        {
            return null;
        }

        var entries = new List<AttributeEntry>(count);
        for (int i = 0; i < count; i++)
        {
            int at = HeaderSize + (i * EntrySize);
            int place = Be.U16(block, at + 4);
            byte flags = block[at + 6];
            bool local = (flags & AttributeEntry.Local) != 0;
            int fixedSize = local ? 3 : 9;
            if (place < HeaderSize || place + fixedSize > block.Length)
            {
                return null;
            }

            int nameLength = block[place + fixedSize - 1];
            int valueLength = local ? Be.U16(block, place) : 0;
            if (place + fixedSize + nameLength + valueLength > block.Length)
            {
                return null;
            }

            byte[] name = block.Slice(place + fixedSize, nameLength).ToArray();
            if (local)
            {
                entries.Add(new AttributeEntry(flags, name, block.Slice(place + 3 + nameLength, valueLength).ToArray()));
                continue;
            }

            uint length = Be.U32(block, place + 4);
            if (length > AttributeStore.MaxValue)
            {
                return null;
            }

            entries.Add(new AttributeEntry(flags, name, null, Be.U32(block, place), (int)length));
        }

        return entries;
    }

    /// <summary>Fills a block, whose link header is in place, with attributes in the order of their hashes.</summary>
    public void Write(Span<byte> block, IReadOnlyList<(uint Hash, AttributeEntry Entry)> entries)
    {
        block[InfoSize..].Clear();
        int place = block.Length;
        int used = 0;
        for (int i = 0; i < entries.Count; i++)
        {
            AttributeEntry entry = entries[i].Entry;
            int size = NameSize(entry);
            place -= size;
            used += size;
            int at = HeaderSize + (i * EntrySize);
            Be.Set32(block, at, entries[i].Hash);
            Be.Set16(block, at + 4, place);
            block[at + 6] = (byte)((entry.Flags & ~AttributeEntry.Local) | (entry.Value is null ? 0 : AttributeEntry.Local));
            int fixedSize = entry.Value is null ? 9 : 3;
            if (entry.Value is null)
            {
                Be.Set32(block, place, entry.ValueBlock);
                Be.Set32(block, place + 4, (uint)entry.ValueLength);
            }
            else
            {
                Be.Set16(block, place, entry.Value.Length);
                entry.Value.CopyTo(block[(place + 3 + entry.Name.Length)..]);
            }

            block[place + fixedSize - 1] = (byte)entry.Name.Length;
            entry.Name.CopyTo(block[(place + fixedSize)..]);
        }

        int end = HeaderSize + (entries.Count * EntrySize);
        Be.Set16(block, InfoSize, entries.Count);
        Be.Set16(block, InfoSize + 2, used);

        // 65536 does not fit: 0 stands for it.
        Be.Set16(block, InfoSize + 4, place & 0xFFFF);
        Be.Set16(block, InfoSize + 8, end);
        Be.Set16(block, InfoSize + 10, place - end);
    }

    private static int Round(int size) => (size + 3) & ~3;

    private static int NameSize(AttributeEntry entry) =>
        entry.Value is null ? Round(RemoteSize + entry.Name.Length) : Round(3 + entry.Name.Length + entry.Value.Length);
}
