using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Boot;
using V2V.Storage;

namespace V2V.Core.Conversion.Windows.Boot;

/// <summary>The EFI system partition of a Windows guest, where it is mounted for the conversion.</summary>
internal static class EfiPartition
{
    /// <summary>Windows has no path for it; this one is nowhere in its own tree.</summary>
    internal const string MountPoint = "/efi";

    /// <summary>Windows' own loader.</summary>
    internal const string Loader = MountPoint + "/EFI/Microsoft/Boot/bootmgfw.efi";

    /// <summary>The boot configuration data of a UEFI guest.</summary>
    internal const string Store = MountPoint + "/EFI/Microsoft/Boot/BCD";

    /// <summary>The guest's EFI system partition: of several, as one on each disk, that with Windows' loader. Null if it has none.</summary>
    internal static VolumeInfo? Find(V2VInspection inspection, GuestDisks disks)
    {
        VolumeInfo[] found = [.. inspection.Volumes.Where(v => v.FileSystem == "vfat" && FirmwareDetector.IsEsp(v))];
        return found.Length < 2 ? found.FirstOrDefault() : Array.Find(found, v => HasLoader(disks, v.Device)) ?? found[0];
    }

    /// <summary>True if the guest has one.</summary>
    internal static bool IsIn(GuestTree tree) => tree.Mounts.Any(m => m.MountPoint == MountPoint);

    private static bool HasLoader(GuestDisks disks, string device)
    {
        try
        {
            return disks.OpenFileSystem(device, writable: true).TryGetEntry(Loader[MountPoint.Length..]) is not null;
        }
        catch (V2VException)
        {
            // Another disk's partition that cannot be read is not the one that starts Windows.
            return false;
        }
    }
}
