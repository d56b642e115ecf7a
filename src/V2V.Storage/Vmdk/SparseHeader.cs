using System.Buffers.Binary;

namespace V2V.Storage.Vmdk;

/// <summary>
/// The header of a hosted sparse extent (VMware Virtual Disk Format 5.0, "Hosted Sparse Extents"), 512 bytes:
/// 0 "KDMV", 4 version, 8 flags, 12 capacity, 20 grain size, 28 descriptor offset, 36 descriptor size, 44 entries in a grain table,
/// 48 redundant directory, 56 directory, 64 overhead, 72 unclean shutdown, 73 newline test, 77 compression. All sizes in sectors.
/// </summary>
internal sealed record SparseHeader
{
    public const int Size = 512;
    public const uint Magic = 0x564D444B;
    public const int SectorSize = 512;

    private const long DirectoryAtEnd = -1;
    private const long MaximumSectors = long.MaxValue / 1024;
    private const int MaximumGrainSectors = 1 << 17;
    private const int MaximumCompressedGrainSectors = 1 << 12;
    private const int SupportedVersion = 3;

    /// <summary>Length of the disk's part in sectors; 0 if the file only carries a descriptor.</summary>
    public long Capacity { get; private init; }

    /// <summary>Sectors in a grain, a power of two.</summary>
    public int GrainSectors { get; private init; }

    public long DescriptorOffset { get; init; }

    public long DescriptorSize { get; init; }

    public int EntriesPerTable { get; private init; }

    /// <summary>First sector of the redundant directory, or 0.</summary>
    public long RedundantDirectory { get; private init; }

    public long Directory { get; private init; }

    public bool HasZeroedGrains { get; private init; }

    public bool IsCompressed { get; private init; }

    public bool HasMarkers { get; private init; }

    public static bool HasMagic(ReadOnlySpan<byte> start) =>
        start.Length >= 4 && BinaryPrimitives.ReadUInt32LittleEndian(start) == Magic;

    /// <summary>Reads the header of an extent, from its footer if the header says that the directory stands at the end.</summary>
    public static SparseHeader Read(BlockDevice file, string name)
    {
        if (file.Length < Size)
        {
            throw V2VException.Corrupt("VmdkHeaderInvalid", "The VMDK file ends within its header.", name);
        }

        Span<byte> sector = stackalloc byte[Size];
        file.Read(0, sector);
        SparseHeader header = Parse(sector, name);
        return header.Directory == DirectoryAtEnd && header.Capacity > 0 ? StreamFooter.Read(file, header, name) : header;
    }

    public static SparseHeader Parse(ReadOnlySpan<byte> sector, string name)
    {
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(sector[4..]);
        if (version is 0 or > SupportedVersion)
        {
            throw V2VException.Unsupported("VmdkVersionUnsupported", FormattableString.Invariant($"VMDK sparse extent version {version} is not known."), name);
        }

        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(sector[8..]);
        if ((flags & 1) != 0 && !sector.Slice(73, 4).SequenceEqual("\n \r\n"u8))
        {
            throw V2VException.Corrupt("VmdkTransferDamage", "The VMDK file was changed by a transfer in text mode.", name);
        }

        int compression = BinaryPrimitives.ReadUInt16LittleEndian(sector[77..]);
        bool compressed = (flags & (1 << 16)) != 0;
        if (compressed && compression != 1)
        {
            throw V2VException.Unsupported("VmdkCompressionUnsupported", FormattableString.Invariant($"VMDK compression method {compression} is not known."), name);
        }

        ulong capacity = BinaryPrimitives.ReadUInt64LittleEndian(sector[12..]);
        ulong grain = BinaryPrimitives.ReadUInt64LittleEndian(sector[20..]);
        uint entries = BinaryPrimitives.ReadUInt32LittleEndian(sector[44..]);
        long descriptorOffset = Sectors(sector, 28, name);
        long descriptorSize = Sectors(sector, 36, name);
        if (capacity > MaximumSectors)
        {
            throw Invalid(name, "the capacity");
        }

        if (capacity > 0)
        {
            if (grain is 0 or > MaximumGrainSectors || (grain & (grain - 1)) != 0 || (compressed && grain > MaximumCompressedGrainSectors))
            {
                throw Invalid(name, "the grain size");
            }

            if (entries is 0 or > 65536)
            {
                throw Invalid(name, "the number of entries in a grain table");
            }
        }

        long directory = BinaryPrimitives.ReadInt64LittleEndian(sector[56..]);
        return new SparseHeader
        {
            Capacity = (long)capacity,
            GrainSectors = (int)grain,
            DescriptorOffset = descriptorOffset,
            DescriptorSize = descriptorSize,
            EntriesPerTable = (int)entries,
            RedundantDirectory = (flags & 2) != 0 && BinaryPrimitives.ReadInt64LittleEndian(sector[48..]) != DirectoryAtEnd ? Sectors(sector, 48, name) : 0,
            Directory = directory == DirectoryAtEnd ? directory : Sectors(sector, 56, name),
            HasZeroedGrains = (flags & 4) != 0,
            IsCompressed = compressed,
            HasMarkers = (flags & (1 << 17)) != 0,
        };
    }

    /// <summary>True while the place of the directory is still unknown.</summary>
    public bool IsDirectoryAtEnd => Directory == DirectoryAtEnd;

    public static V2VException Invalid(string name, string what) =>
        V2VException.Corrupt("VmdkHeaderInvalid", $"The header of the VMDK file is not valid: {what}.", name);

    private static long Sectors(ReadOnlySpan<byte> sector, int offset, string name)
    {
        ulong value = BinaryPrimitives.ReadUInt64LittleEndian(sector[offset..]);
        return value <= MaximumSectors ? (long)value : throw Invalid(name, "a sector number");
    }
}
