namespace V2V.FileSystems.Ext.Directories;

/// <summary>
/// A run of linked directory entries that exactly fills a region: a directory block, or the inline area of an inode
/// (kernel documentation, filesystems/ext4, "Linear (Classic) Directories").
/// </summary>
internal readonly ref struct EntryRegion(Span<byte> raw, uint directory, ExtVolume volume)
{
    public const int HeaderSize = 8;
    public const byte TailType = 0xDE;
    public const int TailSize = 12;

    private readonly Span<byte> _raw = raw;

    private bool HasTypes => volume.Super.Has(ExtIncompat.FileType);

    /// <summary>Bytes that an entry with a name of a length needs.</summary>
    public static int Needed(int nameLength) => (HeaderSize + nameLength + 3) & ~3;

    /// <summary>A stored rec_len as a number of bytes; blocks of 64 KiB need an escape.</summary>
    public static int DecodeLength(ushort stored, int blockSize) => blockSize < 65536
        ? stored
        : stored is ushort.MaxValue or 0 ? blockSize : (stored & 0xFFFC) | ((stored & 3) << 16);

    /// <summary>Number of bytes as it is stored in rec_len.</summary>
    public static ushort EncodeLength(int length) => length == 65536 ? ushort.MaxValue : (ushort)length;

    public int LengthAt(int offset) => DecodeLength(Le.U16(_raw, offset + 4), volume.BlockSize);

    public uint InodeAt(int offset) => Le.U32(_raw, offset);

    public int NameLengthAt(int offset) => HasTypes ? _raw[offset + 6] : Le.U16(_raw, offset + 6);

    public byte TypeAt(int offset) => HasTypes ? (byte)(_raw[offset + 7] & 0xF) : (byte)0;

    public ReadOnlySpan<byte> NameAt(int offset) => _raw.Slice(offset + HeaderSize, NameLengthAt(offset));

    /// <summary>Steps through the region: call with -1 first; returns the next entry's offset, or -1 at the end. Checks each entry.</summary>
    public int Next(int offset)
    {
        int next = offset < 0 ? 0 : offset + LengthAt(offset);
        if (next == _raw.Length)
        {
            return -1;
        }

        if (next > _raw.Length - HeaderSize)
        {
            throw ExtErrors.Directory(directory, "an entry reaches past the end of its block");
        }

        int length = LengthAt(next);
        if (length < HeaderSize || length % 4 != 0 || length > _raw.Length - next
            || (InodeAt(next) != 0 && (Needed(NameLengthAt(next)) > length || NameLengthAt(next) is 0 or > 255)))
        {
            throw ExtErrors.Directory(directory, FormattableString.Invariant($"the entry at byte {next} is not valid"));
        }

        if (InodeAt(next) > volume.Super.InodeCount)
        {
            throw ExtErrors.Directory(directory, "an entry names an inode that does not exist");
        }

        return next;
    }

    /// <summary>Finds an entry by its name.</summary>
    public bool TryFind(ReadOnlySpan<byte> name, out EntryPlace place)
    {
        int previous = -1;
        for (int offset = Next(-1); offset >= 0; offset = Next(offset))
        {
            if (InodeAt(offset) != 0 && NameAt(offset).SequenceEqual(name))
            {
                place = new EntryPlace(offset, LengthAt(offset), previous);
                return true;
            }

            previous = offset;
        }

        place = default;
        return false;
    }

    /// <summary>The entries in use.</summary>
    public void Collect(List<RawEntry> entries)
    {
        for (int offset = Next(-1); offset >= 0; offset = Next(offset))
        {
            if (InodeAt(offset) != 0)
            {
                entries.Add(new RawEntry(InodeAt(offset), TypeAt(offset), NameAt(offset).ToArray()));
            }
        }
    }

    /// <summary>Adds an entry where there is room; false if there is none.</summary>
    public bool TryInsert(ReadOnlySpan<byte> name, uint inode, byte type)
    {
        int needed = Needed(name.Length);
        for (int offset = Next(-1); offset >= 0; offset = Next(offset))
        {
            int length = LengthAt(offset);
            int used = InodeAt(offset) == 0 ? 0 : Needed(NameLengthAt(offset));
            if (length - used >= needed)
            {
                if (used > 0)
                {
                    SetLength(offset, used);
                }

                Write(offset + used, length - used, name, inode, type);
                return true;
            }
        }

        return false;
    }

    /// <summary>Removes an entry: its room goes to the entry before it.</summary>
    public void Remove(EntryPlace place)
    {
        if (place.Previous >= 0)
        {
            SetLength(place.Previous, LengthAt(place.Previous) + place.Length);
        }

        Le.Set32(_raw, place.Offset, 0);
    }

    /// <summary>Lets an entry name another inode.</summary>
    public void Replace(EntryPlace place, uint inode, byte type)
    {
        Le.Set32(_raw, place.Offset, inode);
        if (HasTypes)
        {
            _raw[place.Offset + 7] = type;
        }
    }

    /// <summary>Writes an entry of a length.</summary>
    public void Write(int offset, int length, ReadOnlySpan<byte> name, uint inode, byte type)
    {
        Le.Set32(_raw, offset, inode);
        SetLength(offset, length);
        Le.Set16(_raw, offset + 6, (uint)name.Length);
        if (HasTypes)
        {
            _raw[offset + 7] = type;
        }

        name.CopyTo(_raw[(offset + HeaderSize)..]);
    }

    private void SetLength(int offset, int length) => Le.Set16(_raw, offset + 4, EncodeLength(length));
}
