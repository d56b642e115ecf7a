using V2V.Core.Inspection;
using V2V.Storage;

namespace V2V.Core.Conversion;

/// <summary>
/// Whether an inspected guest can be converted at all. What decides are the things that the edits stand on: dpkg, GRUB, a kernel, and a tool
/// that builds its initramfs. The name of the distribution only decides whether the user is told that nobody has tried it.
/// </summary>
internal static class Convertibility
{
    private static readonly string[] s_known = ["debian", "ubuntu", "linuxmint", "kalilinux"];
    private static readonly string[] s_initramfsTools = ["initramfs-tools", "initramfs-tools-core", "dracut", "dracut-core"];

    /// <summary>Refuses what cannot be converted.</summary>
    /// <returns>A warning for a distribution that is not known by name; null for one that is.</returns>
    /// <exception cref="V2VException">The guest cannot be converted; the blocker's own identifier, or one of docs/errors/conversion.md.</exception>
    internal static string? Check(V2VInspection inspection)
    {
        if (inspection.Blockers is [{ } blocker, ..])
        {
            throw new V2VException(blocker.ErrorId, V2VErrorKind.InvalidState, blocker.Message, blocker.Target, blocker.Advice);
        }

        bool isKnown = inspection.OsType == "linux" && s_known.Contains(inspection.Distro);
        if (inspection.OsType != "linux" || (!isKnown && inspection.PackageFormat != "deb"))
        {
            throw V2VException.Unsupported(
                "ConversionDistroUnsupported", $"Guests of the kind {inspection.OsType}/{inspection.Distro} cannot be converted by this version.", inspection.Name,
                "Export the source as it is, or convert the guest with a later version.");
        }

        CheckParts(inspection);
        string? tool = s_initramfsTools.FirstOrDefault(t => inspection.Applications.Any(a => a.Name == t));
        if (isKnown)
        {
            return null;
        }

        string product = inspection.ProductName.Length > 0 ? inspection.ProductName : inspection.Distro;
        return tool is not null || inspection.Kernels.All(k => k.InitramfsPath is null)
            ? $"{product} is not known by name; it was converted like Debian, because it has {string.Join(", ", ((string?[])["dpkg", tool, "GRUB"]).OfType<string>())}."
            : throw V2VException.Unsupported(
                "ConversionInitramfsToolUnsupported", $"{product} builds its initramfs with neither initramfs-tools nor dracut, so its own next rebuild would lose the virtio drivers.", inspection.Name,
                "Install initramfs-tools in the guest and export it again.");
    }

    private static void CheckParts(V2VInspection inspection)
    {
        if (inspection.PackageFormat != "deb" || inspection.Applications.Count == 0)
        {
            throw new V2VException(
                "ConversionPackagesMissing", V2VErrorKind.InvalidState, "The guest's list of installed packages is missing or empty.", inspection.Name,
                "Repair /var/lib/dpkg/status in the guest and export it again.");
        }

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

        if (inspection.BootLoader?.Type is not ("grub2" or "grub1"))
        {
            throw V2VException.Unsupported(
                "ConversionLoaderUnsupported", $"The guest's boot loader ({inspection.BootLoader?.Type ?? "none found"}) is not supported; GRUB is.", inspection.Name,
                "Install GRUB in the guest and export it again.");
        }
    }
}
