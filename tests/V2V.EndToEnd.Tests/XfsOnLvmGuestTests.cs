using Xunit;

namespace V2V.EndToEnd;

/// <summary>
/// UEFI, systemd-boot with Boot Loader Specification entries on the ESP, /boot on ext4, the root on XFS in a volume group over two disks, dracut
/// in host-only mode.
/// </summary>
public sealed class XfsOnLvmGuestTests() : InstalledGuestTests("xfs-lvm", "uefi", "starting timeout scripts")
{
    private protected override void CheckReport(GuestReport report, string diskName)
    {
        Assert.True(report["root"] == "/dev/mapper/vmguest-root" && report["root-type"] == "xfs", report.ToString());
        Assert.StartsWith("/dev/dm-", report["swap"], StringComparison.Ordinal);

        // The kernel names SCSI disks in the order in which it finishes looking at them.
        Assert.Matches($"^/dev/{diskName}[ab]2$", report["boot"]);
        Assert.Matches($"^/dev/{diskName}(a3 /dev/{diskName}b|a /dev/{diskName}b3)$", report["physical-volumes"]);
    }
}
