using System.Buffers.Binary;

namespace V2V.Registry.Cells;

/// <summary>Data of more than 16344 bytes ("db", version 1.4 and later): a list of cells that hold that much each, the last one the rest.</summary>
internal static class BigData
{
    /// <summary>Bytes of data in a segment.</summary>
    public const int SegmentSize = 16344;

    /// <summary>The first minor version that has it.</summary>
    public const uint MinorVersion = 4;

    private const int FixedSize = 12;

    public static bool Is(CellStore cells, uint cell)
    {
        Span<byte> head = stackalloc byte[4];
        if (cells.Size(cell) > SegmentSize)
        {
            return false;
        }

        cells.Read(cell, 0, head);
        return head.StartsWith("db"u8) && BinaryPrimitives.ReadUInt16LittleEndian(head[2..]) > 1;
    }

    public static byte[] Read(CellStore cells, uint cell, int size)
    {
        uint[] segments = Segments(cells, cell);
        if ((long)segments.Length * SegmentSize < size || (segments.Length - 1L) * SegmentSize >= size)
        {
            throw HiveErrors.Cell(cell, "has a wrong number of segments", cells.HiveName);
        }

        byte[] data = new byte[size];
        for (int i = 0; i < segments.Length; i++)
        {
            int start = i * SegmentSize;
            cells.Read(segments[i], 0, data.AsSpan(start, Math.Min(SegmentSize, size - start)));
        }

        return data;
    }

    public static uint Create(CellStore cells, ReadOnlySpan<byte> data)
    {
        int count = (data.Length + SegmentSize - 1) / SegmentSize;
        byte[] list = new byte[4 * count];
        for (int i = 0; i < count; i++)
        {
            int start = i * SegmentSize;

            // Windows gives every segment its full cell, and four bytes that nothing uses.
            uint segment = cells.Allocate(SegmentSize + 4);
            cells.Write(segment, 0, data.Slice(start, Math.Min(SegmentSize, data.Length - start)));
            BinaryPrimitives.WriteUInt32LittleEndian(list.AsSpan(4 * i), segment);
        }

        byte[] record = new byte[FixedSize];
        "db"u8.CopyTo(record);
        BinaryPrimitives.WriteUInt16LittleEndian(record.AsSpan(2), (ushort)count);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(4), cells.Allocate(list));
        return cells.Allocate(record);
    }

    public static void Free(CellStore cells, uint cell)
    {
        foreach (uint segment in Segments(cells, cell))
        {
            cells.Free(segment);
        }

        cells.Free(cells.ReadUInt32(cell, 4));
        cells.Free(cell);
    }

    private static uint[] Segments(CellStore cells, uint cell)
    {
        Span<byte> record = stackalloc byte[8];
        cells.Read(cell, 0, record);
        byte[] list = new byte[4 * BinaryPrimitives.ReadUInt16LittleEndian(record[2..])];
        cells.Read(BinaryPrimitives.ReadUInt32LittleEndian(record[4..]), 0, list);
        uint[] segments = new uint[list.Length / 4];
        for (int i = 0; i < segments.Length; i++)
        {
            segments[i] = BinaryPrimitives.ReadUInt32LittleEndian(list.AsSpan(4 * i));
        }

        return segments;
    }
}
