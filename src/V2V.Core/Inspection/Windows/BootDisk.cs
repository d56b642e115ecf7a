using V2V.Core.Inspection.Boot;
using V2V.Core.Inspection.Volumes;
using V2V.Core.Sources;

namespace V2V.Core.Inspection.Windows;

/// <summary>The disk that the firmware must start for Windows: not always the one that Windows is on.</summary>
internal static class BootDisk
{
    private static readonly string[] s_loaders = ["/bootmgr", "/ntldr"];

    /// <summary>
    /// Index of the disk with Windows' loader: on an EFI system partition, or in the top level of a volume that a BIOS starts; null if there is none. Of a
    /// volume on several dynamic disks, a mirror, it is the first.
    /// </summary>
    internal static int? Find(FirmwareType firmware, IReadOnlyList<VolumeReport> reports)
    {
        IEnumerable<VolumeReport> readable = reports.Where(r => r.Tree is not null);
        VolumeReport? found = firmware == FirmwareType.Uefi
            ? readable.FirstOrDefault(r => FirmwareDetector.IsEsp(r.Info) && r.Tree!.FileExists("/EFI/Microsoft/Boot/bootmgfw.efi"))
            : readable.FirstOrDefault(r => (!r.Info.IsStacked || r.Info.Kind == "ldm") && s_loaders.Any(r.Tree!.FileExists));
        return found is not { Info.IsStacked: true } ? found?.Info.DiskIndex
            : reports.Where(r => found.Info.Members.Contains(r.Info.Device) && !r.Info.IsStacked).Select(r => (int?)r.Info.DiskIndex).Min();
    }
}
