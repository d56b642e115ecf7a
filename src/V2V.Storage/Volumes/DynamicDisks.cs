using V2V.Storage.Partitions;
using V2V.Storage.Volumes.Ldm;

namespace V2V.Storage.Volumes;

/// <summary>Tells Windows' dynamic disks (Logical Disk Manager) from basic ones.</summary>
public static class DynamicDisks
{
    /// <summary>What a partition of a dynamic disk holds, in the manner of blkid's names.</summary>
    public const string MemberType = "LDM_member";

    /// <summary>True if the disk's partition table announces dynamic volumes, and their header is there.</summary>
    public static bool IsDynamic(BlockDevice disk, PartitionTable table)
    {
        ArgumentNullException.ThrowIfNull(disk);
        ArgumentNullException.ThrowIfNull(table);
        return PrivateHeader.IsPresent(disk, table);
    }

    /// <summary>True for a partition of a dynamic disk that volumes lie in; others (the EFI system partition, reserved ones) stay what they are.</summary>
    public static bool IsMember(Partition partition)
    {
        ArgumentNullException.ThrowIfNull(partition);
        return PrivateHeader.IsMember(partition);
    }
}
