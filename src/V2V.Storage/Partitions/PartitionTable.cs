using System.Buffers.Binary;

namespace V2V.Storage.Partitions;

/// <summary>How a disk is divided.</summary>
public enum PartitionScheme
{
    /// <summary>No table: the disk is empty, or a file system or volume covers all of it.</summary>
    None,

    /// <summary>Master boot record, with extended partitions.</summary>
    Mbr,

    /// <summary>GUID partition table of UEFI.</summary>
    Gpt,
}

/// <summary>
/// The partition table of a disk: start here. <see cref="Read"/> tells the schemes apart as Linux does and gives the partitions
/// with Linux' numbers. A disk without partitions may still hold a file system that starts at its first byte.
/// </summary>
public sealed class PartitionTable
{
    internal const int MbrSize = 512;

    /// <summary>The scheme.</summary>
    public required PartitionScheme Scheme { get; init; }

    /// <summary>Size in bytes of the sectors that the table counts in: 512 or 4096.</summary>
    public required int SectorSize { get; init; }

    /// <summary>Signature of an MBR disk at byte 440, or null.</summary>
    public uint? DiskSignature { get; init; }

    /// <summary>GUID of a GPT disk, or null.</summary>
    public Guid? DiskGuid { get; init; }

    /// <summary>True if an MBR with entries of its own stands before a GPT (the GPT is what counts).</summary>
    public bool IsHybrid { get; init; }

    /// <summary>The partitions in ascending order of number. An extended partition is listed; it holds the logical ones.</summary>
    public IReadOnlyList<Partition> Partitions { get; init; } = [];

    /// <summary>What is odd or damaged in the table but did not prevent reading it.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Reads the partition table of a disk. The sector size is taken from where the GPT header is found, otherwise from the device.</summary>
    /// <exception cref="V2VException"><c>GptDamaged</c>: a protective MBR announces a GPT and neither copy of its header can be used.</exception>
    public static PartitionTable Read(BlockDevice device)
    {
        if (device.Length < MbrSize)
        {
            return new PartitionTable { Scheme = PartitionScheme.None, SectorSize = device.SectorSize };
        }

        Span<byte> sector = stackalloc byte[MbrSize];
        device.Read(0, sector);
        MasterBootRecord? mbr = MasterBootRecord.TryParse(sector, device);
        bool announced = mbr?.HasProtectiveEntry == true;
        if (announced || mbr is null || mbr.IsEmpty)
        {
            PartitionTable? gpt = GuidPartitionTable.TryRead(device, mbr, announced);
            if (gpt is not null)
            {
                return gpt;
            }
        }

        return mbr is null ? Bare(device) : mbr.ReadPartitions(device);
    }

    private static PartitionTable Bare(BlockDevice device)
    {
        const uint DisklabelMagic = 0x82564557;
        Span<byte> label = stackalloc byte[4];
        List<string> warnings = [];
        if (device.Length >= 516)
        {
            device.Read(512, label);
            if (BinaryPrimitives.ReadUInt32LittleEndian(label) == DisklabelMagic)
            {
                warnings.Add("The disk has a BSD disklabel, which is not read.");
            }
        }

        return new PartitionTable { Scheme = PartitionScheme.None, SectorSize = device.SectorSize, Warnings = warnings };
    }
}
