using Xunit;

namespace V2V.EndToEnd;

/// <summary>BIOS, GRUB, Btrfs with the subvolumes @, @home and @var under zstd, initramfs-tools with MODULES=dep.</summary>
public sealed class BtrfsGuestTests() : InstalledGuestTests("btrfs", "bios", "/dev/sda1 does not exist")
{
    private protected override void CheckReport(GuestReport report, string diskName)
    {
        Assert.True(report["root"] == $"/dev/{diskName}a1[/@]" && report["root-type"] == "btrfs", report.ToString());
        Assert.Equal($"/dev/{diskName}a1[/@home]", report["home"]);
        Assert.Contains("compress=zstd:1", report["root-options"], StringComparison.Ordinal);
        Assert.Equal($"/dev/{diskName}a2", report["swap"]);
    }
}
