using System.Buffers.Binary;

namespace V2V.Storage.Vmdk;

/// <summary>
/// The headers of a space-efficient sparse extent (ESX 5.5 and later, type SESPARSE), in 64-bit little-endian numbers of
/// 512-byte sectors: 0 magic, 8 version, 16 capacity, 24 grain size, 32 grain table size, 80 volatile header, 112 journal,
/// 128 grain directory and its size, 144 grain tables and their size, 192 grains and their size. The volatile header says at 24 whether the journal has to be replayed.
/// </summary>
internal sealed record SeSparseHeader(
    long Capacity, long Directory, long DirectorySectors, long Tables, long TablesSectors, long Grains)
{
    public const ulong Magic = 0xCAFEBABE;
    public const int GrainSectors = 8;
    public const int TableSectors = 64;
    public const int EntriesPerTable = TableSectors * 512 / sizeof(ulong);

    private const ulong VolatileMagic = 0xCAFECAFE;
    private const ulong Version = 0x200000001;
    private const ulong MaximumSectors = long.MaxValue / 1024;
    private const int Size = 512;

    public static bool HasMagic(ReadOnlySpan<byte> start) =>
        start.Length >= 8 && BinaryPrimitives.ReadUInt64LittleEndian(start) == Magic;

    public static SeSparseHeader Read(BlockDevice file, string name)
    {
        if (file.Length < Size)
        {
            throw V2VException.Corrupt("VmdkHeaderInvalid", "The VMDK file ends within its header.", name);
        }

        Span<byte> sector = stackalloc byte[Size];
        file.Read(0, sector);
        if (Field(sector, 8) != Version)
        {
            throw V2VException.Unsupported("VmdkVersionUnsupported", FormattableString.Invariant($"SE sparse extent version 0x{Field(sector, 8):x} is not known."), name);
        }

        if (Field(sector, 24) != GrainSectors || Field(sector, 32) != TableSectors)
        {
            throw V2VException.Unsupported("VmdkSeSparseGeometryUnsupported", "The SE sparse extent has grains or tables of an unknown size.", name);
        }

        var header = new SeSparseHeader(
            Sectors(sector, 16, name),
            Sectors(sector, 128, name),
            Sectors(sector, 136, name),
            Sectors(sector, 144, name),
            Sectors(sector, 152, name),
            Sectors(sector, 192, name));
        CheckVolatileHeader(file, Sectors(sector, 80, name), name);
        return header;
    }

    private static void CheckVolatileHeader(BlockDevice file, long sectorNumber, string name)
    {
        if (sectorNumber * 512 > file.Length - Size)
        {
            throw SparseHeader.Invalid(name, "the place of the volatile header");
        }

        Span<byte> sector = stackalloc byte[Size];
        file.Read(sectorNumber * 512, sector);
        if (Field(sector, 0) != VolatileMagic)
        {
            throw SparseHeader.Invalid(name, "the volatile header");
        }

        if (sector[24] != 0)
        {
            throw V2VException.Unsupported(
                "VmdkSeSparseJournal",
                "The SE sparse extent was not closed cleanly and has a journal to replay.",
                name,
                "Start and shut down the machine, or consolidate its snapshots, and export it again.");
        }
    }

    private static ulong Field(ReadOnlySpan<byte> sector, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(sector[offset..]);

    private static long Sectors(ReadOnlySpan<byte> sector, int offset, string name) =>
        Field(sector, offset) is var value && value <= MaximumSectors ? (long)value : throw SparseHeader.Invalid(name, "a sector number");
}
