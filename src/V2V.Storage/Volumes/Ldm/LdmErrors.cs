namespace V2V.Storage.Volumes.Ldm;

/// <summary>Errors of Windows' dynamic disks.</summary>
internal static class LdmErrors
{
    internal static V2VException Damaged(string message, string target) => new(
        "LdmDatabaseDamaged", V2VErrorKind.Corrupt, $"The description of dynamic volumes on {target} is damaged: {message}.", target, "Obtain the disks again; in the guest, let Disk Management repair the group.");

    internal static V2VException Version(string message, string target) =>
        V2VException.Unsupported("LdmVersionUnsupported", $"The dynamic disk {target} is of an unknown version: {message}.", target, "Move the guest's volumes to basic disks.");

    internal static V2VException Unfinished(string target) => new(
        "LdmTransactionUnfinished", V2VErrorKind.InvalidState, $"A change of the dynamic volumes described on {target} is unfinished.", target,
        "Start the guest with all its disks, shut it down and export it again.");

    internal static V2VException DiskMissing(string message, string target) =>
        new("LdmDiskMissing", V2VErrorKind.NotFound, message, target, "Import the machine with all its disks.");

    internal static V2VException NotActive(string volume, string state) => new(
        "LdmVolumeNotActive", V2VErrorKind.InvalidState, $"The dynamic volume {volume} is not in order: its state is '{state}'.", volume, "Repair the volume in the guest (Disk Management), shut it down and export it again.");

    internal static V2VException Layout(string message, string volume) =>
        V2VException.Unsupported("LdmLayoutUnsupported", $"The dynamic volume {volume} has a layout that Windows does not make: {message}.", volume, "Move the volume to a basic disk in the guest.");

    internal static V2VException Truncated(string disk, string volume) =>
        V2VException.Corrupt("LdmDiskTruncated", $"The disk {disk} is shorter than the dynamic volume {volume} needs it to be.", volume);
}
