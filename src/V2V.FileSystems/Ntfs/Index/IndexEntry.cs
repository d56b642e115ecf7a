using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>
/// An entry of an index as stored: 16 bytes of header (file reference or place of the data, lengths, flags), the key, the data, and
/// for an entry with a subtree the cluster number of its block in the last eight bytes.
/// </summary>
internal readonly struct IndexEntry(byte[] bytes)
{
    public const int HeaderSize = 16;
    public const ushort SubnodeFlag = 1;
    public const ushort EndFlag = 2;

    public byte[] Bytes { get; } = bytes;

    /// <summary>The file that a directory entry names.</summary>
    public ulong Reference => ReadUInt64LittleEndian(Bytes);

    public ushort Flags => ReadUInt16LittleEndian(Bytes.AsSpan(12));

    public bool IsEnd => (Flags & EndFlag) != 0;

    public bool HasSubnode => (Flags & SubnodeFlag) != 0;

    public Span<byte> Key => Bytes.AsSpan(HeaderSize, ReadUInt16LittleEndian(Bytes.AsSpan(10)));

    /// <summary>The data of an entry of a view index.</summary>
    public Span<byte> Data
    {
        get
        {
            int offset = ReadUInt16LittleEndian(Bytes);
            int length = ReadUInt16LittleEndian(Bytes.AsSpan(2));
            return offset + length <= Bytes.Length ? Bytes.AsSpan(offset, length) : throw NtfsErrors.Index("the data of an entry reaches past its end");
        }
    }

    /// <summary>Where the entries that sort before this one are.</summary>
    public long Subnode => ReadInt64LittleEndian(Bytes.AsSpan(Bytes.Length - 8));

    /// <summary>Reads the entry at the start of a span.</summary>
    public static IndexEntry Parse(ReadOnlySpan<byte> at)
    {
        int length = at.Length < HeaderSize ? 0 : ReadUInt16LittleEndian(at[8..]);
        if (length < HeaderSize || length % 8 != 0 || length > at.Length)
        {
            throw NtfsErrors.Index("an entry has an impossible length");
        }

        var entry = new IndexEntry(at[..length].ToArray());
        int tail = entry.HasSubnode ? 8 : 0;
        return HeaderSize + ReadUInt16LittleEndian(at[10..]) + tail <= length || (entry.IsEnd && HeaderSize + tail <= length)
            ? entry
            : throw NtfsErrors.Index("the key of an entry reaches past its end");
    }

    /// <summary>A directory entry.</summary>
    public static IndexEntry ForFile(ulong reference, ReadOnlySpan<byte> key)
    {
        IndexEntry entry = Make(key, key.Length);
        WriteUInt64LittleEndian(entry.Bytes, reference);
        return entry;
    }

    /// <summary>An entry of a view index.</summary>
    /// <param name="key">The key.</param>
    /// <param name="data">The data.</param>
    /// <param name="trailer">Bytes after the data that do not count as such.</param>
    public static IndexEntry ForView(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, ReadOnlySpan<byte> trailer = default)
    {
        IndexEntry entry = Make(key, key.Length + data.Length + trailer.Length);
        int offset = HeaderSize + key.Length;
        WriteUInt16LittleEndian(entry.Bytes, (ushort)offset);
        WriteUInt16LittleEndian(entry.Bytes.AsSpan(2), (ushort)data.Length);
        data.CopyTo(entry.Bytes.AsSpan(offset));
        trailer.CopyTo(entry.Bytes.AsSpan(offset + data.Length));
        return entry;
    }

    /// <summary>The entry that ends a node.</summary>
    public static IndexEntry End(long? subnode = null)
    {
        var bytes = new byte[HeaderSize];
        WriteUInt16LittleEndian(bytes.AsSpan(8), HeaderSize);
        WriteUInt16LittleEndian(bytes.AsSpan(12), EndFlag);
        return subnode is { } vcn ? new IndexEntry(bytes).WithSubnode(vcn) : new IndexEntry(bytes);
    }

    /// <summary>The same entry with its subtree elsewhere, or with one if it had none.</summary>
    public IndexEntry WithSubnode(long vcn)
    {
        byte[] bytes = HasSubnode ? [.. Bytes] : [.. Bytes, 0, 0, 0, 0, 0, 0, 0, 0];
        WriteUInt16LittleEndian(bytes.AsSpan(8), (ushort)bytes.Length);
        WriteUInt16LittleEndian(bytes.AsSpan(12), (ushort)(Flags | SubnodeFlag));
        WriteInt64LittleEndian(bytes.AsSpan(bytes.Length - 8), vcn);
        return new IndexEntry(bytes);
    }

    /// <summary>The same entry without a subtree.</summary>
    public IndexEntry WithoutSubnode()
    {
        if (!HasSubnode)
        {
            return this;
        }

        byte[] bytes = Bytes[..^8];
        WriteUInt16LittleEndian(bytes.AsSpan(8), (ushort)bytes.Length);
        WriteUInt16LittleEndian(bytes.AsSpan(12), (ushort)(Flags & ~SubnodeFlag));
        return new IndexEntry(bytes);
    }

    private static IndexEntry Make(ReadOnlySpan<byte> key, int contentLength)
    {
        var bytes = new byte[(HeaderSize + contentLength + 7) / 8 * 8];
        WriteUInt16LittleEndian(bytes.AsSpan(8), (ushort)bytes.Length);
        WriteUInt16LittleEndian(bytes.AsSpan(10), (ushort)key.Length);
        key.CopyTo(bytes.AsSpan(HeaderSize));
        return new IndexEntry(bytes);
    }
}
