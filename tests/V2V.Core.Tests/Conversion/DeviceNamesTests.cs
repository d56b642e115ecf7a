using V2V.Core.Conversion;
using V2V.Core.Conversion.Linux;
using V2V.Core.Inspection;
using Xunit;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>Golden edits of the files that name devices.</summary>
public sealed class DeviceNamesTests
{
    private const string Root = "UUID=" + PhonyGuest.RootUuid, Swap = "UUID=" + PhonyGuest.SwapUuid;

    [Theory]
    [InlineData("/dev/sda1  /  ext4  errors=remount-ro  0  1\n", Root + "  /  ext4  errors=remount-ro  0  1\n")]
    [InlineData("\t/dev/sda5\tnone\tswap sw 0 0", "\t" + Swap + "\tnone\tswap sw 0 0")]
    [InlineData("/dev/sda1 / ext4 defaults 0 1\r\n# end\r\n", Root + " / ext4 defaults 0 1\r\n# end\r\n")]
    [InlineData("# /dev/sda1 was here\n/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0\n", "# /dev/sda1 was here\n/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0\n")]
    [InlineData("/dev/xvda1 / ext4 defaults 0 1\n/dev/hda5 none swap sw 0 0\n", Root + " / ext4 defaults 0 1\n" + Swap + " none swap sw 0 0\n")]
    [InlineData("/dev/vda1 / ext4 defaults 0 1\n/dev/nvme0n1p5 none swap sw 0 0\n", Root + " / ext4 defaults 0 1\n" + Swap + " none swap sw 0 0\n")]
    [InlineData("/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part1 / ext4 defaults 0 1\n", Root + " / ext4 defaults 0 1\n")]
    [InlineData("/dev/disk/by-id/ata-VMware_Virtual_SATA_Hard_Drive_01000000000000000001-part5 none swap sw 0 0\n", Swap + " none swap sw 0 0\n")]
    [InlineData("/dev/disk/by-uuid/" + PhonyGuest.RootUuid + " / ext4 defaults 0 1\nLABEL=x /y ext4 defaults 0 1\n", "/dev/disk/by-uuid/" + PhonyGuest.RootUuid + " / ext4 defaults 0 1\nLABEL=x /y ext4 defaults 0 1\n")]
    [InlineData("/dev/mapper/vg-root / ext4 defaults 0 1\n/dev/md0 /x ext4 defaults 0 1\ntmpfs /tmp tmpfs size=1g 0 0\n", "/dev/mapper/vg-root / ext4 defaults 0 1\n/dev/md0 /x ext4 defaults 0 1\ntmpfs /tmp tmpfs size=1g 0 0\n")]
    public void Fstab(string before, string after)
    {
        var guest = new PhonyGuest();
        guest.Root.Add("/etc/fstab", before);
        ConversionContext context = guest.Apply(new DeviceNamesStep());
        Assert.Equal(after, guest.Text("/etc/fstab"));
        Assert.Equal(before != after, context.Editor.Changes.Any(c => c is { Path: "/etc/fstab", Kind: GuestChangeKind.Edit, Step: "DeviceNames" } && c.Before == before && c.After == after));
    }

    [Fact]
    public void CrypttabPrefersThePartitionWhereTheContentHasNoUuid()
    {
        var guest = new PhonyGuest();
        guest.Volumes[2] = guest.Volumes[2] with { FileSystem = null, Uuid = null };
        guest.Root.Add("/etc/crypttab", "# <target> <source>\ncryptswap /dev/sda5 /dev/urandom swap\n");
        guest.Apply(new DeviceNamesStep());
        Assert.Equal("# <target> <source>\ncryptswap PARTUUID=5eed0001-05 /dev/urandom swap\n", guest.Text("/etc/crypttab"));
    }

    [Fact]
    public void WithoutAnyUuidTheNewNameIsUsedAndSaid()
    {
        var guest = new PhonyGuest();
        guest.Volumes[2] = guest.Volumes[2] with { FileSystem = null, Uuid = null, PartitionUuid = null };
        guest.Root.Add("/etc/crypttab", "cryptswap /dev/sda5 /dev/urandom swap\n");
        ConversionContext context = guest.Apply(new DeviceNamesStep());
        Assert.Equal("cryptswap /dev/vda5 /dev/urandom swap\n", guest.Text("/etc/crypttab"));
        Assert.Contains(context.Warnings, w => w.Contains("/dev/sda5", StringComparison.Ordinal));
    }

    [Fact]
    public void ANameThatTwoVolumesShareIsNotUsed()
    {
        var guest = new PhonyGuest();
        guest.Volumes.Add(new VolumeInfo("sda6", 0, 6, 5L << 29, 1 << 20, "ext4", PhonyGuest.RootUuid, null, "5eed0001-06", null, "83"));
        guest.Root.Add("/etc/fstab", "/dev/sda1 / ext4 defaults 0 1\n");
        guest.Apply(new DeviceNamesStep());
        Assert.Equal("PARTUUID=5eed0001-01 / ext4 defaults 0 1\n", guest.Text("/etc/fstab"));
    }

    [Fact]
    public void AnUnknownDeviceIsLeftAndSaid()
    {
        var guest = new PhonyGuest();
        guest.Root.Add("/etc/fstab", "/dev/sdc1 /data ext4 defaults 0 2\n");
        ConversionContext context = guest.Apply(new DeviceNamesStep());
        Assert.Equal("/dev/sdc1 /data ext4 defaults 0 2\n", guest.Text("/etc/fstab"));
        Assert.Contains(context.Warnings, w => w.Contains("/dev/sdc1", StringComparison.Ordinal));
    }

    [Fact]
    public void GrubConfiguration()
    {
        var guest = new PhonyGuest();
        guest.Kernels[0] = PhonyGuest.NewKernel() with { Version = "6.1.0-18-amd64" };
        guest.Root.Add("/boot/grub/grub.cfg", """
            set root='hd0,msdos1'
            menuentry 'Debian' {
            	linux	/boot/vmlinuz root=/dev/sda1 ro console=ttyS0,115200 resume=/dev/sda5
            	initrd	/boot/initrd.img
            }
            menuentry 'without an initramfs' {
            	linux	/boot/vmlinuz root=/dev/sda1 ro
            }
            # linux /boot/vmlinuz root=/dev/sda1

            """);
        guest.Apply(new DeviceNamesStep());
        Assert.Equal($$"""
            set root='hd0,msdos1'
            menuentry 'Debian' {
            	linux	/boot/vmlinuz root={{Root}} ro console=ttyS0,115200 resume={{Swap}}
            	initrd	/boot/initrd.img
            }
            menuentry 'without an initramfs' {
            	linux	/boot/vmlinuz root=PARTUUID=5eed0001-01 ro
            }
            # linux /boot/vmlinuz root=/dev/sda1

            """, guest.Text("/boot/grub/grub.cfg"));
    }

    [Fact]
    public void GrubDefaults()
    {
        var guest = new PhonyGuest();
        guest.Root.Add("/etc/default/grub", """
            GRUB_DEFAULT=0
            GRUB_CMDLINE_LINUX_DEFAULT="quiet resume=/dev/sda5"
            GRUB_CMDLINE_LINUX='root=/dev/sda1 console=tty0'
            GRUB_DISABLE_LINUX_UUID=true
            #GRUB_CMDLINE_LINUX="resume=/dev/sda5"

            """);
        guest.Root.Add("/boot/grub/device.map", "(hd0)\t/dev/disk/by-id/ata-VMware_Virtual_IDE_Hard_Drive_00000000000000000001\n");
        guest.Apply(new DeviceNamesStep());
        Assert.Equal($"""
            GRUB_DEFAULT=0
            GRUB_CMDLINE_LINUX_DEFAULT="quiet resume={Swap}"
            GRUB_CMDLINE_LINUX='root={Root} console=tty0'
            #GRUB_DISABLE_LINUX_UUID=true
            #GRUB_CMDLINE_LINUX="resume=/dev/sda5"

            """, guest.Text("/etc/default/grub"));
        Assert.Equal("(hd0)\t/dev/vda\n", guest.Text("/boot/grub/device.map"));
    }

    [Fact]
    public void SettingsOfTheInitramfsAndTheirEmbeddedCopies()
    {
        var guest = new PhonyGuest();
        guest.Root.Add("/etc/initramfs-tools/conf.d/resume", "# swap\nRESUME=/dev/sda5\n").Add("/etc/initramfs-tools/initramfs.conf", "MODULES=most\nROOT=\"/dev/sda1\"\n")
            .Add("/etc/uswsusp.conf", "resume device = /dev/sda5\n");
        ConversionContext context = guest.Apply(new DeviceNamesStep());
        Assert.Equal($"# swap\nRESUME={Swap}\n", guest.Text("/etc/initramfs-tools/conf.d/resume"));
        Assert.Equal($"MODULES=most\nROOT=\"{Root}\"\n", guest.Text("/etc/initramfs-tools/initramfs.conf"));
        Assert.Equal($"resume device = /dev/disk/by-uuid/{PhonyGuest.SwapUuid}\n", guest.Text("/etc/uswsusp.conf"));
        string script = System.Text.Encoding.ASCII.GetString(context.InitramfsFiles["conf/conf.d/zzz-v2v"]);
        Assert.Contains($"/dev/sda5) RESUME={Swap} ;;", script, StringComparison.Ordinal);
        Assert.Contains($"/dev/sda1) ROOT={Root} ;;", script, StringComparison.Ordinal);
    }

    [Fact]
    public void MountUnits()
    {
        var guest = new PhonyGuest();
        guest.Root.Add("/etc/systemd/system/data.mount", "[Mount]\nWhat=/dev/sda1\nWhere=/data\n");
        guest.Apply(new DeviceNamesStep());
        Assert.Equal($"[Mount]\nWhat=/dev/disk/by-uuid/{PhonyGuest.RootUuid}\nWhere=/data\n", guest.Text("/etc/systemd/system/data.mount"));
    }

    [Fact]
    public void AGuestWithoutOldNamesStaysAsItIs()
    {
        var guest = new PhonyGuest();
        guest.Root.Add("/etc/fstab", Root + " / ext4 defaults 0 1\n").Add("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"resume=" + Swap + "\"\n");
        ConversionContext context = guest.Apply(new DeviceNamesStep());
        Assert.Empty(context.Editor.Changes);
        Assert.Empty(context.InitramfsFiles);
    }
    /// <summary>Debian 3.1: initrd-tools know no UUID, Linux 2.6.8 no virtio, and its IDE drivers call the disk hda.</summary>
    [Fact]
    public void ReleasesBeforeInitramfsToolsStartFromNames()
    {
        var guest = new PhonyGuest { Version = new Version(3, 1), InitSystem = "sysvinit", BootLoader = new BootLoaderInfo("grub1", "/boot/grub/menu.lst", null) };
        guest.Root.Delete("/etc/initramfs-tools");
        guest.Kernels[0] = PhonyGuest.NewKernel() with { Version = "2.6.8-2-386", HasVirtioBlk = false, HasVirtioScsi = false, HasVirtioNet = false };
        guest.Root.Add("/boot/grub/menu.lst", "## comment\n# kopt=root=/dev/sda1 ro\ntitle Debian\nkernel /boot/vmlinuz-2.6.8-2-386 root=/dev/sda1 ro\ninitrd /boot/initrd.img-2.6.8-2-386\n")
            .Add("/etc/fstab", "/dev/sda1 / ext3 defaults 0 1\n/dev/sda5 none swap sw 0 0\n").Add("/boot/grub/device.map", "(hd0)\t/dev/sda\n");
        ConversionContext context = guest.Apply(new DeviceNamesStep());
        Assert.Equal("## comment\n# kopt=root=/dev/hda1 ro\ntitle Debian\nkernel /boot/vmlinuz-2.6.8-2-386 root=/dev/hda1 ro\ninitrd /boot/initrd.img-2.6.8-2-386\n", guest.Text("/boot/grub/menu.lst"));
        Assert.Equal($"UUID={PhonyGuest.RootUuid} / ext3 defaults 0 1\nUUID={PhonyGuest.SwapUuid} none swap sw 0 0\n", guest.Text("/etc/fstab"));
        Assert.Equal("(hd0)\t/dev/hda\n", guest.Text("/boot/grub/device.map"));
        Assert.Equal((BlockBus.Ide, "e1000", "pc"), (context.Capabilities.BlockBus, context.Capabilities.NetModel, context.Capabilities.Machine));
        Assert.Contains(context.Warnings, w => w.Contains("no other name", StringComparison.Ordinal));
    }

    /// <summary>Debian 5: GRUB 1 with the comments that its update-grub makes the menu from.</summary>
    [Fact]
    public void TheMenusOptionsForItsNextUpdateChangeToo()
    {
        var guest = new PhonyGuest { Version = new Version(5, 0), BootLoader = new BootLoaderInfo("grub1", "/boot/grub/menu.lst", null) };
        guest.Kernels[0] = PhonyGuest.NewKernel() with { Version = "2.6.26-2-amd64" };
        guest.Root.Add("/boot/grub/menu.lst", "# kopt=root=/dev/sda1 ro\n# defoptions=quiet\ntitle Debian\nkernel /boot/vmlinuz root=/dev/sda1 ro\ninitrd /boot/initrd.img\ntitle plain\nkernel /boot/vmlinuz root=/dev/sda1\n");
        guest.Apply(new DeviceNamesStep());
        string root = "UUID=" + PhonyGuest.RootUuid;
        Assert.Equal($"# kopt=root={root} ro\n# defoptions=quiet\ntitle Debian\nkernel /boot/vmlinuz root={root} ro\ninitrd /boot/initrd.img\ntitle plain\nkernel /boot/vmlinuz root=/dev/vda1\n", guest.Text("/boot/grub/menu.lst"));
    }

}
