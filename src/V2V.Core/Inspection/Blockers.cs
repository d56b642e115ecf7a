using V2V.Core.Inspection.Volumes;
using V2V.Storage.Volumes;

namespace V2V.Core.Inspection;

/// <summary>The reasons why a guest cannot be converted, each with its own identifier.</summary>
internal static class Blockers
{
    private static readonly (string Type, string ErrorId, string What)[] s_unsupported =
    [
        ("crypto_LUKS", "InspectionLuksUnsupported", "an encrypted volume (LUKS) that V2V does not recognise"),
        ("LVM2_member", "InspectionLvmUnsupported", "part of an LVM volume group whose description is on none of the disks"),
        ("linux_raid_member", "InspectionMdRaidUnsupported", "part of an md array with a damaged superblock"),
        ("swsuspend", "InspectionHibernated", "swap space that holds the image of a hibernated guest"),
    ];

    /// <summary>How the identifiers of errors begin that are the image's own: no fsck in the guest helps.</summary>
    private static readonly string[] s_imageErrors = ["Vmdk", "Qcow2", "HostFile", "Source"];

    /// <summary>What is wrong with a volume that could not be opened; null if nothing is, as for swap.</summary>
    internal static BlockerInfo? ForVolume(VolumeReport report)
    {
        string device = report.Info.Device;
        foreach ((string type, string errorId, string what) in s_unsupported)
        {
            if (report.Info.FileSystem == type && report.Tree is null)
            {
                return errorId == "InspectionHibernated" ? Hibernated(device) : new BlockerInfo(errorId, $"{device} is {what}, which this version of V2V cannot open.", device,
                    "Wait for a version that can, or move the guest to a plain ext4 partition first.");
            }
        }

        if (report.Problem is { } problem && s_imageErrors.Any(p => problem.ErrorId.StartsWith(p, StringComparison.Ordinal)))
        {
            return new BlockerInfo(problem.ErrorId, $"{device}: {problem.Message}", problem.Target ?? device, problem.Advice ?? "Obtain the disk again.");
        }

        return report.Problem is null ? null : report.Problem.Kind == Storage.V2VErrorKind.Unsupported
            ? new BlockerInfo("InspectionFileSystemUnsupported", $"{device} ({report.Info.FileSystem}): {report.Problem.Message}", device,
                report.Problem.Advice ?? "Move the guest to a file system that V2V supports, or export it as it is.")
            : new BlockerInfo("InspectionFileSystemDamaged", $"{device} ({report.Info.FileSystem}): {report.Problem.Message}", device,
                "Check the file system in the guest (fsck) and export it again.");
    }

    /// <summary>A volume of fstab that was not put together: why, if that is known.</summary>
    internal static BlockerInfo Stacked(string spec, string point, IReadOnlyList<VolumeProblem> problems)
    {
        bool isArray = spec.StartsWith("/dev/md", StringComparison.Ordinal);
        string name = spec["/dev/".Length..].Replace("mapper/", "", StringComparison.Ordinal).Replace("--", "-", StringComparison.Ordinal).Replace('-', '/');
        VolumeProblem? problem = problems.FirstOrDefault(p => p.Target.Length > 0 && name.Contains(p.Target.Replace('-', '/'), StringComparison.Ordinal))
            ?? problems.FirstOrDefault(p => isArray == p.ErrorId.StartsWith("Md", StringComparison.Ordinal));
        return problem is not null
            ? Refused(problem) with { Message = $"fstab mounts {spec} at {point}, which was not put together: {problem.Message}" }
            : new BlockerInfo(
                isArray ? "InspectionArrayMissing" : "InspectionVolumeMissing", $"fstab mounts {spec} at {point}: a logical, encrypted or RAID volume that is on none of the machine's disks.", spec,
                "Import the machine with all its disks.");
    }

    /// <summary>A volume of fstab that is on none of the disks, or that cannot be told.</summary>
    internal static BlockerInfo Missing(string spec, string point) => new(
        "InspectionMountMissing", $"fstab mounts {spec} at {point}, but no volume of the machine's disks is that.", spec,
        "Import the machine with all its disks; where fstab names a disk by its place or serial number, name the UUID in the guest and export it again.");

    /// <summary>A volume that could not be put together.</summary>
    internal static BlockerInfo Refused(VolumeProblem problem) => new(problem.ErrorId, problem.Message, problem.Target, problem.Advice);

    internal static BlockerInfo ReadOnlyVolume(string device, string point, string reason) => new(
        "InspectionVolumeReadOnly", $"{device}, mounted at {point}, cannot be written: {reason}", device, "Put the volume in order in the guest, shut it down and export it again.");

    internal static BlockerInfo ReadOnlySystem(string device, string reason) => new(
        "InspectionVolumeReadOnly", $"{device}, the drive that Windows lies on, cannot be written: {reason}.", device, "Put the volume in order in the guest, shut it down and export it again.");

    internal static BlockerInfo Hibernated(string device) => new(
        "InspectionHibernated", $"The guest is hibernated: {device} holds its memory.", device, "Start the guest, shut it down properly, and export it again.");

    internal static BlockerInfo HibernatedWindows(string device) => new(
        "InspectionHibernated", $"{device}: Windows is hibernated, or was shut down by Fast Startup; what it has open must not be changed.", device,
        "Start the guest, run 'powercfg /h off', shut it down fully ('shutdown /s /t 0') and export it again.");

    /// <summary>A volume that is Windows' by its form, but no Windows was found on it.</summary>
    internal static BlockerInfo Windows(VolumeReport report) => new(
        "InspectionWindowsUnsupported",
        $"{report.Info.Device} looks like a drive of Windows ({report.Info.FileSystem}), but no Windows that can be read is on it{(report.Problem is { } problem ? ": " + problem.Message : ".")}",
        report.Info.Device, report.Problem?.Advice ?? "Import all disks of the machine, or export them as they are.");

    internal static BlockerInfo OtherSystem(string name, string device) => new(
        "InspectionSystemUnsupported", $"{device} is the root of {name}, which V2V does not convert.", device, "Export the disks as they are.");

    internal static BlockerInfo Ostree(string device) => new(
        "InspectionOstreeUnsupported", $"{device} holds a system that OSTree deploys (Fedora CoreOS, Silverblue and their like); its files are not changed in place.", device,
        "Install the system anew on KVM and move its data; images for QEMU exist for each of them.");

    internal static BlockerInfo ReadOnlyRoot(string device, string how) => new(
        "InspectionReadOnlyRoot", $"{device} is the root of a system that is updated by transactions (openSUSE MicroOS and its like): {how}, so neither its files nor the first boot's changes would last.", device,
        "Name virtio_pci, virtio_blk, virtio_scsi and virtio_net in /etc/dracut.conf.d in the guest, run 'transactional-update initrd', reboot, and export the disks as they are.");

    internal static BlockerInfo NoSystem(string source) => new(
        "InspectionNoOperatingSystem", "No operating system was found on the disks.", source, "Export the disks as they are; nothing needs converting.");

    internal static BlockerInfo UnknownDistribution(string product, string device) => new(
        "InspectionUnknownDistribution",
        product.Length > 0 ? $"The distribution {product} is not known." : "The distribution of the Linux cannot be told: no release file is known.",
        device, "Export the disks as they are, or report the content of /etc/os-release.");

    internal static BlockerInfo NoKernel(string device) => new(
        "InspectionNoKernel", "The guest has no kernel in /boot or /lib/modules.", device, "Install a kernel in the guest and export it again.");

    internal static BlockerInfo NoFreeSpace(string point, long free, long needed) => new(
        "InspectionNoFreeSpace", FormattableString.Invariant($"{point} has {free >> 10} KiB free; a conversion needs {needed >> 10} KiB."), point,
        $"Free space in {point} of the guest and export it again.");

    internal static BlockerInfo NoFreeInodes(string point, long free) => new(
        "InspectionNoFreeInodes", FormattableString.Invariant($"{point} has only {free} free inodes."), point, $"Delete files in {point} of the guest and export it again.");
}
