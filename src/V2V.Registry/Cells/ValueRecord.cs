using System.Buffers.Binary;

namespace V2V.Registry.Cells;

/// <summary>A value's cell ("vk"): 20 bytes, then the name. Up to four bytes of data lie in the cell itself.</summary>
internal readonly struct ValueRecord
{
    public const int FixedSize = 20;

    public const int DataSizeAt = 4;
    public const int DataAt = 8;
    public const int TypeAt = 12;

    private const ushort CompressedName = 1;
    private const uint Resident = 0x80000000;

    private ValueRecord(uint cell, ReadOnlySpan<byte> bytes, string name)
    {
        Cell = cell;
        Name = name;
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(bytes[DataSizeAt..]);
        IsResident = (size & Resident) != 0;
        DataSize = (int)(size & ~Resident);
        Data = BinaryPrimitives.ReadUInt32LittleEndian(bytes[DataAt..]);
        Type = BinaryPrimitives.ReadUInt32LittleEndian(bytes[TypeAt..]);
    }

    public uint Cell { get; }

    public string Name { get; }

    public int DataSize { get; }

    public bool IsResident { get; }

    /// <summary>The cell of the data, or the data.</summary>
    public uint Data { get; }

    public uint Type { get; }

    public static ValueRecord Read(CellStore cells, uint cell)
    {
        Span<byte> bytes = stackalloc byte[FixedSize];
        cells.Read(cell, 0, bytes);
        int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]);
        if (!bytes.StartsWith("vk"u8) || nameLength > cells.Size(cell) - FixedSize)
        {
            throw HiveErrors.Cell(cell, "is not a value", cells.HiveName);
        }

        Span<byte> name = nameLength <= 512 ? stackalloc byte[nameLength] : new byte[nameLength];
        cells.Read(cell, FixedSize, name);
        return new ValueRecord(cell, bytes, CellText.Decode(name, (BinaryPrimitives.ReadUInt16LittleEndian(bytes[16..]) & CompressedName) != 0));
    }

    /// <summary>Makes the cell of a new value without data.</summary>
    public static uint Create(CellStore cells, string name)
    {
        byte[] stored = CellText.Encode(name, out bool isCompressed);
        byte[] bytes = new byte[FixedSize + stored.Length];
        "vk"u8.CopyTo(bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2), (ushort)stored.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(DataSizeAt), Resident);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(16), isCompressed ? CompressedName : (ushort)0);
        stored.CopyTo(bytes.AsSpan(FixedSize));
        return cells.Allocate(bytes);
    }

    /// <summary>Gives a value's cell its data, after the old data's cells were freed.</summary>
    public static void SetData(CellStore cells, uint cell, uint type, ReadOnlySpan<byte> data, uint minorVersion)
    {
        cells.WriteUInt32(cell, TypeAt, type);
        if (data.Length <= 4)
        {
            Span<byte> inline = stackalloc byte[4];
            inline.Clear();
            data.CopyTo(inline);
            cells.WriteUInt32(cell, DataSizeAt, (uint)data.Length | Resident);
            cells.Write(cell, DataAt, inline);
            return;
        }

        uint content = data.Length > BigData.SegmentSize && minorVersion >= BigData.MinorVersion ? BigData.Create(cells, data) : cells.Allocate(data);
        cells.WriteUInt32(cell, DataSizeAt, (uint)data.Length);
        cells.WriteUInt32(cell, DataAt, content);
    }

    /// <summary>The data.</summary>
    public byte[] ReadData(CellStore cells)
    {
        if (IsResident)
        {
            Span<byte> inline = stackalloc byte[4];
            BinaryPrimitives.WriteUInt32LittleEndian(inline, Data);
            return DataSize <= 4 ? inline[..DataSize].ToArray() : throw HiveErrors.Cell(Cell, "holds more data than fits into it", cells.HiveName);
        }

        if (DataSize == 0)
        {
            return [];
        }

        if (DataSize > BigData.SegmentSize && BigData.Is(cells, Data))
        {
            return BigData.Read(cells, Data, DataSize);
        }

        if (DataSize > cells.Size(Data))
        {
            throw HiveErrors.Cell(Data, "is shorter than the value's data", cells.HiveName);
        }

        byte[] data = new byte[DataSize];
        cells.Read(Data, 0, data);
        return data;
    }

    /// <summary>Frees the cells of the data.</summary>
    public void FreeData(CellStore cells)
    {
        if (IsResident || DataSize == 0)
        {
            return;
        }

        if (DataSize > BigData.SegmentSize && BigData.Is(cells, Data))
        {
            BigData.Free(cells, Data);
        }
        else
        {
            cells.Free(Data);
        }
    }
}
