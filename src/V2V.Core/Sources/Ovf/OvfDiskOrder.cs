namespace V2V.Core.Sources.Ovf;

/// <summary>
/// The order in which a guest's firmware sees its disks, which need not be the order of the document. VMware's BIOS has SCSI, NVMe, SATA,
/// IDE; VirtualBox's has IDE, SATA, SCSI, NVMe; within a kind the controller's number counts, then the address on it. VMware's
/// <c>bios.hddOrder</c> (<c>scsi0:1,ide0:0</c>) comes before all of that.
/// </summary>
internal static class OvfDiskOrder
{
    private static readonly DiskController[] s_vmware =
        [DiskController.Scsi, DiskController.VirtioScsi, DiskController.VirtioBlk, DiskController.Nvme, DiskController.Sata, DiskController.Ide];

    private static readonly DiskController[] s_virtualBox =
        [DiskController.Ide, DiskController.Sata, DiskController.Scsi, DiskController.VirtioScsi, DiskController.VirtioBlk, DiskController.Nvme];

    /// <summary>Sorts disks that stand in the document's order.</summary>
    public static List<OvfAttachedDisk> Sort(IEnumerable<OvfAttachedDisk> disks, bool isVirtualBox, string? biosOrder)
    {
        DiskController[] ranks = isVirtualBox ? s_virtualBox : s_vmware;
        string[] first = biosOrder?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];
        return [.. disks
            .OrderBy(d => Rank(Array.FindIndex(first, f => f.Equals(AddressOf(d), StringComparison.OrdinalIgnoreCase))))
            .ThenBy(d => Rank(Array.IndexOf(ranks, d.Controller)))
            .ThenBy(d => d.ControllerNumber ?? int.MaxValue)
            .ThenBy(d => d.Unit ?? int.MaxValue)];
    }

    private static int Rank(int index) => index < 0 ? int.MaxValue : index;

    private static string AddressOf(OvfAttachedDisk disk) =>
        FormattableString.Invariant($"{disk.Controller}{disk.ControllerNumber}:{disk.Unit}");
}
