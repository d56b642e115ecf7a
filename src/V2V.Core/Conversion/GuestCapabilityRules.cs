using V2V.Core.Inspection;
using V2V.Core.Sources;

namespace V2V.Core.Conversion;

/// <summary>What the target must offer a guest of the Debian family (convert-linux.md 4.10, inspection.md 3.6).</summary>
internal static class GuestCapabilityRules
{
    private static readonly Version s_ubuntuWithVirtio10 = new(17, 4);

    internal static GuestCapabilities Describe(V2VInspection inspection, KernelDrivers drivers)
    {
        bool isX86 = inspection.Architecture is "x86_64" or "i386" or "i486" or "i586" or "i686" or "unknown";
        bool isModern = IsModern(inspection, drivers.Boot);
        FirmwareType firmware = inspection.Firmware != FirmwareType.Unknown ? inspection.Firmware : inspection.Source.Firmware;
        string machine = !isX86 ? "virt" : isModern || firmware == FirmwareType.Uefi ? "q35" : "pc";
        BlockBus bus = drivers.Bus == BlockBus.Sata && machine == "pc" ? BlockBus.Ide : drivers.Bus;
        KernelInfo? kernel = drivers.Boot;
        return new GuestCapabilities
        {
            BlockBus = bus,
            SupportsVirtioScsi = kernel?.HasVirtioScsi == true,
            NetModel = kernel?.HasVirtioNet == true ? "virtio" : "e1000",
            VirtioRng = Has(kernel, "virtio_rng"),
            VirtioBalloon = Has(kernel, "virtio_balloon"),
            PvPanic = isX86 && (Has(kernel, "pvpanic") || Has(kernel, "pvpanic_mmio")),
            VirtioVsock = Has(kernel, "vmw_vsock_virtio_transport"),
            Machine = machine,
            Virtio10 = !isX86 || isModern,
            Architecture = inspection.Architecture switch
            {
                "unknown" => "x86_64",
                "i386" or "i486" or "i586" => "i686",
                string other => other,
            },
            RtcUtc = true,
            Firmware = firmware == FirmwareType.Unknown ? FirmwareType.Bios : firmware,
            SecureBoot = firmware == FirmwareType.Uefi && inspection.Source.SecureBoot && inspection.Applications.Any(a => a.Name is "shim-signed" or "shim"),
        };
    }

    /// <summary>True if the release knows Q35 and virtio 1.0, which osinfo-db gives to the same releases of this family: those with Linux 4.9 and later.</summary>
    private static bool IsModern(V2VInspection inspection, KernelInfo? kernel) => inspection.Distro switch
    {
        "debian" => inspection.Version.Major is 0 or >= 9,
        "ubuntu" => inspection.Version >= s_ubuntuWithVirtio10,
        "linuxmint" => inspection.Version.Major is 0 or >= 19,
        "kalilinux" => true,
        _ => kernel is null || PackageVersion.Compare(kernel.Version, "4.9") >= 0,
    };

    private static bool Has(KernelInfo? kernel, string module) => kernel is not null && (kernel.Modules.Contains(module) || kernel.BuiltIn.Contains(module));
}
