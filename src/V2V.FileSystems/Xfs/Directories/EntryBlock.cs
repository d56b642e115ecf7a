namespace V2V.FileSystems.Xfs.Directories;

/// <summary>An entry of a directory.</summary>
/// <param name="Name">Bytes of the name.</param>
/// <param name="Inode">Inode number.</param>
/// <param name="Type">Code of the type; 0 if the directory stores none.</param>
internal readonly record struct RawEntry(byte[] Name, ulong Inode, byte Type);

/// <summary>
/// Entries and unused ranges in a data block ("Block Directories", "Leaf Directories" of the XFS documentation). All offsets are
/// multiples of 8; two unused ranges are never neighbours; the header lists the three longest.
/// </summary>
internal sealed class EntryBlock(XfsSuperblock super, int size)
{
    private const int FreeTag = 0xFFFF;

    /// <summary>Bytes before the first entry.</summary>
    public int HeaderSize { get; } = super.IsV5 ? 64 : 16;

    /// <summary>Length of an unused range that fills a whole block.</summary>
    public int WholeLength => size - HeaderSize;

    private int BestOffset => super.IsV5 ? 48 : 4;

    /// <summary>Bytes that an entry takes.</summary>
    public int EntrySize(int nameLength) => (8 + 1 + nameLength + (super.HasFileType ? 1 : 0) + 2 + 7) & ~7;

    /// <summary>Offset of the next entry at or behind <paramref name="offset"/>; <paramref name="end"/> if there is none, -1 if the block is damaged.</summary>
    public int Next(ReadOnlySpan<byte> block, int offset, int end)
    {
        while (offset < end)
        {
            if (Be.U16(block, offset) != FreeTag)
            {
                return LengthAt(block, offset, end) > 0 ? offset : -1;
            }

            int length = Be.U16(block, offset + 2);
            if (length == 0 || length % 8 != 0 || offset + length > end)
            {
                return -1;
            }

            offset += length;
        }

        return end;
    }

    /// <summary>Bytes of the entry at an offset; 0 if it does not fit.</summary>
    public int LengthAt(ReadOnlySpan<byte> block, int offset, int end)
    {
        if (offset + 16 > end || block[offset + 8] == 0)
        {
            return 0;
        }

        int length = EntrySize(block[offset + 8]);
        return offset + length <= end ? length : 0;
    }

    public static ulong Inode(ReadOnlySpan<byte> block, int offset) => Be.U64(block, offset);

    public static ReadOnlySpan<byte> Name(ReadOnlySpan<byte> block, int offset) => block.Slice(offset + 9, block[offset + 8]);

    public byte Type(ReadOnlySpan<byte> block, int offset) => super.HasFileType ? block[offset + 9 + block[offset + 8]] : (byte)0;

    public RawEntry Entry(ReadOnlySpan<byte> block, int offset) => new(Name(block, offset).ToArray(), Inode(block, offset), Type(block, offset));

    public void SetInode(Span<byte> block, int offset, ulong inode, byte type)
    {
        Be.Set64(block, offset, inode);
        if (super.HasFileType)
        {
            block[offset + 9 + block[offset + 8]] = type;
        }
    }

    /// <summary>Writes an entry.</summary>
    public void Store(Span<byte> block, int offset, RawEntry entry)
    {
        int length = EntrySize(entry.Name.Length);
        block.Slice(offset, length).Clear();
        block[offset + 8] = (byte)entry.Name.Length;
        entry.Name.CopyTo(block[(offset + 9)..]);
        SetInode(block, offset, entry.Inode, entry.Type);
        Be.Set16(block, offset + length - 2, offset);
    }

    /// <summary>Writes an unused range.</summary>
    public static void StoreFree(Span<byte> block, int offset, int length)
    {
        if (length > 0)
        {
            Be.Set16(block, offset, FreeTag);
            Be.Set16(block, offset + 2, length);
            Be.Set16(block, offset + length - 2, offset);
        }
    }

    /// <summary>Puts an entry into the smallest unused range that takes it; returns its offset, or -1.</summary>
    public int Insert(Span<byte> block, RawEntry entry)
    {
        int needed = EntrySize(entry.Name.Length);
        int best = -1;
        int bestLength = int.MaxValue;
        for (int offset = HeaderSize; offset < size;)
        {
            bool free = Be.U16(block, offset) == FreeTag;
            int length = free ? Be.U16(block, offset + 2) : LengthAt(block, offset, size);
            if (length <= 0 || offset + length > size)
            {
                return -1;
            }

            if (free && length >= needed && length < bestLength)
            {
                (best, bestLength) = (offset, length);
            }

            offset += length;
        }

        if (best >= 0)
        {
            Store(block, best, entry);
            StoreFree(block, best + needed, bestLength - needed);
            Summarise(block, size);
        }

        return best;
    }

    /// <summary>Takes an entry away.</summary>
    public void Remove(Span<byte> block, int offset)
    {
        StoreFree(block, offset, EntrySize(block[offset + 8]));
        Summarise(block, size);
    }

    /// <summary>Joins neighbouring unused ranges up to <paramref name="end"/> and lists the three longest in the header.</summary>
    public void Summarise(Span<byte> block, int end)
    {
        Span<int> lengths = stackalloc int[4];
        Span<int> offsets = stackalloc int[4];
        lengths.Clear();
        int pending = -1;
        for (int offset = HeaderSize; offset <= end;)
        {
            bool free = offset < end && Be.U16(block, offset) == FreeTag;
            if (free && pending < 0)
            {
                pending = offset;
            }
            else if (!free && pending >= 0)
            {
                StoreFree(block, pending, offset - pending);
                int at = 3;
                while (at > 0 && lengths[at - 1] < offset - pending)
                {
                    (lengths[at], offsets[at]) = (lengths[at - 1], offsets[at - 1]);
                    at--;
                }

                (lengths[at], offsets[at]) = (offset - pending, pending);
                pending = -1;
            }

            if (offset == end)
            {
                break;
            }

            int length = free ? Be.U16(block, offset + 2) : LengthAt(block, offset, end);
            if (length <= 0 || offset + length > end)
            {
                throw V2V.Storage.V2VException.Corrupt("XfsDirectoryCorrupt", "A directory block is damaged.");
            }

            offset += length;
        }

        for (int i = 0; i < 3; i++)
        {
            Be.Set16(block, BestOffset + (i * 4), lengths[i] == 0 ? 0 : offsets[i]);
            Be.Set16(block, BestOffset + (i * 4) + 2, lengths[i]);
        }
    }

    /// <summary>Length of the longest unused range.</summary>
    public int Best(ReadOnlySpan<byte> block) => Be.U16(block, BestOffset + 2);
}
