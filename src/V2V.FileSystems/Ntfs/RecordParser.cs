using System.Runtime.InteropServices;
using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>One attribute header of one record: a whole attribute, or the part of a non-resident one from <paramref name="LowestVcn"/> on.</summary>
internal readonly record struct AttributeSegment(NtfsAttribute Attribute, long LowestVcn, ReadOnlyMemory<byte> Pairs, long Clusters);

/// <summary>A file record's header and its attribute headers.</summary>
internal sealed class ParsedRecord
{
    public required ushort Sequence { get; init; }

    public required ushort LinkCount { get; init; }

    public required ushort Flags { get; init; }

    /// <summary>Reference of the base record; 0 in a base record.</summary>
    public required ulong BaseReference { get; init; }

    public List<AttributeSegment> Segments { get; } = [];
}

/// <summary>Reads file records (magic <c>FILE</c>) after their fixups are undone.</summary>
internal static class RecordParser
{
    private const int HeaderSize = 42;
    private const int ResidentHeader = 24;
    private const int NonResidentHeader = 64;

    /// <summary>Reads the header only.</summary>
    public static ParsedRecord ParseHeader(ReadOnlySpan<byte> record, long number)
    {
        if (!record.StartsWith("FILE"u8))
        {
            throw NtfsErrors.Record(number, record.StartsWith("BAAD"u8) ? "it is marked as bad" : "it has no FILE signature");
        }

        return new ParsedRecord
        {
            Sequence = ReadUInt16LittleEndian(record[16..]),
            LinkCount = ReadUInt16LittleEndian(record[18..]),
            Flags = ReadUInt16LittleEndian(record[22..]),
            BaseReference = ReadUInt64LittleEndian(record[32..]),
        };
    }

    /// <summary>Reads the record with all attribute headers.</summary>
    public static ParsedRecord Parse(byte[] record, long number)
    {
        ParsedRecord parsed = ParseHeader(record, number);
        long used = Math.Min(ReadUInt32LittleEndian(record.AsSpan(24)), (uint)record.Length);
        int at = ReadUInt16LittleEndian(record.AsSpan(20));
        if (at < HeaderSize || at % 8 != 0)
        {
            throw NtfsErrors.Record(number, "its attributes begin at an impossible place");
        }

        while (true)
        {
            if (at + 4 > used)
            {
                throw NtfsErrors.Record(number, "its attributes have no end");
            }

            uint type = ReadUInt32LittleEndian(record.AsSpan(at));
            if (type == AttributeType.End)
            {
                return parsed;
            }

            uint length = at + 8 <= used ? ReadUInt32LittleEndian(record.AsSpan(at + 4)) : 0;
            if (length < ResidentHeader || length % 8 != 0 || length > used - at)
            {
                throw NtfsErrors.Record(number, "an attribute has an impossible length");
            }

            parsed.Segments.Add(ParseAttribute(record.AsMemory(at, (int)length), type, number));
            at += (int)length;
        }
    }

    private static AttributeSegment ParseAttribute(ReadOnlyMemory<byte> memory, uint type, long number)
    {
        ReadOnlySpan<byte> header = memory.Span;
        int nameLength = header[9] * 2;
        int nameOffset = ReadUInt16LittleEndian(header[10..]);
        if (nameLength > 0 && nameOffset + nameLength > header.Length)
        {
            throw NtfsErrors.Record(number, "the name of an attribute reaches past its end");
        }

        string name = nameLength == 0 ? "" : DecodeName(header.Slice(nameOffset, nameLength));
        var attribute = new NtfsAttribute(type, name) { Flags = ReadUInt16LittleEndian(header[12..]) };
        if (header[8] == 0)
        {
            uint length = ReadUInt32LittleEndian(header[16..]);
            int offset = ReadUInt16LittleEndian(header[20..]);
            if (offset + (long)length > header.Length)
            {
                throw NtfsErrors.Record(number, "the value of an attribute reaches past its end");
            }

            attribute.Value = header.Slice(offset, (int)length).ToArray();
            attribute.IndexedFlag = header[22];
            return new AttributeSegment(attribute, 0, default, 0);
        }

        if (header.Length < NonResidentHeader)
        {
            throw NtfsErrors.Record(number, "the header of a non-resident attribute is too short");
        }

        long lowest = ReadInt64LittleEndian(header[16..]);
        long highest = ReadInt64LittleEndian(header[24..]);
        int pairs = ReadUInt16LittleEndian(header[32..]);
        if (lowest < 0 || highest < lowest - 1 || highest == long.MaxValue || pairs > header.Length || pairs < NonResidentHeader)
        {
            throw NtfsErrors.Record(number, "the header of a non-resident attribute contradicts itself");
        }

        attribute.CompressionUnit = header[34];
        if (lowest == 0)
        {
            attribute.DataSize = ReadInt64LittleEndian(header[48..]);
            attribute.InitializedSize = ReadInt64LittleEndian(header[56..]);
            if (attribute.DataSize < 0 || attribute.InitializedSize < 0 || attribute.CompressionUnit > 16)
            {
                throw NtfsErrors.Record(number, "the sizes of an attribute are impossible");
            }

            attribute.InitializedSize = Math.Min(attribute.InitializedSize, attribute.DataSize);
        }

        return new AttributeSegment(attribute, lowest, memory[pairs..], highest + 1 - lowest);
    }

    /// <summary>UTF-16 as stored; unpaired surrogates survive.</summary>
    public static string DecodeName(ReadOnlySpan<byte> bytes)
    {
        if (BitConverter.IsLittleEndian)
        {
            return new string(MemoryMarshal.Cast<byte, char>(bytes));
        }

        var characters = new char[bytes.Length / 2];
        for (int i = 0; i < characters.Length; i++)
        {
            characters[i] = (char)ReadUInt16LittleEndian(bytes[(i * 2)..]);
        }

        return new string(characters);
    }

    /// <summary>The stored form of a name.</summary>
    public static void EncodeName(string name, Span<byte> target)
    {
        for (int i = 0; i < name.Length; i++)
        {
            WriteUInt16LittleEndian(target[(i * 2)..], name[i]);
        }
    }
}
