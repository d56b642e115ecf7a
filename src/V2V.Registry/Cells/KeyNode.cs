using System.Buffers.Binary;

namespace V2V.Registry.Cells;

/// <summary>A key's cell ("nk"): 76 bytes, then the name.</summary>
internal readonly struct KeyNode
{
    public const int FixedSize = 76;

    public const int WrittenAt = 4;
    public const int SubkeyCountAt = 20;
    public const int SubkeyListAt = 28;
    public const int ValueCountAt = 36;
    public const int ValueListAt = 40;
    public const int SecurityAt = 44;
    public const int ClassAt = 48;
    public const int LongestSubkeyAt = 52;
    public const int LongestValueNameAt = 60;
    public const int LongestValueDataAt = 64;

    private const int ParentAt = 16;
    private const int NameLengthAt = 72;
    private const int ClassLengthAt = 74;
    private const ushort CompressedName = 0x20;

    /// <summary>No more subkeys or values than this: 16 times what a registry of 2 GiB could hold of real ones.</summary>
    private const uint MaxCount = 16 << 20;

    private KeyNode(uint cell, ReadOnlySpan<byte> bytes, string name)
    {
        Cell = cell;
        Name = name;
        Written = BinaryPrimitives.ReadInt64LittleEndian(bytes[WrittenAt..]);
        SubkeyCount = (int)BinaryPrimitives.ReadUInt32LittleEndian(bytes[SubkeyCountAt..]);
        SubkeyList = BinaryPrimitives.ReadUInt32LittleEndian(bytes[SubkeyListAt..]);
        ValueCount = (int)BinaryPrimitives.ReadUInt32LittleEndian(bytes[ValueCountAt..]);
        ValueList = BinaryPrimitives.ReadUInt32LittleEndian(bytes[ValueListAt..]);
        Security = BinaryPrimitives.ReadUInt32LittleEndian(bytes[SecurityAt..]);
        Class = BinaryPrimitives.ReadUInt32LittleEndian(bytes[ClassAt..]);
        ClassLength = BinaryPrimitives.ReadUInt16LittleEndian(bytes[ClassLengthAt..]);
    }

    public uint Cell { get; }

    public string Name { get; }

    public long Written { get; }

    public int SubkeyCount { get; }

    public uint SubkeyList { get; }

    public int ValueCount { get; }

    public uint ValueList { get; }

    public uint Security { get; }

    public uint Class { get; }

    public int ClassLength { get; }

    /// <summary>Reads and checks a key's cell.</summary>
    public static KeyNode Read(CellStore cells, uint cell)
    {
        Span<byte> bytes = stackalloc byte[FixedSize];
        cells.Read(cell, 0, bytes);
        int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(bytes[NameLengthAt..]);
        if (!bytes.StartsWith("nk"u8) || nameLength > cells.Size(cell) - FixedSize
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes[SubkeyCountAt..]) > MaxCount || BinaryPrimitives.ReadUInt32LittleEndian(bytes[ValueCountAt..]) > MaxCount)
        {
            throw HiveErrors.Cell(cell, "is not a key", cells.HiveName);
        }

        Span<byte> name = nameLength <= 512 ? stackalloc byte[nameLength] : new byte[nameLength];
        cells.Read(cell, FixedSize, name);
        return new KeyNode(cell, bytes, CellText.Decode(name, (BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]) & CompressedName) != 0));
    }

    /// <summary>Makes the cell of a new key without subkeys and values.</summary>
    public static uint Create(CellStore cells, string name, uint parent, uint security, long written)
    {
        byte[] stored = CellText.Encode(name, out bool isCompressed);
        byte[] bytes = new byte[FixedSize + stored.Length];
        "nk"u8.CopyTo(bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2), isCompressed ? CompressedName : (ushort)0);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(WrittenAt), written);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(ParentAt), parent);
        foreach (int reference in (ReadOnlySpan<int>)[SubkeyListAt, 32, ValueListAt, ClassAt])
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(reference), CellStore.None);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(SecurityAt), security);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(NameLengthAt), (ushort)stored.Length);
        stored.CopyTo(bytes.AsSpan(FixedSize));
        return cells.Allocate(bytes);
    }
}
