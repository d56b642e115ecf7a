using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>Makes the bytes of file records and attribute headers.</summary>
internal static class RecordWriter
{
    private const int ResidentHeader = 24;
    private const int NonResidentHeader = 64;
    private const int SparseHeader = 72;

    /// <summary>Where the update sequence array of NTFS 3.1 is: the fields before it include the record's number.</summary>
    private const int ArrayOffset = 48;

    /// <summary>Bytes after the last attribute: the end marker, filled up to eight.</summary>
    public const int EndSize = 8;

    /// <summary>Where the attributes of a record begin.</summary>
    public static int FirstAttribute(int recordSize) => Align(ArrayOffset + (Fixups.CountFor(recordSize) * 2));

    /// <summary>A record with attributes, fixups not applied.</summary>
    public static byte[] Make(int size, long number, ushort sequence, ushort links, ushort flags, ulong baseReference, IReadOnlyList<byte[]> attributes)
    {
        var record = new byte[size];
        "FILE"u8.CopyTo(record);
        WriteUInt16LittleEndian(record.AsSpan(4), ArrayOffset);
        WriteUInt16LittleEndian(record.AsSpan(6), (ushort)Fixups.CountFor(size));
        WriteUInt16LittleEndian(record.AsSpan(16), sequence);
        WriteUInt16LittleEndian(record.AsSpan(18), links);
        int at = FirstAttribute(size);
        WriteUInt16LittleEndian(record.AsSpan(20), (ushort)at);
        WriteUInt16LittleEndian(record.AsSpan(22), flags);
        for (int i = 0; i < attributes.Count; i++)
        {
            attributes[i].CopyTo(record, at);
            WriteUInt16LittleEndian(record.AsSpan(at + 14), (ushort)i);
            at += attributes[i].Length;
        }

        WriteUInt32LittleEndian(record.AsSpan(at), AttributeType.End);
        WriteUInt32LittleEndian(record.AsSpan(24), (uint)(at + EndSize));
        WriteUInt32LittleEndian(record.AsSpan(28), (uint)size);
        WriteUInt64LittleEndian(record.AsSpan(32), baseReference);
        WriteUInt16LittleEndian(record.AsSpan(40), (ushort)attributes.Count);
        WriteUInt32LittleEndian(record.AsSpan(44), (uint)number);
        return record;
    }

    /// <summary>Size of a resident attribute.</summary>
    public static int ResidentSize(NtfsAttribute attribute, int valueLength) => Align(Align(ResidentHeader + (attribute.Name.Length * 2)) + valueLength);

    /// <summary>A resident attribute.</summary>
    public static byte[] Resident(NtfsAttribute attribute)
    {
        byte[] value = attribute.Value!;
        var bytes = new byte[ResidentSize(attribute, value.Length)];
        int offset = Align(ResidentHeader + (attribute.Name.Length * 2));
        WriteCommon(bytes, attribute, ResidentHeader);
        WriteUInt32LittleEndian(bytes.AsSpan(16), (uint)value.Length);
        WriteUInt16LittleEndian(bytes.AsSpan(20), (ushort)offset);
        bytes[22] = attribute.IndexedFlag;
        value.CopyTo(bytes, offset);
        return bytes;
    }

    /// <summary>A non-resident attribute, or as much of its runs as fits.</summary>
    /// <param name="attribute">The attribute.</param>
    /// <param name="clusterSize">Bytes in a cluster.</param>
    /// <param name="firstRun">Index of the first run; the index after the last one on return.</param>
    /// <param name="limit">Most bytes that may be used.</param>
    /// <returns>The bytes; null if not even one run fits.</returns>
    public static byte[]? NonResident(NtfsAttribute attribute, int clusterSize, ref int firstRun, int limit)
    {
        bool whole = firstRun == 0;
        bool sparse = whole && (attribute.IsSparse || attribute.IsCompressed);
        int headerSize = sparse ? SparseHeader : NonResidentHeader;
        int offset = Align(headerSize + (attribute.Name.Length * 2));
        if (offset + 8 > limit)
        {
            return null;
        }

        IReadOnlyList<Run> runs = attribute.Runs.Items;
        var bytes = new byte[limit];
        long lowest = whole ? 0 : runs[firstRun].Vcn;
        int pairs = MappingPairs.Encode(runs, ref firstRun, bytes.AsSpan(offset));
        if (pairs == 0)
        {
            return null;
        }

        Array.Resize(ref bytes, Align(offset + pairs));
        WriteCommon(bytes, attribute, headerSize);
        bytes[8] = 1;
        WriteInt64LittleEndian(bytes.AsSpan(16), lowest);
        WriteInt64LittleEndian(bytes.AsSpan(24), (firstRun == 0 ? 0 : runs[firstRun - 1].End) - 1);
        WriteUInt16LittleEndian(bytes.AsSpan(32), (ushort)offset);
        bytes[34] = attribute.IsSparse || attribute.IsCompressed ? attribute.CompressionUnit : (byte)0;
        if (whole)
        {
            WriteInt64LittleEndian(bytes.AsSpan(40), attribute.Runs.ClusterCount * clusterSize);
            WriteInt64LittleEndian(bytes.AsSpan(48), attribute.DataSize);
            WriteInt64LittleEndian(bytes.AsSpan(56), attribute.InitializedSize);
        }

        if (sparse)
        {
            WriteInt64LittleEndian(bytes.AsSpan(64), attribute.Runs.AllocatedClusters * clusterSize);
        }

        return bytes;
    }

    private static int Align(int size) => (size + 7) & ~7;

    private static void WriteCommon(Span<byte> bytes, NtfsAttribute attribute, int headerSize)
    {
        WriteUInt32LittleEndian(bytes, attribute.Type);
        WriteUInt32LittleEndian(bytes[4..], (uint)bytes.Length);
        bytes[9] = (byte)attribute.Name.Length;
        WriteUInt16LittleEndian(bytes[10..], (ushort)headerSize);
        WriteUInt16LittleEndian(bytes[12..], attribute.Flags);
        RecordParser.EncodeName(attribute.Name, bytes[headerSize..]);
    }
}
