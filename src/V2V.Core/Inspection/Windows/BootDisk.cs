using V2V.Core.Inspection.Boot;
using V2V.Core.Inspection.Volumes;
using V2V.Core.Sources;

namespace V2V.Core.Inspection.Windows;

/// <summary>The disk that the firmware must start for Windows: not always the one that Windows is on.</summary>
internal static class BootDisk
{
    private static readonly string[] s_loaders = ["/bootmgr", "/ntldr"];

    /// <summary>Index of the disk with Windows' loader: on an EFI system partition, or in the top level of a partition that a BIOS starts; null if there is none.</summary>
    internal static int? Find(FirmwareType firmware, IReadOnlyList<VolumeReport> reports)
    {
        IEnumerable<VolumeReport> plain = reports.Where(r => r.Tree is not null && !r.Info.IsStacked && r.Info.DiskIndex >= 0);
        return (firmware == FirmwareType.Uefi
            ? plain.FirstOrDefault(r => FirmwareDetector.IsEsp(r.Info) && r.Tree!.FileExists("/EFI/Microsoft/Boot/bootmgfw.efi"))
            : plain.FirstOrDefault(r => s_loaders.Any(r.Tree!.FileExists)))?.Info.DiskIndex;
    }
}
