using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace V2V.Storage.Vmdk;

/// <summary>
/// 64-bit tables of SE sparse extents. A directory entry has 0x1 in its top four bits and the table's number in its low 32 bits.
/// A grain's entry has its state in the top four bits (0 absent, 1 unmapped, 2 zero, 3 stored), then twelve low bits of the grain's number, then its high bits.
/// </summary>
internal sealed class SeSparseGrainMap : GrainMap
{
    private readonly ulong[] _directory;
    private readonly SeSparseHeader _header;

    private SeSparseGrainMap(BlockDevice file, string name, ulong[] directory, SeSparseHeader header)
        : base(file, name, directory.Length, SeSparseHeader.EntriesPerTable, SeSparseHeader.TableSectors * 512, SeSparseHeader.GrainSectors * 512)
    {
        CheckTables(file, name, directory.LongCount(e => e != 0), TableBytes);
        _directory = directory;
        _header = header;
    }

    public static SeSparseGrainMap Open(BlockDevice file, string name, SeSparseHeader header)
    {
        int tables = CountTables(header.Capacity, SeSparseHeader.GrainSectors, SeSparseHeader.EntriesPerTable, name);
        long bytes = (long)tables * sizeof(ulong);
        if (bytes > header.DirectorySectors * 512 || header.Directory * 512 > file.Length - bytes)
        {
            throw Invalid(name);
        }

        var directory = new ulong[tables];
        file.Read(header.Directory * 512, MemoryMarshal.AsBytes(directory.AsSpan()));
        if (!BitConverter.IsLittleEndian)
        {
            BinaryPrimitives.ReverseEndianness(directory, directory);
        }

        foreach (ulong entry in directory)
        {
            long sector = (long)(uint)entry * SeSparseHeader.TableSectors;
            if (entry != 0
                && (entry >> 32 != 0x10000000
                    || sector > header.TablesSectors - SeSparseHeader.TableSectors
                    || (header.Tables + sector + SeSparseHeader.TableSectors) * 512 > file.Length))
            {
                throw Invalid(name);
            }
        }

        return new SeSparseGrainMap(file, name, directory, header);
    }

    public override bool IsTableAbsent(int table) => _directory[table] == 0;

    protected override long Decode(byte[] table, int index)
    {
        ulong entry = BinaryPrimitives.ReadUInt64LittleEndian(table.AsSpan(index * sizeof(ulong)));
        switch (entry >> 60)
        {
            case 0 when entry == 0:
                return Absent;
            case 1 or 2:
                return Zero;
            case 3:
                long grain = (long)(((entry & 0x0FFF000000000000) >> 48) | ((entry & 0x0000FFFFFFFFFFFF) << 12));
                return grain <= File.Length / (SeSparseHeader.GrainSectors * 512)
                    ? (_header.Grains + (grain * SeSparseHeader.GrainSectors)) * 512
                    : throw Damaged();
            default:
                throw Damaged();
        }
    }

    protected override byte[] Load(int table)
    {
        var bytes = new byte[TableBytes];
        File.Read((_header.Tables + ((long)(uint)_directory[table] * SeSparseHeader.TableSectors)) * 512, bytes);
        return bytes;
    }

    private V2VException Damaged() => V2VException.Corrupt("VmdkGrainTableInvalid", "A grain table of the SE sparse extent has an invalid entry.", Name);

    private static V2VException Invalid(string name) =>
        V2VException.Corrupt("VmdkDirectoryInvalid", "The grain directory of the VMDK leads outside the file.", name);
}
