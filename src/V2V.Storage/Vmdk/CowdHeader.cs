using System.Buffers.Binary;

namespace V2V.Storage.Vmdk;

/// <summary>
/// The header of an ESX sparse extent, type VMFSSPARSE (VMware Virtual Disk Format 5.0, "ESX Server Sparse Extents"):
/// 0 "COWD", 4 version, 8 flags, 12 sectors, 16 grain size in sectors, 20 sector of the directory, 24 entries in it.
/// </summary>
internal sealed record CowdHeader(long Capacity, int GrainSectors, long Directory, uint DirectoryEntries)
{
    public const uint Magic = 0x44574F43;
    public const int EntriesPerTable = 4096;

    private const int Size = 512;
    private const int MaximumGrainSectors = 1 << 17;

    public static bool HasMagic(ReadOnlySpan<byte> start) =>
        start.Length >= 4 && BinaryPrimitives.ReadUInt32LittleEndian(start) == Magic;

    public static CowdHeader Read(BlockDevice file, string name)
    {
        if (file.Length < Size)
        {
            throw V2VException.Corrupt("VmdkHeaderInvalid", "The VMDK file ends within its header.", name);
        }

        Span<byte> sector = stackalloc byte[Size];
        file.Read(0, sector);
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(sector[4..]);
        if (version != 1)
        {
            throw V2VException.Unsupported("VmdkVersionUnsupported", FormattableString.Invariant($"ESX sparse extent version {version} is not known."), name);
        }

        uint grain = BinaryPrimitives.ReadUInt32LittleEndian(sector[16..]);
        if (grain is 0 or > MaximumGrainSectors || (grain & (grain - 1)) != 0)
        {
            throw SparseHeader.Invalid(name, "the grain size");
        }

        return new CowdHeader(
            BinaryPrimitives.ReadUInt32LittleEndian(sector[12..]),
            (int)grain,
            BinaryPrimitives.ReadUInt32LittleEndian(sector[20..]),
            BinaryPrimitives.ReadUInt32LittleEndian(sector[24..]));
    }
}
