using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Volumes;
using V2V.Core.Sources;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Inspection;

public class FstabTests
{
    private static readonly VolumeInfo[] s_volumes =
    [
        new("sda1", 0, 1, 1 << 20, 1 << 29, "ext4", "42778d0e-70fc-4ce6-b1af-c3a61042c95b", "root fs", "5eed0001-01", null, "83"),
        new("sda5", 0, 5, 1 << 30, 1 << 28, "swap", "b8e004ed-8a3f-45dc-9905-19caebc9c4ed", null, "5eed0001-05", null, "82"),
        new("sdb1", 1, 1, 1 << 20, 1 << 28, "vfat", "1234-ABCD", "ESP", "c0ffee00-1111-2222-3333-444455556666", "EFI System", "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"),
        new("sdc", 2, 0, 0, 1 << 28, "ext4", "aaaaaaaa-70fc-4ce6-b1af-c3a61042c95b", "data", null, null, null),
    ];

    private static SourceDisk Disk(int index, DiskController controller, int? number = 0, int? unit = null, string? serial = null) =>
        new() { Index = index, Format = "raw", Controller = controller, ControllerNumber = number, Unit = unit ?? index, Serial = serial };

    [Theory]
    [InlineData("UUID=42778d0e-70fc-4ce6-b1af-c3a61042c95b", "sda1")]
    [InlineData("UUID=\"42778D0E-70FC-4CE6-B1AF-C3A61042C95B\"", "sda1")]
    [InlineData("uuid=1234-abcd", "sdb1")]
    [InlineData("LABEL=root fs", "sda1")]
    [InlineData("LABEL=none", null)]
    [InlineData("PARTUUID=5eed0001-05", "sda5")]
    [InlineData("PARTLABEL=EFI System", "sdb1")]
    [InlineData("/dev/disk/by-uuid/1234-ABCD", "sdb1")]
    [InlineData("/dev/disk/by-label/root\\x20fs", "sda1")]
    [InlineData("/dev/disk/by-partuuid/5eed0001-01", "sda1")]
    [InlineData("/dev/disk/by-partlabel/EFI\\x20System", "sdb1")]
    [InlineData("/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:1:0-part1", "sdb1")]
    [InlineData("/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:9:0-part1", null)]
    [InlineData("/dev/disk/by-id/scsi-36000c29-part1", null)]
    [InlineData("/dev/sda1", "sda1")]
    [InlineData("/dev/hdb1", "sdb1")]
    [InlineData("/dev/vda5", "sda5")]
    [InlineData("/dev/xvdc", "sdc")]
    [InlineData("/dev/sdc", "sdc")]
    [InlineData("/dev/sda9", null)]
    [InlineData("/dev/sdz1", null)]
    [InlineData("/dev/cciss/c0d1p1", "sdb1")]
    public void NamesAreResolved(string spec, string? device)
    {
        var resolver = new DeviceNameResolver(s_volumes, [Disk(0, DiskController.Scsi), Disk(1, DiskController.Scsi), Disk(2, DiskController.Scsi)]);
        Assert.Equal(device, resolver.Find(spec)?.Device);
    }

    [Theory]
    [InlineData("/dev/disk/by-id/ata-VBOX_HARDDISK_VB1234-5678-part1", "sda1")]
    [InlineData("/dev/disk/by-id/ata-VBOX_HARDDISK_VB9abc_def0-part1", "sdb1")]
    [InlineData("/dev/disk/by-id/ata-VBOX_HARDDISK_VB9abc_def0-part2", null)]
    [InlineData("/dev/disk/by-id/ata-VBOX_HARDDISK_other-part1", null)]
    [InlineData("/dev/disk/by-id/scsi-VB1234-5678-part1", null)]
    public void NamesByIdentityGoByTheSerialNumber(string spec, string? device)
    {
        SourceDisk[] disks = [Disk(0, DiskController.Sata, serial: "VB1234-5678"), Disk(1, DiskController.Sata, serial: " VB9abc def0 "), Disk(2, DiskController.Sata)];
        Assert.Equal(device, new DeviceNameResolver(s_volumes, disks).Find(spec)?.Device);
    }

    [Theory]
    [InlineData("/dev/mapper/vg-root", "Stacked")]
    [InlineData("/dev/vg00/root", "Stacked")]
    [InlineData("/dev/md0", "Stacked")]
    [InlineData("/dev/dm-1", "Stacked")]
    [InlineData("/dev/disk/by-id/dm-uuid-LVM-abc", "Stacked")]
    [InlineData("proc", "Ignored")]
    [InlineData("tmpfs", "Ignored")]
    [InlineData("server:/export", "Ignored")]
    [InlineData("//server/share", "Ignored")]
    [InlineData("/dev/fd0", "Ignored")]
    [InlineData("/dev/sr0", "Ignored")]
    [InlineData("/dev/cdrom", "Ignored")]
    [InlineData("/dev/iso9660/x", "Ignored")]
    [InlineData("/dev/sdq7", "Missing")]
    [InlineData("/dev/whatever", "Missing")]
    public void OtherNamesAreToldApart(string spec, string outcome) =>
        Assert.Equal(outcome, new DeviceNameResolver(s_volumes, []).Resolve(spec).Outcome.ToString());

    [Fact]
    public void NvmeNamesCountControllersAndNamespaces()
    {
        var spaces = new DeviceNameResolver(s_volumes, [Disk(0, DiskController.Scsi), Disk(1, DiskController.Nvme, 0, 0), Disk(2, DiskController.Nvme, 0, 1)]);
        Assert.Equal("sdb1", spaces.Find("/dev/nvme0n1p1")?.Device);
        Assert.Equal("sdc", spaces.Find("/dev/nvme0n2")?.Device);
        Assert.Null(spaces.Find("/dev/nvme0n3p1"));
        var controllers = new DeviceNameResolver(s_volumes, [Disk(0, DiskController.Nvme, 0, 0), Disk(1, DiskController.Nvme, 1, 0), Disk(2, DiskController.Nvme, 2, 0)]);
        Assert.Equal("sda5", controllers.Find("/dev/nvme0n1p5")?.Device);
        Assert.Equal("sdb1", controllers.Find("/dev/nvme1n1p1")?.Device);
        Assert.Equal("sda1", new DeviceNameResolver(s_volumes, []).Find("/dev/nvme0n1p1")?.Device);
    }

    [Fact]
    public void OneDiskAnswersToEveryId()
    {
        var resolver = new DeviceNameResolver(s_volumes[..2], [Disk(0, DiskController.Scsi)]);
        Assert.Equal("sda1", resolver.Find("/dev/disk/by-id/scsi-36000c29abcdef-part1")?.Device);
        Assert.Equal("sda5", resolver.Find("/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part5")?.Device);
    }

    [Fact]
    public void LinesAreParsed()
    {
        List<FstabLine> lines = FstabLine.Parse(GuestText.SplitLines(
            "# comment\n\n  /dev/sda1 / ext4 defaults,noatime 0 1\nLABEL=a\\040b\t/mnt/my\\040disk\\134\tvfat\nbroken\n/dev/sdb1 /x\n"));
        Assert.Equal(
            [new("/dev/sda1", "/", "ext4", "defaults,noatime"), new("LABEL=a b", "/mnt/my disk\\", "vfat", "defaults"), new FstabLine("/dev/sdb1", "/x", "auto", "defaults")], lines);
        Assert.True(lines[0].HasOption("noatime"));
        Assert.False(lines[0].HasOption("atime"));
    }

    [Fact]
    public void HugeFstabIsCutOff()
    {
        List<FstabLine> lines = FstabLine.Parse(Enumerable.Repeat("/dev/sda1 /x ext4", 100_000));
        Assert.InRange(lines.Count, 1, 10_000);
    }

    [Fact]
    public void RealFstabIsParsed()
    {
        List<FstabLine> lines = FstabLine.Parse(File.ReadLines(Corpus.Require("linux-inspection/augeas-root/etc/fstab")));
        Assert.Equal(10, lines.Count);
        Assert.Equal(new FstabLine("LABEL=/boot", "/boot", "ext3", "defaults"), lines[1]);
    }
}
