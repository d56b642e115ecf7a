namespace V2V.FileSystems.Btrfs.Files;

/// <summary>
/// An entry of a directory, or an extended attribute (On-disk Format, "DIR_ITEM", "DIR_INDEX", "XATTR_ITEM"). Those whose names have the
/// same hash share one item.
/// </summary>
/// <param name="Location">Key of the inode, or of the subvolume.</param>
/// <param name="Type">Type of the file; 8 for an attribute.</param>
/// <param name="Name">The name.</param>
/// <param name="Value">Value of an attribute.</param>
/// <param name="Offset">Where the entry begins in its item.</param>
/// <param name="Length">Bytes that it takes.</param>
internal sealed record DirectoryItem(BtrfsKey Location, byte Type, byte[] Name, byte[] Value, int Offset, int Length)
{
    public const int HeaderSize = 30;
    public const byte AttributeType = 8;

    /// <summary>Type of a file by the code in a directory; null for none.</summary>
    public GuestFileType? FileType => DirectoryEntryCode.ToType(Type);

    /// <summary>The entries of an item.</summary>
    public static List<DirectoryItem> ReadAll(ReadOnlySpan<byte> item)
    {
        var entries = new List<DirectoryItem>(1);
        for (int at = 0; at < item.Length;)
        {
            ReadOnlySpan<byte> raw = item[at..];
            int valueLength = raw.Length < HeaderSize ? 0 : Le.U16(raw, 25);
            int nameLength = raw.Length < HeaderSize ? 0 : Le.U16(raw, 27);
            if (raw.Length < HeaderSize + nameLength + valueLength || nameLength == 0)
            {
                throw BtrfsErrors.Item(BtrfsKey.Read(raw.Length < BtrfsKey.Size ? new byte[BtrfsKey.Size] : raw), "a name in it reaches past its end");
            }

            int length = HeaderSize + nameLength + valueLength;
            entries.Add(new DirectoryItem(
                BtrfsKey.Read(raw), raw[29], raw.Slice(HeaderSize, nameLength).ToArray(), raw.Slice(HeaderSize + nameLength, valueLength).ToArray(), at, length));
            at += length;
        }

        return entries;
    }

    /// <summary>The entry with a name, or null.</summary>
    public static DirectoryItem? Find(ReadOnlySpan<byte> item, ReadOnlySpan<byte> name)
    {
        foreach (DirectoryItem entry in ReadAll(item))
        {
            if (name.SequenceEqual(entry.Name))
            {
                return entry;
            }
        }

        return null;
    }

    /// <summary>The bytes of a new entry.</summary>
    public static byte[] Make(BtrfsKey location, ulong transaction, byte type, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var raw = new byte[HeaderSize + name.Length + value.Length];
        location.Write(raw);
        Le.Set64(raw, 17, transaction);
        Le.Set16(raw, 25, (uint)value.Length);
        Le.Set16(raw, 27, (uint)name.Length);
        raw[29] = type;
        name.CopyTo(raw.AsSpan(HeaderSize));
        value.CopyTo(raw.AsSpan(HeaderSize + name.Length));
        return raw;
    }
}
