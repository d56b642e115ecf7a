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
        Assert.Equal($"/dev/{diskName}a2", report["boot"]);
        Assert.Equal($"/dev/{diskName}a3 /dev/{diskName}b", report["physical-volumes"]);
        Assert.Equal("/dev/dm-", report["swap"][..8]);
    }
}

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

/// <summary>
/// BIOS, GRUB on two disks, RAID 1 under /boot and under a LUKS2 volume with LVM inside; <c>-Key</c> opens it for the conversion, a key file in the
/// initramfs at boot; initramfs-tools with MODULES=dep.
/// </summary>
public sealed class EncryptedRaidGuestTests : InstalledGuestTests
{
    private readonly string _key = Path.GetTempFileName();

    public EncryptedRaidGuestTests()
        : base("raid-luks", "bios", "/dev/mapper/vmguest-root does not exist") => File.WriteAllText(_key, "v2v-secret");

    private protected override string Options => "-Key " + V2VHost.Quote("all:file:" + _key);

    private protected override void CheckReport(GuestReport report, string diskName)
    {
        Assert.True(report["root"] == "/dev/mapper/vmguest-root" && report["root-type"] == "ext4", report.ToString());
        Assert.StartsWith("/dev/md", report["boot"], StringComparison.Ordinal);
        Assert.Equal("/dev/mapper/system_crypt", report["physical-volumes"]);
        Assert.Equal("2/2 2/2", report["arrays"]);
    }
}
