using V2V.Core.Guest;
using V2V.FileSystems;
using V2V.Storage;

namespace V2V.Core.Inspection.Volumes;

/// <summary>A volume, what its file system is for, and why it could not be opened if it could not.</summary>
/// <param name="Info">The volume, with free space if it was opened.</param>
/// <param name="Role">Part that the file system plays.</param>
/// <param name="Tree">The file system alone, or null.</param>
/// <param name="Problem">Why it was not opened; null if it was, or if it holds no file system.</param>
/// <param name="MountOptions">Options under which <paramref name="Tree"/> shows: the subvolume of a Btrfs; else empty.</param>
internal sealed record VolumeReport(VolumeInfo Info, FileSystemRole Role, GuestTree? Tree, V2VException? Problem, string MountOptions = "")
{
    private const int MaxVolumes = 512;

    /// <summary>Opens the file systems of all volumes and classifies them.</summary>
    internal static List<VolumeReport> Read(GuestDisks disks, CancellationToken cancellation)
    {
        var reports = new List<VolumeReport>();
        foreach (GuestVolume volume in disks.Volumes.Take(MaxVolumes))
        {
            cancellation.ThrowIfCancellationRequested();
            reports.Add(Read(disks, volume.Info));
        }

        return reports;
    }

    private static VolumeReport Read(GuestDisks disks, VolumeInfo info)
    {
        if (info.Kind == "snapshot" || info.FileSystem is null or "swap" or "swsuspend" or "crypto_LUKS" or "BitLocker" || info.FileSystem.EndsWith("_member", StringComparison.Ordinal))
        {
            return new VolumeReport(info, FileSystemRole.Other, null, null);
        }

        try
        {
            GuestFileSystem fileSystem = disks.OpenFileSystem(info.Device, writable: false);
            if (fileSystem.Device != disks.FindVolume(info.Device)!.Device)
            {
                // A further device of a file system that was reported with its first.
                return new VolumeReport(info, FileSystemRole.Other, null, null);
            }

            VolumeInfo opened = info with { FreeBytes = fileSystem.FreeBytes, FreeInodes = fileSystem.FreeInodes };
            return SubvolumeChoice.Choose(opened, fileSystem);
        }
        catch (V2VException e)
        {
            return new VolumeReport(info, FileSystemRole.Other, null, e);
        }
    }
}
