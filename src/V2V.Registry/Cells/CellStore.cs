using System.Buffers.Binary;

namespace V2V.Registry.Cells;

/// <summary>
/// The cells of a hive. A cell is a signed length, negative while it is in use, and its content; cells fill the bins ("hbin") without gaps, and are
/// known by their offset from the first bin. New cells go into cells freed in this session or into a new bin at the end: Windows makes its lists of
/// free cells anew when it loads a hive, so nothing but the cells themselves has to say what is free.
/// </summary>
internal sealed class CellStore(HivePages pages, BaseBlock block)
{
    /// <summary>No cell.</summary>
    public const uint None = uint.MaxValue;

    private const int BinHeader = 32;
    private const int Alignment = 8;
    private const int Head = 4;

    /// <summary>Content of the smallest cell that is worth splitting off.</summary>
    private const int MinSplit = 16;

    private readonly List<(uint Cell, int Size)> _free = [];

    /// <summary>Name of the hive, for errors.</summary>
    public string HiveName => pages.Name;

    /// <summary>Bytes of a cell's content.</summary>
    public int Size(uint cell) => -SizeWithHead(cell) - Head;

    /// <summary>Reads part of a cell's content.</summary>
    public void Read(uint cell, int offset, Span<byte> buffer)
    {
        if (offset < 0 || buffer.Length > Size(cell) - offset)
        {
            throw HiveErrors.Cell(cell, "is shorter than its content", HiveName);
        }

        pages.Read(Position(cell) + Head + offset, buffer);
    }

    /// <summary>Reads a 32-bit number in a cell's content.</summary>
    public uint ReadUInt32(uint cell, int offset)
    {
        Span<byte> value = stackalloc byte[4];
        Read(cell, offset, value);
        return BinaryPrimitives.ReadUInt32LittleEndian(value);
    }

    /// <summary>Writes part of a cell's content.</summary>
    public void Write(uint cell, int offset, ReadOnlySpan<byte> data)
    {
        if (offset < 0 || data.Length > Size(cell) - offset)
        {
            throw HiveErrors.Cell(cell, "is shorter than its content", HiveName);
        }

        pages.Write(Position(cell) + Head + offset, data);
    }

    /// <summary>Writes a 32-bit number in a cell's content.</summary>
    public void WriteUInt32(uint cell, int offset, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        Write(cell, offset, bytes);
    }

    /// <summary>Takes a new cell with zeroed content of at least <paramref name="length"/> bytes.</summary>
    public uint Allocate(int length)
    {
        int size = (length + Head + Alignment - 1) / Alignment * Alignment;
        int found = _free.FindIndex(f => f.Size >= size);
        (uint cell, int available) = found >= 0 ? _free[found] : AddBin(size);
        if (found >= 0)
        {
            _free.RemoveAt(found);
        }

        if (available - size >= MinSplit)
        {
            AddFree(cell + (uint)size, available - size);
        }
        else
        {
            size = available;
        }

        byte[] content = new byte[size];
        BinaryPrimitives.WriteInt32LittleEndian(content, -size);
        pages.Write(Position(cell), content);
        return cell;
    }

    /// <summary>Takes a new cell with a content.</summary>
    public uint Allocate(ReadOnlySpan<byte> content)
    {
        uint cell = Allocate(content.Length);
        Write(cell, 0, content);
        return cell;
    }

    /// <summary>Frees a cell.</summary>
    public void Free(uint cell) => AddFree(cell, -SizeWithHead(cell));

    private static long Position(uint cell) => BaseBlock.Size + (long)cell;

    private int SizeWithHead(uint cell)
    {
        if (cell < BinHeader || cell % Alignment != 0 || cell >= block.BinsSize)
        {
            throw HiveErrors.Cell(cell, "lies outside the bins", HiveName);
        }

        Span<byte> head = stackalloc byte[Head];
        pages.Read(Position(cell), head);
        int size = BinaryPrimitives.ReadInt32LittleEndian(head);
        return size < 0 && size != int.MinValue && -size >= Alignment && -size <= block.BinsSize - cell
            ? size
            : throw HiveErrors.Cell(cell, size > 0 ? "is referred to without being in use" : "has an impossible length", HiveName);
    }

    private void AddFree(uint cell, int size)
    {
        Span<byte> head = stackalloc byte[Head];
        BinaryPrimitives.WriteInt32LittleEndian(head, size);
        pages.Write(Position(cell), head);
        _free.Add((cell, size));
    }

    private (uint Cell, int Size) AddBin(int cellSize)
    {
        uint start = block.BinsSize;
        int binSize = (cellSize + BinHeader + BaseBlock.Size - 1) / BaseBlock.Size * BaseBlock.Size;
        if (start + (long)binSize > int.MaxValue)
        {
            throw HiveErrors.TooLarge(HiveName);
        }

        byte[] bin = new byte[binSize];
        "hbin"u8.CopyTo(bin);
        BinaryPrimitives.WriteUInt32LittleEndian(bin.AsSpan(4), start);
        BinaryPrimitives.WriteInt32LittleEndian(bin.AsSpan(8), binSize);
        BinaryPrimitives.WriteInt32LittleEndian(bin.AsSpan(BinHeader), binSize - BinHeader);
        pages.Write(Position(start), bin);
        block.BinsSize = start + (uint)binSize;
        return (start + BinHeader, binSize - BinHeader);
    }
}
