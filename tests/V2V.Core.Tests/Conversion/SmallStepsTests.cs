using V2V.Core.Conversion;
using V2V.Core.Conversion.Linux;
using V2V.Core.Conversion.Linux.Boot;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Sources;
using V2V.Core.Tests.Guest;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>The steps that edit little: console, display, aliases, caches, identity, loader, space, first boot.</summary>
public sealed class SmallStepsTests
{
    [Fact]
    public void AXenConsoleBecomesSerial()
    {
        var guest = new PhonyGuest();
        guest.Root.Add("/etc/inittab", "# hvc0\nh0:2345:respawn:/sbin/getty 38400 hvc0\n").Add("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"console=hvc0 quiet\"\n")
            .AddLink("/etc/systemd/system/getty.target.wants/serial-getty@hvc0.service", "/lib/systemd/system/serial-getty@.service");
        guest.Apply(new ConsoleStep());
        Assert.Equal("# hvc0\nh0:2345:respawn:/sbin/getty 38400 ttyS0\n", guest.Text("/etc/inittab"));
        Assert.Equal("GRUB_CMDLINE_LINUX=\"console=ttyS0 quiet\"\n", guest.Text("/etc/default/grub"));
        Assert.Equal("/lib/systemd/system/serial-getty@.service", guest.Tree.ReadLink("/etc/systemd/system/getty.target.wants/serial-getty@ttyS0.service"));
    }

    [Fact]
    public void XGetsTheKernelsDriver()
    {
        const string Before = "Section \"Device\"\n\tIdentifier \"Card\"\n\tDriver \"vmware\"\n\tVendorName \"VMware\"\n\tBusID \"PCI:0:15:0\"\nEndSection\nSection \"InputDevice\"\n\tDriver \"kbd\"\nEndSection\n";
        Assert.Equal(
            "Section \"Device\"\n\tIdentifier \"Card\"\n\tDriver \"modesetting\"\nEndSection\nSection \"InputDevice\"\n\tDriver \"kbd\"\nEndSection\n", DisplayStep.Edit(Before));
    }

    [Fact]
    public void AliasesNameTheNewDrivers()
    {
        var guest = new PhonyGuest();
        guest.Root.Add("/etc/modprobe.d/old.conf", "alias eth0 vmxnet3\nalias scsi_hostadapter mptspi\nalias scsi_hostadapter1 ata_piix\noptions loop max_loop=8\n");
        guest.Apply(new ModuleAliasesStep());
        Assert.Equal("alias eth0 virtio_net\nalias scsi_hostadapter virtio_blk\noptions loop max_loop=8\n", guest.Text("/etc/modprobe.d/old.conf"));
    }

    [Fact]
    public void CachesGoAndSeedsAreFresh()
    {
        var guest = new PhonyGuest();
        guest.Root.Add("/etc/blkid.tab", "x").Add("/var/lib/systemd/random-seed", new byte[512], GuestMode.Private).Add("/etc/machine-id", "");
        ConversionContext context = guest.Apply(new CachesStep(), new IdentityStep());
        Assert.False(guest.Tree.Exists("/etc/blkid.tab"));
        Assert.Contains(guest.Tree.ReadAllBytes("/var/lib/systemd/random-seed"), b => b != 0);
        Assert.Matches("^[0-9a-f]{32}\n$", guest.Text("/etc/machine-id"));
        Assert.All(context.Editor.Changes.Where(c => c.Step == "Identity"), c => Assert.Null(c.After));
    }

    [Fact]
    public void AMachineIdStays()
    {
        var guest = new PhonyGuest();
        guest.Root.Add("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        guest.Apply(new IdentityStep());
        Assert.Equal("0123456789abcdef0123456789abcdef\n", guest.Text("/etc/machine-id"));
    }

    [Fact]
    public void TheFallbackLoaderIsShimWithItsCompanions()
    {
        PhonyGuest guest = WithEsp(out MemoryFileSystem esp);
        esp.Add("/EFI/debian/shimx64.efi", "shim").Add("/EFI/debian/grubx64.efi", "grub").Add("/EFI/debian/mmx64.efi", "mok").Add("/EFI/debian/fbx64.efi", "fallback")
            .Add("/EFI/debian/grub.cfg", "configfile").Add("/EFI/other/grubx64.efi", "no");
        guest.Apply(new UefiLoaderStep());
        Assert.Equal("shim", guest.Text("/boot/efi/EFI/BOOT/BOOTX64.EFI"));
        Assert.Equal("grub", guest.Text("/boot/efi/EFI/BOOT/grubx64.efi"));
        Assert.Equal("mok", guest.Text("/boot/efi/EFI/BOOT/mmx64.efi"));
        Assert.Equal("configfile", guest.Text("/boot/efi/EFI/BOOT/grub.cfg"));
        Assert.False(guest.Tree.Exists("/boot/efi/EFI/BOOT/fbx64.efi"));
    }

    [Fact]
    public void WithoutShimGrubIsTheFallbackLoader()
    {
        PhonyGuest guest = WithEsp(out MemoryFileSystem esp);
        esp.Add("/EFI/debian/grubx64.efi", "grub");
        guest.Apply(new UefiLoaderStep());
        Assert.Equal("grub", guest.Text("/boot/efi/EFI/BOOT/BOOTX64.EFI"));
    }

    [Fact]
    public void AFallbackLoaderStays()
    {
        PhonyGuest guest = WithEsp(out MemoryFileSystem esp);
        esp.Add("/EFI/boot/bootx64.efi", "mine").Add("/EFI/debian/shimx64.efi", "shim");
        Assert.Empty(guest.Apply(new UefiLoaderStep()).Editor.Changes);
    }

    [Fact]
    public void AKernelWithVirtioBecomesTheDefault()
    {
        var guest = new PhonyGuest();
        guest.Kernels[0] = guest.Kernels[0] with { Version = "9", ImagePath = "/boot/vmlinuz-9", HasVirtioBlk = false, HasVirtioScsi = false, HasVirtioNet = false };
        guest.Kernels.Add(PhonyGuest.NewKernel() with { IsDefault = false });
        const string Entry = "menuentry 'x' $menuentry_id_option 'simple' {\n\tlinux /boot/vmlinuz-9 ro\n}\nsubmenu 'Advanced' $menuentry_id_option 'adv' {\n\tmenuentry 'a' $menuentry_id_option 'adv-9' {\n\t\tlinux /boot/vmlinuz-9\n\t}\n"
            + "\tmenuentry 'b' $menuentry_id_option 'adv-1' {\n\t\tif [ x = y ]; then\n\t\t\ttrue\n\t\tfi\n\t\tlinux /boot/vmlinuz-1.2.3-v2v root=/dev/sda1\n\t}\n}\n";
        guest.Root.Add("/boot/grub/grub.cfg", "if [ \"${next_entry}\" ] ; then\n   set default=\"${next_entry}\"\nelse\n   set default=\"0\"\nfi\n" + Entry).Add("/etc/default/grub", "GRUB_DEFAULT=0\nGRUB_TIMEOUT=1\n");
        ConversionContext context = guest.Apply(new DefaultKernelStep());
        Assert.Equal("if [ \"${next_entry}\" ] ; then\n   set default=\"${next_entry}\"\nelse\n   set default=\"adv>adv-1\"\nfi\n" + Entry, guest.Text("/boot/grub/grub.cfg"));
        Assert.Equal("GRUB_DEFAULT=\"adv>adv-1\"\nGRUB_TIMEOUT=1\n", guest.Text("/etc/default/grub"));
        Assert.Equal((BlockBus.VirtioBlk, "virtio"), (context.Capabilities.BlockBus, context.Capabilities.NetModel));
        Assert.Equal("1>1", GrubMenuScan.FindEntry("menuentry 'x' {\nlinux /a\n}\nsubmenu 'y' {\nmenuentry 'b' {\nlinux /c\n}\nmenuentry 'd' {\nlinux /e/f\n}\n}\n", "f"));
    }

    [Fact]
    public void AKernelForXenOnlyIsNeverTheDefault()
    {
        var guest = new PhonyGuest { Version = new Version(5, 0) };
        guest.Kernels[0] = guest.Kernels[0] with { Version = "2.6.26-2-xen-amd64", ImagePath = "/boot/vmlinuz-2.6.26-2-xen-amd64" };
        guest.Kernels.Add(PhonyGuest.NewKernel() with { Version = "2.6.26-2-amd64", ImagePath = "/boot/vmlinuz-2.6.26-2-amd64", HasVirtioScsi = false, IsDefault = false });
        guest.Root.Add("/boot/grub/grub.cfg", "set default=\"0\"\nmenuentry 'x' {\nlinux /boot/vmlinuz-2.6.26-2-xen-amd64\n}\nmenuentry 'n' {\nlinux /boot/vmlinuz-2.6.26-2-amd64\n}\n").Add("/etc/default/grub", "");
        ConversionContext context = guest.Apply(new DefaultKernelStep());
        Assert.Equal("2.6.26-2-amd64", context.Drivers.Boot!.Version);
        Assert.StartsWith("set default=\"1\"\n", guest.Text("/boot/grub/grub.cfg"), StringComparison.Ordinal);
        Assert.Contains("under Xen only", Assert.Single(context.Warnings), StringComparison.Ordinal);
        guest.Kernels.RemoveAt(1);
        Assert.Equal("ConversionKernelXenOnly", Assert.Throws<V2VException>(() => Convertibility.Check(guest.Inspect())).ErrorId);
    }

    [Theory]
    [InlineData("default\t\t0\ntimeout 5\n", "default 2\ntimeout 5\n")]
    [InlineData("default saved\n", "default 2\n")]
    [InlineData("timeout 5\n", "default 2\ntimeout 5\n")]
    public void AKernelWithVirtioBecomesTheDefaultOfGrub1(string before, string after)
    {
        const string Entries = "# default is a comment\ntitle old\nkernel /vmlinuz-9 root=/dev/sda1\ntitle mine (single-user mode)\nkernel (hd0,0)/vmlinuz-1.2.3-v2v root=/dev/sda1 ro single\n"
            + "title mine\nkernel (hd0,0)/vmlinuz-1.2.3-v2v root=/dev/sda1 ro\ndefault 0\n";
        var guest = new PhonyGuest { BootLoader = new BootLoaderInfo("grub1", "/boot/grub/menu.lst", null) };
        guest.Kernels[0] = guest.Kernels[0] with { Version = "9", ImagePath = "/boot/vmlinuz-9", HasVirtioBlk = false, HasVirtioScsi = false };
        guest.Kernels.Add(PhonyGuest.NewKernel() with { IsDefault = false });
        guest.Root.Add("/boot/grub/menu.lst", before + Entries);
        ConversionContext context = guest.Apply(new DefaultKernelStep());
        Assert.Equal(after + Entries, guest.Text("/boot/grub/menu.lst"));
        Assert.Contains("starts the kernel 1.2.3-v2v now", Assert.Single(context.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("debian", 12, 0, "q35", true)]
    [InlineData("debian", 8, 0, "pc", false)]
    [InlineData("ubuntu", 16, 4, "pc", false)]
    [InlineData("ubuntu", 22, 4, "q35", true)]
    public void MachinesByRelease(string distro, int major, int minor, string machine, bool virtio10)
    {
        var guest = new PhonyGuest { Distro = distro, Version = new Version(major, minor) };
        GuestCapabilities capabilities = guest.Apply().Capabilities;
        Assert.Equal((machine, virtio10), (capabilities.Machine, capabilities.Virtio10));
        Assert.True(capabilities.SupportsVirtioScsi);
        Assert.False(capabilities.VirtioRng);
    }

    [Fact]
    public void TooLittleSpaceIsNamed()
    {
        PhonyGuest guest = new PhonyGuest().AddModules();
        guest.Root.FreeBytesOverride = 1 << 20;
        V2VException error = Assert.Throws<V2VException>(() => guest.Apply(new SpaceStep()));
        Assert.Equal(("GuestSpaceLow", V2VErrorKind.NoSpace), (error.ErrorId, error.Kind));
        guest.Root.FreeBytesOverride = null;
        guest.Root.FreeInodesOverride = 3;
        Assert.Equal("GuestInodesLow", Assert.Throws<V2VException>(() => guest.Apply(new SpaceStep())).ErrorId);
    }

    private static PhonyGuest WithEsp(out MemoryFileSystem esp)
    {
        var guest = new PhonyGuest { Firmware = FirmwareType.Uefi };
        guest.Root.AddDirectory("/boot/efi");
        esp = new MemoryFileSystem("vfat", "1234-ABCD");
        guest.OtherMounts.Add(new GuestMount("/boot/efi", esp));
        return guest;
    }
}
