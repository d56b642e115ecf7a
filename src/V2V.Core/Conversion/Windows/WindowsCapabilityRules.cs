using V2V.Core.Conversion.Windows.Drivers.Choice;
using V2V.Core.Inspection;
using V2V.Core.Sources;

namespace V2V.Core.Conversion.Windows;

/// <summary>What the target must offer a Windows guest (convert-windows.md 5.9). What its drivers decide is known after they were chosen.</summary>
internal static class WindowsCapabilityRules
{
    private static readonly Version s_vista = new(6, 0);
    private static readonly Version s_windows11 = new(10, 0, 22000);

    /// <summary>What follows from the guest as it was found: emulated devices.</summary>
    internal static GuestCapabilities Describe(V2VInspection inspection)
    {
        bool isX86 = inspection.Architecture is "x86_64" or "i386" or "unknown";
        FirmwareType firmware = !isX86 ? FirmwareType.Uefi : inspection.Firmware != FirmwareType.Unknown ? inspection.Firmware : inspection.Source.Firmware;
        string machine = !isX86 ? "virt" : inspection.Version >= s_vista || firmware == FirmwareType.Uefi ? "q35" : "pc";
        bool isClient11 = inspection.Version >= s_windows11 && inspection.Windows is not { InstallationType: "Server" or "Server Core" };
        return new GuestCapabilities
        {
            BlockBus = machine == "pc" ? BlockBus.Ide : BlockBus.Sata,
            NetModel = inspection.Version >= s_vista ? "e1000" : "rtl8139",
            Machine = machine,
            Virtio10 = true,
            Architecture = inspection.Architecture switch
            {
                "unknown" => "x86_64",
                "i386" => "i686",
                string other => other,
            },
            Firmware = firmware == FirmwareType.Unknown ? FirmwareType.Bios : firmware,
            SecureBoot = firmware == FirmwareType.Uefi && inspection.Source.SecureBoot,
            Tpm = inspection.Source.HasTpm || (isClient11 && firmware == FirmwareType.Uefi),
        };
    }

    /// <summary>What the chosen drivers add.</summary>
    /// <param name="before">What there was without them.</param>
    /// <param name="drivers">The drivers.</param>
    /// <param name="preferred">Bus that the user wants.</param>
    internal static GuestCapabilities With(GuestCapabilities before, DriverSelection drivers, BlockBus preferred)
    {
        bool hasBlock = drivers.Find(DriverKind.Block) is not null, hasScsi = drivers.Find(DriverKind.Scsi) is not null;
        return before with
        {
            BlockBus = hasScsi && (preferred == BlockBus.VirtioScsi || !hasBlock) ? BlockBus.VirtioScsi : hasBlock ? BlockBus.VirtioBlk : before.BlockBus,
            SupportsVirtioScsi = hasScsi,
            NetModel = drivers.Find(DriverKind.Network) is not null ? "virtio" : before.NetModel,
            VirtioRng = drivers.Find(DriverKind.Random) is not null,
            VirtioBalloon = drivers.Find(DriverKind.Balloon) is not null,
            PvPanic = drivers.Find(DriverKind.Panic) is not null,
            VirtioVsock = drivers.Find(DriverKind.Socket) is not null,
        };
    }
}
