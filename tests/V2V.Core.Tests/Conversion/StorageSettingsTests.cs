using System.Text;
using V2V.Core.Conversion;
using V2V.Core.Conversion.Linux;
using V2V.Core.Conversion.Linux.Devices;
using V2V.Core.Inspection;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>Settings of LVM, md, kdump and multipath that name the old machine's devices.</summary>
public sealed class StorageSettingsTests
{
    private const string Uuid = "AbCdEf-0123-4567-89ab-cdef-GHIJ-KLMNOP";
    private const string Pvid = "AbCdEf0123456789abcdefGHIJKLMNOP";

    [Theory]
    [InlineData("filter = [ \"a|^/dev/sda|\", \"r|.*|\" ]", "filter = [ \"a|^/dev/vda2$|\", \"a|^/dev/sda|\", \"r|.*|\" ]")]
    [InlineData("global_filter = [ \"a/sd.*/\",\n   \"r/.*/\" ]", "global_filter = [ \"a|^/dev/vda2$|\", \"a/sd.*/\", \"r/.*/\" ]")]
    [InlineData("filter = [ \"a|/dev/disk/by-path/pci-0000:03.*|\", \"r|.*|\" ]", "filter = [ \"a|^/dev/vda2$|\", \"a|/dev/disk/by-path/pci-0000:03.*|\", \"r|.*|\" ]")]
    [InlineData("filter = \"r|^/dev/vd|\"", "filter = [ \"a|^/dev/vda2$|\", \"r|^/dev/vd|\" ]")]
    [InlineData("filter = [ \"a|.*|\" ]", "filter = [ \"a|.*|\" ]")]
    [InlineData("filter = [ \"r|/dev/cdrom|\" ]", "filter = [ \"r|/dev/cdrom|\" ]")]
    [InlineData("filter = [ \"r|.*|\" ]", "filter = [ \"r|.*|\" ]")]
    [InlineData("# filter = [ \"a|^/dev/sda|\", \"r|.*|\" ]", "# filter = [ \"a|^/dev/sda|\", \"r|.*|\" ]")]
    [InlineData("filter = [ \"a|[|\", \"a|sda|\", \"r|.*|\" ]", "filter = [ \"a|^/dev/vda2$|\", \"a|[|\", \"a|sda|\", \"r|.*|\" ]")]
    [InlineData("filter = [ \"a|^/dev/sd[a-b]|\", \"r|.*|\" ]", "filter = [ \"a|^/dev/vda2$|\", \"a|^/dev/sd[a-b]|\", \"r|.*|\" ]")]
    public void FiltersLetTheNewNamesIn(string before, string after)
    {
        PhonyGuest guest = WithLvm();
        guest.Root.Add("/etc/lvm/lvm.conf", $"devices {{\n\t{before}\n}}\n");
        ConversionContext context = guest.Apply(new StorageSettingsStep());
        Assert.Equal($"devices {{\n\t{after}\n}}\n", guest.Text("/etc/lvm/lvm.conf"));
        Assert.Equal(before != after, context.InitramfsFiles.ContainsKey("etc/lvm/lvm.conf"));
    }

    [Fact]
    public void LvmItselfReadsTheFilter()
    {
        Tool.Require("lvmconfig", "env");
        PhonyGuest guest = WithLvm();
        guest.Root.Add("/etc/lvm/lvm.conf", "devices {\n    filter = [ \"a|^/dev/sd|\", \"r|.*|\" ]\n}\n");
        guest.Apply(new StorageSettingsStep());
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("lvm.conf"), guest.Text("/etc/lvm/lvm.conf"));
        Assert.Contains("filter=[\"a|^/dev/vda2$|\",\"a|^/dev/sd|\",\"r|.*|\"]", Tool.Run("env", $"LVM_SYSTEM_DIR={directory.Path}", "lvmconfig", "devices/filter"), StringComparison.Ordinal);
    }

    [Fact]
    public void TheListOfDevicesGoesByName()
    {
        const string Path = "/etc/lvm/devices/system.devices";
        PhonyGuest guest = WithLvm();
        guest.Root.Add(Path, $"# LVM uses devices listed in this file.\nHASH=123\nPRODUCT_UUID=4214\nVERSION=1.1.3\nIDTYPE=sys_wwid IDNAME=naa.6000c29 DEVNAME=/dev/sda2 PVID={Pvid} PART=2\n"
            + "IDTYPE=sys_wwid IDNAME=naa.5000 DEVNAME=/dev/sdq PVID=zzzzzz0123456789abcdefGHIJKLMNOP\n");
        ConversionContext context = guest.Apply(new StorageSettingsStep(), new CachesStep());
        string expected = $"# LVM uses devices listed in this file.\nVERSION=1.1.3\nIDTYPE=devname IDNAME=/dev/vda2 DEVNAME=/dev/vda2 PVID={Pvid} PART=2\n"
            + "IDTYPE=sys_wwid IDNAME=naa.5000 DEVNAME=/dev/sdq PVID=zzzzzz0123456789abcdefGHIJKLMNOP\n";
        Assert.Equal(expected, guest.Text(Path));
        Assert.Equal(expected, Encoding.UTF8.GetString(context.InitramfsFiles[Path[1..]]));
    }

    [Fact]
    public void ArraysAreFoundByTheirUuid()
    {
        var guest = new PhonyGuest();
        guest.Root.Add("/etc/mdadm/mdadm.conf",
            "DEVICE /dev/sda1\n   /dev/sdb1\nHOMEHOST <system>\nARRAY /dev/md0 level=raid1 devices=/dev/sda1,/dev/sdb1\n   UUID=1:2:3:4\nARRAY /dev/md1 devices=/dev/sda1,missing\nDEVICE partitions\n");
        guest.Apply(new StorageSettingsStep());
        Assert.Equal(
            "DEVICE partitions\nHOMEHOST <system>\nARRAY /dev/md0 level=raid1\n   UUID=1:2:3:4\nARRAY /dev/md1 devices=/dev/vda1,missing\nDEVICE partitions\n", guest.Text("/etc/mdadm/mdadm.conf"));
    }

    [Fact]
    public void KdumpAndSusesLoaderFollow()
    {
        var guest = new PhonyGuest();
        guest.Root.Add("/etc/kdump.conf", "ext4 /dev/sda1\npath /var/crash\nraw /dev/sda5\n").Add("/etc/default/grub_installdevice", "/dev/disk/by-id/ata-VMware_1\nactivate\n");
        guest.Apply(new StorageSettingsStep());
        Assert.Equal($"ext4 UUID={PhonyGuest.RootUuid}\npath /var/crash\nraw /dev/vda5\n", guest.Text("/etc/kdump.conf"));
        Assert.Equal("/dev/vda\nactivate\n", guest.Text("/etc/default/grub_installdevice"));
    }

    [Theory]
    [InlineData("/dev/mapper/mpatha1")]
    [InlineData("/dev/mapper/mpathap1")]
    [InlineData("/dev/mapper/mpatha-part1")]
    [InlineData("/dev/mapper/36000c2912345678901234567890abcde1")]
    public void NamesOfMultipathBecomeUuids(string name)
    {
        var guest = new PhonyGuest();
        guest.Root.Add("/etc/fstab", name + " / ext4 defaults 0 1\n");
        guest.Apply(new DeviceNamesStep());
        Assert.StartsWith("UUID=" + PhonyGuest.RootUuid, guest.Text("/etc/fstab"), StringComparison.Ordinal);
    }

    private static PhonyGuest WithLvm()
    {
        var guest = new PhonyGuest();
        guest.Volumes.Add(new VolumeInfo("sda2", 0, 2, 1L << 30, 1L << 30, "LVM2_member", Uuid, null, null, null, "8e"));
        return guest;
    }
}
