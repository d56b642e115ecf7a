using V2V.FileSystems;
using V2V.Registry;
using V2V.Storage;

namespace V2V.Core.Conversion.Windows;

/// <summary>Makes sure, before anything is changed, that there is room on the system drive, and says what may keep drivers or scripts from working.</summary>
internal sealed class SystemCheckStep : ConversionStep
{
    /// <summary>Windows itself needs this much to start well (convert-windows.md 5.1).</summary>
    private const long FreeForWindows = 100L << 20;

    private const string Restrictions = @"SOFTWARE\Policies\Microsoft\Windows\DeviceInstall\Restrictions";

    private static readonly string[] s_denials = ["DenyDeviceClasses", "DenyDeviceIDs", "DenyInstanceIDs", "DenyUnspecified", "DenyAll"];

    internal override string Name => "SystemCheck";

    internal override int Order => 100;

    internal override void Apply(ConversionContext context)
    {
        GuestFileSystem system = context.Tree.Mounts[0].FileSystem;
        if (system.FreeBytes < FreeForWindows)
        {
            throw new V2VException(
                "GuestSpaceLow", V2VErrorKind.NoSpace, FormattableString.Invariant($"The guest's system drive has {system.FreeBytes >> 20} MiB free; the conversion and Windows need {FreeForWindows >> 20} MiB."),
                context.Inspection.RootDevice, "Free some space on the guest's system drive and export it again.");
        }

        if (context.Inspection.Windows!.IsRebootPending)
        {
            context.Warn("Windows wants to restart to finish an installation; its first boot finishes that first and takes longer.");
        }

        if (context.Inspection.Windows.Antivirus.Count > 0)
        {
            context.Warn($"An antivirus program is installed ({string.Join(", ", context.Inspection.Windows.Antivirus)}); some keep new drivers from starting (stop code 0x7B). If that happens, switch it off on the old host and export again.");
        }

        RegistryKey? policy = context.Windows.Registry.Find(Restrictions);
        if (policy is not null && s_denials.Any(d => policy.GetNumber(d) is > 0))
        {
            context.Warn("A policy of the guest restricts the installation of devices (DeviceInstall\\Restrictions); it may keep the network card or other virtio devices from being installed at the first boot.");
        }
    }
}
