using System.Buffers.Binary;

namespace V2V.FileSystems.Fat;

/// <summary>A file as its directory describes it.</summary>
/// <param name="Name">The long name, or the short one where there is no other.</param>
/// <param name="Alias">The short name.</param>
/// <param name="Slot">Number of its short entry in the directory.</param>
/// <param name="LongSlots">Number of long-name entries in front of it.</param>
/// <param name="Offset">Byte offset of the short entry in the volume.</param>
/// <param name="Raw">The short entry (Microsoft FAT specification 1.03, section 6).</param>
internal sealed record FatNode(string Name, string Alias, int Slot, int LongSlots, long Offset, byte[] Raw)
{
    public bool IsDirectory => (Raw[11] & FatDirectory.AttributeDirectory) != 0;

    public bool IsReadOnly => (Raw[11] & FatDirectory.AttributeReadOnly) != 0;

    /// <summary>Size of a file in bytes; directories store 0.</summary>
    public uint Size
    {
        get => BinaryPrimitives.ReadUInt32LittleEndian(Raw.AsSpan(28));
        set => BinaryPrimitives.WriteUInt32LittleEndian(Raw.AsSpan(28), value);
    }

    public DateTimeOffset ModifiedTime => FatTime.Decode(BinaryPrimitives.ReadUInt16LittleEndian(Raw.AsSpan(24)), BinaryPrimitives.ReadUInt16LittleEndian(Raw.AsSpan(22)));

    public DateTimeOffset AccessTime => FatTime.Decode(BinaryPrimitives.ReadUInt16LittleEndian(Raw.AsSpan(18)), 0);

    /// <summary>First cluster; 0 for an empty file.</summary>
    /// <param name="bits">Width of the table's entries: only FAT32 has the upper half.</param>
    public uint Cluster(int bits) =>
        BinaryPrimitives.ReadUInt16LittleEndian(Raw.AsSpan(26)) | (bits == 32 ? (uint)BinaryPrimitives.ReadUInt16LittleEndian(Raw.AsSpan(20)) << 16 : 0);

    /// <summary>Sets the first cluster of a short entry.</summary>
    public static void SetCluster(Span<byte> entry, uint cluster)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(entry[20..], (ushort)(cluster >> 16));
        BinaryPrimitives.WriteUInt16LittleEndian(entry[26..], (ushort)cluster);
    }

    /// <summary>Sets the time of the last write and the day of the last access.</summary>
    public static void SetModified(Span<byte> entry, DateTimeOffset value)
    {
        (ushort date, ushort time) = FatTime.Encode(value);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[22..], time);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[24..], date);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[18..], date);
    }

    /// <summary>Makes a short entry without a name.</summary>
    public static byte[] MakeEntry(byte attributes, uint cluster, DateTimeOffset time)
    {
        var entry = new byte[FatDirectory.SlotSize];
        entry[11] = attributes;
        SetCluster(entry, cluster);
        SetModified(entry, time);
        entry.AsSpan(22, 4).CopyTo(entry.AsSpan(14));
        return entry;
    }
}
