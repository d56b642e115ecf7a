using System.Globalization;
using V2V.Core.Inspection;
using V2V.FileSystems;
using V2V.Storage;
using V2V.Storage.Partitions;
using V2V.Storage.Volumes;

namespace V2V.Core.Guest;

/// <summary>Finds the volumes of a disk: its partitions, or the disk itself if it has no partition table.</summary>
internal static class VolumeFinder
{
    internal static IEnumerable<GuestVolume> Find(BlockDevice disk, int diskIndex, List<string> warnings)
    {
        string diskName = GuestDisks.DiskName(diskIndex);
        var whole = new VolumeInfo(diskName, diskIndex, 0, 0, disk.Length, null, null, null, null, null, null);
        PartitionTable table;
        try
        {
            table = PartitionTable.Read(disk);
        }
        catch (V2VException e) when (e.Kind is V2VErrorKind.Corrupt or V2VErrorKind.Unsupported)
        {
            // One broken disk must not hide what is on the others.
            warnings.Add($"The partition table of {diskName} cannot be read: {e.Message}");
            return [Make(disk, whole)];
        }

        warnings.AddRange(table.Warnings.Select(w => $"{diskName}: {w}"));
        if (table.Scheme == PartitionScheme.None)
        {
            return [Identify(disk, whole)];
        }

        // A member of an array of whole disks whose superblock lies at the end shows the array's own partition table.
        if (FileSystemProbe.Identify(disk) is { Type: "linux_raid_member" } member && !OwnsSuperblock(disk, table))
        {
            return [Make(disk, whole with { FileSystem = member.Type, Uuid = member.Uuid, Label = member.Label })];
        }

        bool isDynamic = DynamicDisks.IsDynamic(disk, table);
        return table.Partitions.Where(p => !p.IsExtended).Select(p =>
        {
            var info = new VolumeInfo(
                GuestDisks.VolumeName(diskIndex, p.Number), diskIndex, p.Number, p.Offset, p.Length, null, null, null, p.PartUuid,
                string.IsNullOrEmpty(p.Name) ? null : p.Name, p.TypeGuid?.ToString("D", CultureInfo.InvariantCulture) ?? p.MbrType?.ToString("x2", CultureInfo.InvariantCulture));

            // What a dynamic disk's partition begins with is the first part of a volume, not a file system of its own.
            return isDynamic && DynamicDisks.IsMember(p) ? Make(p.Open(disk), info with { FileSystem = DynamicDisks.MemberType }) : Identify(p.Open(disk), info);
        });
    }

    /// <summary>True if the superblock at the end of the disk is that of its last partition.</summary>
    private static bool OwnsSuperblock(BlockDevice disk, PartitionTable table) =>
        table.Partitions.Where(p => !p.IsExtended).MaxBy(p => p.Offset) is { } last && FileSystemProbe.Identify(last.Open(disk)).Type == "linux_raid_member";

    private static GuestVolume Identify(BlockDevice device, VolumeInfo info)
    {
        VolumeSignature signature = FileSystemProbe.Identify(device);
        return Make(device, info with { FileSystem = signature.Type, Uuid = signature.Uuid, Label = signature.Label });
    }

    private static GuestVolume Make(BlockDevice device, VolumeInfo info) => new(info, device);
}
