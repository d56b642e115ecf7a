namespace V2V.Registry.Cells;

/// <summary>A security descriptor ("sk") that keys share: linked to the next and the last one, with a count of its users.</summary>
internal static class SecurityRecord
{
    private const int NextAt = 4;
    private const int PreviousAt = 8;
    private const int UsersAt = 12;
    private const int SizeAt = 16;
    private const int FixedSize = 20;

    public static byte[] Read(CellStore cells, uint cell)
    {
        Check(cells, cell);
        uint size = cells.ReadUInt32(cell, SizeAt);
        if (size > cells.Size(cell) - FixedSize)
        {
            throw HiveErrors.Cell(cell, "is shorter than its security descriptor", cells.HiveName);
        }

        byte[] descriptor = new byte[size];
        cells.Read(cell, FixedSize, descriptor);
        return descriptor;
    }

    /// <summary>Counts one more key that uses it.</summary>
    public static void AddUser(CellStore cells, uint cell)
    {
        Check(cells, cell);
        cells.WriteUInt32(cell, UsersAt, cells.ReadUInt32(cell, UsersAt) + 1);
    }

    /// <summary>Counts one less; the last one takes it out of the chain.</summary>
    public static void RemoveUser(CellStore cells, uint cell)
    {
        Check(cells, cell);
        uint users = cells.ReadUInt32(cell, UsersAt);
        if (users > 1)
        {
            cells.WriteUInt32(cell, UsersAt, users - 1);
            return;
        }

        uint next = cells.ReadUInt32(cell, NextAt), previous = cells.ReadUInt32(cell, PreviousAt);
        Check(cells, next);
        Check(cells, previous);
        cells.WriteUInt32(previous, NextAt, next);
        cells.WriteUInt32(next, PreviousAt, previous);
        cells.Free(cell);
    }

    private static void Check(CellStore cells, uint cell)
    {
        Span<byte> head = stackalloc byte[2];
        cells.Read(cell, 0, head);
        if (!head.StartsWith("sk"u8))
        {
            throw HiveErrors.Cell(cell, "is not a security descriptor", cells.HiveName);
        }
    }
}
