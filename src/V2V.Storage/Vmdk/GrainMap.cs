using V2V.Storage.Images;

namespace V2V.Storage.Vmdk;

/// <summary>
/// Where the grains of a sparse extent are stored: a directory of tables, each loaded when first asked for. One subclass for
/// each form of the tables. Thread-safe.
/// </summary>
internal abstract class GrainMap
{
    /// <summary>The grain is not stored.</summary>
    public const long Absent = -1;

    /// <summary>The grain is known to be zero.</summary>
    public const long Zero = -2;

    /// <summary>Most bytes of tables to keep; beyond that they are loaded again.</summary>
    private const long TableMemory = 32 << 20;

    /// <summary>Most entries in a directory: 128 TiB with the usual grains.</summary>
    protected const int MaximumTables = 4 << 20;

    private readonly byte[]?[] _tables;
    private readonly StoredClaims _claims;
    private readonly Lock _lock = new();
    private long _loadedBytes;

    /// <param name="file">The file of the extent.</param>
    /// <param name="name">Its name, for messages.</param>
    /// <param name="tableCount">Entries of the directory.</param>
    /// <param name="grainsPerTable">Grains in a table.</param>
    /// <param name="tableBytes">Bytes of a table.</param>
    /// <param name="minimumStored">Least bytes that a stored grain takes in the file.</param>
    protected GrainMap(BlockDevice file, string name, int tableCount, int grainsPerTable, int tableBytes, int minimumStored)
    {
        File = file;
        Name = name;
        GrainsPerTable = grainsPerTable;
        TableBytes = tableBytes;
        _tables = new byte[]?[tableCount];
        _claims = new StoredClaims(file.Length, tableCount, minimumStored, slack: minimumStored);
    }

    public int GrainsPerTable { get; }

    protected BlockDevice File { get; }

    protected string Name { get; }

    protected int TableBytes { get; }

    /// <summary>Byte offset of a grain in the file, <see cref="Absent"/> or <see cref="Zero"/>.</summary>
    public long Locate(long grain)
    {
        int table = (int)(grain / GrainsPerTable);
        return IsTableAbsent(table) ? Absent : Decode(Table(table), (int)(grain % GrainsPerTable));
    }

    /// <summary>True if no grain of a table is stored.</summary>
    public abstract bool IsTableAbsent(int table);

    /// <summary>What an entry of a table says.</summary>
    protected abstract long Decode(byte[] table, int index);

    /// <summary>Reads a table from the file.</summary>
    protected abstract byte[] Load(int table);

    /// <summary>Number of tables that a disk of so many grains takes, or an error.</summary>
    protected static int CountTables(long sectors, int grainSectors, int grainsPerTable, string name)
    {
        long grains = (sectors / grainSectors) + (sectors % grainSectors == 0 ? 0 : 1);
        long tables = (grains + grainsPerTable - 1) / grainsPerTable;
        return tables <= MaximumTables
            ? (int)tables
            : throw new V2VException("VmdkTableTooLarge", V2VErrorKind.Limit, FormattableString.Invariant($"The VMDK's grain directory would have {tables} entries."), name);
    }

    /// <summary>Refuses a directory whose tables together are longer than the file: some of them are one and the same.</summary>
    protected static void CheckTables(BlockDevice file, string name, long present, long tableBytes)
    {
        if (present > file.Length / tableBytes)
        {
            throw Shared(name);
        }
    }

    private static V2VException Shared(string name) => V2VException.Corrupt(
        "VmdkGrainsShared", "The tables of the VMDK refer to more data than its file holds: grains share what is stored, as no program writes them.", name);

    private long CountStored(byte[] table)
    {
        long count = 0;
        for (int i = 0; i < GrainsPerTable; i++)
        {
            count += Decode(table, i) >= 0 ? 1 : 0;
        }

        return count;
    }

    private byte[] Table(int index)
    {
        byte[]? table = Volatile.Read(ref _tables[index]);
        if (table is not null)
        {
            return table;
        }

        table = Load(index);
        lock (_lock)
        {
            if (!_claims.IsCounted(index) && !_claims.TryCount(index, CountStored(table)))
            {
                throw Shared(Name);
            }

            _loadedBytes += table.Length;
            if (_loadedBytes > TableMemory)
            {
                Array.Clear(_tables);
                _loadedBytes = table.Length;
            }

            Volatile.Write(ref _tables[index], table);
        }

        return table;
    }
}
