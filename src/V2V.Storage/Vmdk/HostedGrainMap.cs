using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace V2V.Storage.Vmdk;

/// <summary>
/// 32-bit tables of sector numbers, of hosted sparse extents and of ESX' COWD extents. Where the file keeps a second
/// directory with tables of its own, it takes the place of a first one that leads outside the file.
/// </summary>
internal sealed class HostedGrainMap : GrainMap
{
    private readonly uint[] _directory;
    private readonly uint[]? _redundant;
    private readonly bool _hasZeroedGrains;

    private HostedGrainMap(BlockDevice file, string name, uint[] directory, uint[]? redundant, int grainsPerTable, int minimumStored, bool hasZeroedGrains)
        : base(file, name, directory.Length, grainsPerTable, grainsPerTable * sizeof(uint), minimumStored)
    {
        CheckTables(file, name, directory.LongCount(e => e != 0), TableBytes);
        _directory = directory;
        _redundant = redundant;
        _hasZeroedGrains = hasZeroedGrains;
    }

    public static HostedGrainMap Open(BlockDevice file, string name, SparseHeader header)
    {
        int tables = CountTables(header.Capacity, header.GrainSectors, header.EntriesPerTable, name);
        uint[]? first = ReadDirectory(file, header.Directory, tables);
        uint[]? second = header.RedundantDirectory == 0 ? null : ReadDirectory(file, header.RedundantDirectory, tables);
        long tableBytes = header.EntriesPerTable * (long)sizeof(uint);
        if (second is not null && !LeadsInside(file, second, tableBytes))
        {
            second = null;
        }

        if (first is null || !LeadsInside(file, first, tableBytes))
        {
            first = second;
            second = null;
        }

        return first is null
            ? throw V2VException.Corrupt("VmdkDirectoryInvalid", "The grain directory of the VMDK leads outside the file.", name)
            : new HostedGrainMap(
                file, name, first, second, header.EntriesPerTable,
                header.IsCompressed ? SparseHeader.SectorSize : header.GrainSectors * SparseHeader.SectorSize, header.HasZeroedGrains);
    }

    public static HostedGrainMap Open(BlockDevice file, string name, CowdHeader header)
    {
        int tables = CountTables(header.Capacity, header.GrainSectors, CowdHeader.EntriesPerTable, name);
        uint[]? directory = tables > header.DirectoryEntries ? null : ReadDirectory(file, header.Directory, tables);
        return directory is null || !LeadsInside(file, directory, CowdHeader.EntriesPerTable * sizeof(uint))
            ? throw V2VException.Corrupt("VmdkDirectoryInvalid", "The grain directory of the VMDK leads outside the file.", name)
            : new HostedGrainMap(
                file, name, directory, null, CowdHeader.EntriesPerTable, header.GrainSectors * SparseHeader.SectorSize, hasZeroedGrains: false);
    }

    public override bool IsTableAbsent(int table) => _directory[table] == 0;

    protected override long Decode(byte[] table, int index)
    {
        uint sector = BinaryPrimitives.ReadUInt32LittleEndian(table.AsSpan(index * sizeof(uint)));
        return sector switch
        {
            0 => Absent,
            1 when _hasZeroedGrains => Zero,
            _ => (long)sector * SparseHeader.SectorSize,
        };
    }

    protected override byte[] Load(int table)
    {
        byte[] first = Read(_directory[table]);
        if (_redundant is null || _redundant[table] == 0 || IsPlausible(first))
        {
            return first;
        }

        byte[] second = Read(_redundant[table]);
        return IsPlausible(second) ? second : first;
    }

    private byte[] Read(uint sector)
    {
        var table = new byte[TableBytes];
        File.Read((long)sector * SparseHeader.SectorSize, table);
        return table;
    }

    private bool IsPlausible(byte[] table)
    {
        for (int i = 0; i < GrainsPerTable; i++)
        {
            if (Decode(table, i) >= File.Length)
            {
                return false;
            }
        }

        return true;
    }

    private static uint[]? ReadDirectory(BlockDevice file, long sector, int entries)
    {
        long offset = sector * SparseHeader.SectorSize;
        if (offset <= 0 || offset > file.Length - ((long)entries * sizeof(uint)))
        {
            return null;
        }

        var directory = new uint[entries];
        file.Read(offset, MemoryMarshal.AsBytes(directory.AsSpan()));
        if (!BitConverter.IsLittleEndian)
        {
            BinaryPrimitives.ReverseEndianness(directory, directory);
        }

        return directory;
    }

    private static bool LeadsInside(BlockDevice file, uint[] directory, long tableBytes)
    {
        foreach (uint sector in directory)
        {
            if (sector != 0 && (long)sector * SparseHeader.SectorSize > file.Length - tableBytes)
            {
                return false;
            }
        }

        return true;
    }
}
