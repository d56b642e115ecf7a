using V2V.Core.Conversion.Windows;
using V2V.Core.Inspection;
using V2V.Storage;

namespace V2V.Core.Conversion;

/// <summary>
/// Whether an inspected guest can be converted at all. What decides are the things that the edits stand on: a kernel, a boot loader whose files
/// are known, and a tool that builds the initramfs and can be told to keep the drivers. The name of the distribution only decides whether the user
/// is told that nobody has tried it, and names those whose method is another one.
/// </summary>
internal static class Convertibility
{
    private static readonly string[] s_known =
    [
        "debian", "ubuntu", "linuxmint", "kalilinux",
        "fedora", "rhel", "centos", "circle", "scientificlinux", "redhat-based", "oraclelinux", "rocky", "kylin", "neokylin", "anolis", "openeuler", "opencloudos", "tencentos",
        "sles", "suse-based", "opensuse", "altlinux", "mageia", "openmandriva", "archlinux", "alpine", "voidlinux", "gentoo",
    ];

    private static readonly string[] s_loaders = ["grub1", "grub2", "systemd-boot", "extlinux", "syslinux", "uki"];

    /// <summary>Lists of packages that can be read, and where they are.</summary>
    private static readonly Dictionary<string, string> s_packageLists = new(StringComparer.Ordinal)
    {
        ["deb"] = "/var/lib/dpkg/status",
        ["rpm"] = "the rpm database (rpm --rebuilddb)",
        ["pacman"] = "/var/lib/pacman/local",
        ["apk"] = "/lib/apk/db/installed",
    };

    /// <summary>Formats without a list that can be read: nothing is removed there, and all else stands on files.</summary>
    private static readonly string[] s_otherFormats = ["xbps", "ebuild"];

    private static readonly Dictionary<string, string> s_otherMethods = new(StringComparer.Ordinal)
    {
        ["nixos"] = "NixOS builds its boot files and /etc from /etc/nixos; name the virtio modules in boot.initrd.availableKernelModules there, run nixos-rebuild boot, and export the disks as they are.",
        ["guix"] = "Guix builds its boot files from its configuration; name the virtio modules in initrd-modules there, reconfigure, and export the disks as they are.",
        ["coreos"] = "Its images have the virtio drivers compiled in; export the disks as they are.",
        ["flatcar"] = "Its images have the virtio drivers compiled in; export the disks as they are.",
        ["cirros"] = "Its images have the virtio drivers; export the disks as they are.",
    };

    /// <summary>Refuses what cannot be converted.</summary>
    /// <returns>A warning for a distribution that is not known by name; null for one that is.</returns>
    /// <exception cref="V2VException">The guest cannot be converted; the blocker's own identifier, or one of docs/errors/conversion.md.</exception>
    internal static string? Check(V2VInspection inspection)
    {
        if (inspection.Blockers is [{ } blocker, ..])
        {
            throw new V2VException(blocker.ErrorId, V2VErrorKind.InvalidState, blocker.Message, blocker.Target, blocker.Advice);
        }

        if (inspection.Windows is not null)
        {
            WindowsConvertibility.Check(inspection);
            return null;
        }

        bool isReadable = s_packageLists.ContainsKey(inspection.PackageFormat);
        if (inspection.OsType != "linux" || (!isReadable && !s_otherFormats.Contains(inspection.PackageFormat)))
        {
            throw V2VException.Unsupported(
                "ConversionDistroUnsupported", $"Guests of the kind {inspection.OsType}/{inspection.Distro} cannot be converted by this version.", inspection.Name,
                s_otherMethods.GetValueOrDefault(inspection.Distro, "Export the source as it is, or convert the guest with a later version."));
        }

        if (isReadable && inspection.Applications.Count == 0)
        {
            throw new V2VException(
                "ConversionPackagesMissing", V2VErrorKind.InvalidState, "The guest's list of installed packages is missing or empty.", inspection.Name,
                $"Repair {s_packageLists[inspection.PackageFormat]} in the guest and export it again.");
        }

        CheckKernels(inspection);
        CheckLoader(inspection);
        CheckInitramfs(inspection);
        if (s_known.Contains(inspection.Distro))
        {
            return null;
        }

        string product = inspection.ProductName.Length > 0 ? inspection.ProductName : inspection.Distro;
        return $"{product} is not known by name; it was converted by what it has: {string.Join(", ", [inspection.PackageFormat, .. inspection.InitramfsTools, inspection.BootLoader!.Type])}.";
    }

    private static void CheckKernels(V2VInspection inspection)
    {
        if (inspection.Kernels.Count == 0)
        {
            throw new V2VException(
                "ConversionKernelMissing", V2VErrorKind.InvalidState, "The guest has no installed kernel.", inspection.Name,
                "Install a kernel in the guest and export it again.");
        }

        if (inspection.Kernels.All(KernelDrivers.IsXenOnly))
        {
            throw V2VException.Unsupported(
                "ConversionKernelXenOnly", $"Every kernel of the guest ({string.Join(", ", inspection.Kernels.Select(k => k.Version).Take(4))}) starts under Xen only.", inspection.Name,
                "Install the distribution's ordinary kernel in the guest and export it again.");
        }
    }

    private static void CheckLoader(V2VInspection inspection)
    {
        if (inspection.Architecture is "s390" or "s390x" || inspection.BootLoader?.Type == "zipl")
        {
            throw V2VException.Unsupported(
                "ConversionLoaderZipl", "The guest starts by zipl, which writes the places of the kernel's blocks to the disk; nothing can be changed there without running it.", inspection.Name,
                "Run dracut with the virtio drivers and zipl in the guest, and export the disks as they are.");
        }

        if (!s_loaders.Contains(inspection.BootLoader?.Type))
        {
            throw V2VException.Unsupported(
                "ConversionLoaderUnsupported", $"The guest's boot loader ({inspection.BootLoader?.Type ?? "none found"}) is not supported; GRUB, systemd-boot and extlinux are.", inspection.Name,
                "Install GRUB in the guest and export it again.");
        }
    }

    /// <summary>A guest whose every initramfs has virtio needs no tool; what its tool puts in once, it puts in again.</summary>
    private static void CheckInitramfs(V2VInspection inspection)
    {
        if (inspection.InitramfsTools.Count == 0 && !(inspection.PackageFormat == "deb" && s_known.Contains(inspection.Distro))
            && inspection.Kernels.Any(k => k.InitramfsPath is not null && !k.InitramfsHasVirtio && !k.InitramfsIsFileSystem && (k.HasVirtioBlk || k.HasVirtioScsi)))
        {
            string product = inspection.ProductName.Length > 0 ? inspection.ProductName : inspection.Distro;
            throw V2VException.Unsupported(
                "ConversionInitramfsToolUnsupported", $"{product} builds its initramfs with no tool that V2V knows, so its own next rebuild would lose the virtio drivers.", inspection.Name,
                "Install dracut (or initramfs-tools on a derivative of Debian) in the guest and export it again.");
        }
    }
}
