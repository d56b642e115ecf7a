using V2V.Core.Inspection;
using V2V.Core.Sources;

namespace V2V.Core.Conversion;

/// <summary>What the target must offer a guest (convert-linux.md 4.10, inspection.md 3.6).</summary>
internal static class GuestCapabilityRules
{
    /// <summary>First releases that osinfo-db gives Q35 and virtio 1.0; the families in between follow their kernel.</summary>
    private static readonly Dictionary<string, Version> s_modernSince = new(StringComparer.Ordinal)
    {
        ["debian"] = new(9, 0),
        ["ubuntu"] = new(17, 4),
        ["linuxmint"] = new(19, 0),
        ["kalilinux"] = new(0, 0),
        ["fedora"] = new(23, 0),
        ["rhel"] = new(7, 2),
        ["centos"] = new(7, 0),
        ["oraclelinux"] = new(7, 2),
        ["scientificlinux"] = new(7, 2),
        ["rocky"] = new(8, 0),
        ["circle"] = new(8, 0),
        ["sles"] = new(12, 2),
        ["opensuse"] = new(15, 0),
        ["altlinux"] = new(8, 0),
        ["archlinux"] = new(0, 0),
        ["gentoo"] = new(0, 0),
        ["voidlinux"] = new(0, 0),
    };

    private static readonly Version s_leap421 = new(42, 1);

    internal static GuestCapabilities Describe(V2VInspection inspection, KernelDrivers drivers)
    {
        bool isX86 = inspection.Architecture is "x86_64" or "i386" or "i486" or "i586" or "i686" or "unknown";
        bool isModern = IsModern(inspection, drivers.Boot);
        FirmwareType firmware = inspection.Firmware != FirmwareType.Unknown ? inspection.Firmware : inspection.Source.Firmware;
        string machine = !isX86 ? "virt" : isModern || IsRhel6(inspection) || firmware == FirmwareType.Uefi ? "q35" : "pc";
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
            SecureBoot = firmware == FirmwareType.Uefi && inspection.Source.SecureBoot && inspection.Applications.Any(a => a.Name is "shim-signed" or "shim" or "shim-x64" or "shim-aa64"),
        };
    }

    /// <summary>True if the release knows Q35 and virtio 1.0. A rolling release has version 0; a family not listed follows its kernel: both are there since Linux 4.9.</summary>
    private static bool IsModern(V2VInspection inspection, KernelInfo? kernel) =>
        s_modernSince.TryGetValue(inspection.Distro, out Version? since)
            ? inspection.Version.Major == 0 || (inspection.Version >= since && !IsLeap421(inspection))
            : kernel is null || PackageVersion.Compare(kernel.Version, "4.9") >= 0;

    /// <summary>Leap's numbers went from 42.3 back to 15.0.</summary>
    private static bool IsLeap421(V2VInspection inspection) => inspection.Distro == "opensuse" && inspection.Version.Major == 42 && inspection.Version <= s_leap421;

    /// <summary>The releases that know Q35, but virtio in its old form only.</summary>
    private static bool IsRhel6(V2VInspection inspection) =>
        inspection.Version.Major == 6 && inspection.Distro is "rhel" or "centos" or "oraclelinux" or "scientificlinux" or "redhat-based";

    private static bool Has(KernelInfo? kernel, string module) => kernel is not null && (kernel.Modules.Contains(module) || kernel.BuiltIn.Contains(module));
}
