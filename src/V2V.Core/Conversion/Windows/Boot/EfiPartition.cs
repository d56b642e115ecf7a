using V2V.Core.Guest;

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

    /// <summary>True if the guest has one.</summary>
    internal static bool IsIn(GuestTree tree) => tree.Mounts.Any(m => m.MountPoint == MountPoint);
}
