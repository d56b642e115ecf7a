using Xunit;

namespace V2V.EndToEnd;

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
