using System.Globalization;
using V2V.Core.Inspection;
using V2V.FileSystems;
using V2V.Storage;
using V2V.Storage.Volumes;

namespace V2V.Core.Guest;

/// <summary>The volumes above the partitions: md arrays, logical volumes, opened LUKS and BitLocker volumes, volumes of dynamic disks.</summary>
internal static class StackedVolumes
{
    private static readonly string[] s_members = ["LVM2_member", "linux_raid_member", "crypto_LUKS", "BitLocker"];

    /// <summary>Puts together what the partitions and disks hold; nothing is read if none of them is a member of anything.</summary>
    internal static AssembledVolumes Assemble(IReadOnlyList<GuestVolume> plain, IReadOnlyList<BlockDevice> disks, VolumeKeys keys)
    {
        IEnumerable<VolumeSource> members = plain.Where(v => s_members.Contains(v.Info.FileSystem)).Select(v => new VolumeSource(v.Info.Device, v.Device));
        IEnumerable<VolumeSource> dynamic = plain.Where(v => v.Info.FileSystem == DynamicDisks.MemberType).GroupBy(v => v.Info.DiskIndex)
            .Select(g => new VolumeSource(GuestDisks.DiskName(g.Key), disks[g.Key]) { DynamicPartitions = [.. g.Select(v => v.Info.Device)] });
        return VolumeAssembler.Assemble(members.Concat(dynamic), keys);
    }

    /// <summary>An assembled volume as a volume of the guest.</summary>
    internal static GuestVolume Describe(AssembledVolume volume)
    {
        VolumeSignature signature = FileSystemProbe.Identify(volume.Device);
        var info = new VolumeInfo(
            volume.Name, -1, volume.Partition?.Number ?? 0, volume.Partition?.Offset ?? 0, volume.Device.Length, signature.Type, signature.Uuid, signature.Label,
            volume.Partition?.PartUuid, string.IsNullOrEmpty(volume.Partition?.Name) ? null : volume.Partition.Name,
            volume.Partition?.TypeGuid?.ToString("D", CultureInfo.InvariantCulture) ?? volume.Partition?.MbrType?.ToString("x2", CultureInfo.InvariantCulture))
        {
            Kind = volume.IsSnapshot ? "snapshot" : volume.Kind.ToString().ToLowerInvariant(),
            Members = volume.Members,
            Aliases = volume.Aliases,
            VolumeUuid = volume.Uuid,
            ReadOnlyReason = volume.ReadOnlyReason,
        };
        return new GuestVolume(info, volume.Device) { CanTrim = volume.CanTrim };
    }
}
