using System.Buffers.Binary;
using System.Text;
using V2V.Storage.Partitions;

namespace V2V.Storage.Volumes.Ldm;

/// <summary>
/// What a dynamic disk says of itself (<c>PRIVHEAD</c>): who it is, its group, where its data and the database lie. An MBR disk has it in sector 6 and twice
/// in the database, which fills the last MiB; a GPT disk twice in its partition for metadata. All numbers are big-endian and count sectors.
/// </summary>
internal sealed record PrivateHeader
{
    /// <summary>Type of the partitions of a dynamic MBR disk.</summary>
    internal const byte MbrType = 0x42;

    private const int Size = 512;
    private const long MbrSector = 6;
    private const long DatabaseSectors = 2048;
    private const long SecondCopy = 1856;
    private const long LastCopy = 2047;

    /// <summary>Type of the partition that holds the database of a dynamic GPT disk.</summary>
    internal static readonly Guid MetadataType = new("5808c8aa-7e8f-42e0-85d2-e1e90434cfb3");

    /// <summary>Type of the partition that the volumes of a dynamic GPT disk lie in.</summary>
    internal static readonly Guid DataType = new("af9b60a0-1431-4f62-bc68-3311714a69ad");

    /// <summary>Identity of the disk.</summary>
    internal required Guid DiskId { get; init; }

    /// <summary>Identity of the group of disks.</summary>
    internal required Guid GroupId { get; init; }

    /// <summary>Name of the group.</summary>
    internal required string GroupName { get; init; }

    /// <summary>Bytes in a sector.</summary>
    internal required int SectorSize { get; init; }

    /// <summary>First byte of the range that volumes lie in.</summary>
    internal required long DataStart { get; init; }

    /// <summary>Length of that range in bytes.</summary>
    internal required long DataLength { get; init; }

    /// <summary>First byte of the database.</summary>
    internal required long DatabaseStart { get; init; }

    /// <summary>Length of the database in bytes.</summary>
    internal required long DatabaseLength { get; init; }

    /// <summary>True if a partition belongs to the dynamic volumes: what seems to begin in it begins there by chance or is a volume's first part.</summary>
    internal static bool IsMember(Partition partition) => partition.MbrType == MbrType || partition.TypeGuid == DataType;

    /// <summary>True if the disk is dynamic: its table says so, and a header is where one must be.</summary>
    internal static bool IsPresent(BlockDevice disk, PartitionTable table)
    {
        var sector = new byte[Size];
        return Places(disk, table).Any(place => TryReadSector(disk, place, sector));
    }

    /// <summary>Reads the header of a disk.</summary>
    /// <param name="disk">The disk.</param>
    /// <param name="name">Its name.</param>
    /// <exception cref="V2VException"><c>LdmDatabaseDamaged</c>, <c>LdmVersionUnsupported</c>.</exception>
    internal static PrivateHeader? TryRead(BlockDevice disk, string name)
    {
        PartitionTable table = PartitionTable.Read(disk);
        var sector = new byte[Size];
        bool seen = false;
        foreach (long place in Places(disk, table))
        {
            if (TryReadSector(disk, place, sector))
            {
                seen = true;
                if (LdmChecksum.IsRight(sector))
                {
                    return Parse(sector, table.SectorSize, disk.Length, name);
                }
            }
        }

        return seen ? throw LdmErrors.Damaged("no copy of the disk's header has the right checksum", name) : null;
    }

    /// <summary>Where the copies may be, the first one first.</summary>
    private static IEnumerable<long> Places(BlockDevice disk, PartitionTable table)
    {
        int sector = table.SectorSize;
        if (table.Scheme == PartitionScheme.Mbr && table.Partitions.Any(p => p.MbrType == MbrType))
        {
            long end = disk.Length / sector;
            yield return MbrSector * sector;
            yield return (end - DatabaseSectors + SecondCopy) * sector;
            yield return (end - DatabaseSectors + LastCopy) * sector;
        }

        if (table.Partitions.FirstOrDefault(p => p.TypeGuid == MetadataType) is { } metadata)
        {
            yield return metadata.Offset + metadata.Length - sector;
            yield return metadata.Offset + (SecondCopy * sector);
        }
    }

    private static bool TryReadSector(BlockDevice disk, long offset, Span<byte> sector)
    {
        if (offset < 0 || offset > disk.Length - Size)
        {
            return false;
        }

        disk.Read(offset, sector);
        return sector.StartsWith("PRIVHEAD"u8);
    }

    private static PrivateHeader Parse(ReadOnlySpan<byte> sector, int sectorSize, long diskLength, string name)
    {
        ushort major = BinaryPrimitives.ReadUInt16BigEndian(sector[12..]);
        if (major != 2)
        {
            throw LdmErrors.Version(FormattableString.Invariant($"its header is {major}.{BinaryPrimitives.ReadUInt16BigEndian(sector[14..])}"), name);
        }

        if (!Guid.TryParse(Text(sector.Slice(0x30, 64)), out Guid disk) || !Guid.TryParse(Text(sector.Slice(0xB0, 64)), out Guid group))
        {
            throw LdmErrors.Damaged("the disk's header does not name its group", name);
        }

        return new PrivateHeader
        {
            DiskId = disk,
            GroupId = group,
            GroupName = Text(sector.Slice(0xF0, 32)),
            SectorSize = sectorSize,
            DataStart = Bytes(sector, 0x11B),
            DataLength = Bytes(sector, 0x123),
            DatabaseStart = Bytes(sector, 0x12B),
            DatabaseLength = Bytes(sector, 0x133),
        };

        // A range that no disk has is no use; one that this disk is too short for is named where a volume needs it.
        long Bytes(ReadOnlySpan<byte> at, int field)
        {
            ulong sectors = BinaryPrimitives.ReadUInt64BigEndian(at[field..]);
            return sectors <= (ulong)(long.MaxValue / 4 / sectorSize)
                ? (long)sectors * sectorSize
                : throw LdmErrors.Damaged(FormattableString.Invariant($"a part of its {diskLength} bytes would be at sector {sectors}"), name);
        }
    }

    private static string Text(ReadOnlySpan<byte> field)
    {
        int end = field.IndexOf((byte)0);
        return Encoding.Latin1.GetString(end < 0 ? field : field[..end]);
    }
}
