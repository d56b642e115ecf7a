using V2V.Core.Conversion;
using V2V.Core.Conversion.Linux;
using V2V.Core.Inspection;
using Xunit;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>What happens offline to the tools of the old hypervisor.</summary>
public sealed class GuestToolsTests
{
    [Fact]
    public void OpenVmToolsNoLongerStarts()
    {
        PhonyGuest guest = WithOpenVmTools();
        ConversionContext context = guest.Apply(new GuestToolsStep());
        Assert.Null(guest.Tree.TryGetEntry("/etc/systemd/system/multi-user.target.wants/open-vm-tools.service", followLinks: false));
        Assert.Null(guest.Tree.TryGetEntry("/etc/systemd/system/open-vm-tools.service.requires/vgauth.service", followLinks: false));
        Assert.Null(guest.Tree.TryGetEntry("/etc/systemd/system/vmtoolsd.service", followLinks: false));
        Assert.NotNull(guest.Tree.TryGetEntry("/etc/systemd/system/multi-user.target.wants/ssh.service", followLinks: false));
        Assert.Equal(["open-vm-tools"], context.FirstBoot.RemovePackages);
        Assert.All(context.Editor.Changes, c => Assert.Equal("GuestTools", c.Step));
    }

    [Fact]
    public void ForeignModulesAreNoLongerForced()
    {
        PhonyGuest guest = WithOpenVmTools();
        guest.Root.Add("/etc/initramfs-tools/modules", "# the hypervisor\nvmw_pvscsi\nvmxnet3\nsd_mod\next4").Add("/etc/modules", "loop\nvmw-balloon\n# vmw_vmci\n")
            .Add("/etc/modules-load.d/vbox.conf", "vboxguest\nvboxsf\n");
        guest.Apply(new GuestToolsStep());
        Assert.Equal("# the hypervisor\nsd_mod\next4", guest.Text("/etc/initramfs-tools/modules"));
        Assert.Equal("loop\n# vmw_vmci\n", guest.Text("/etc/modules"));
        Assert.Equal("", guest.Text("/etc/modules-load.d/vbox.conf"));
    }

    [Fact]
    public void FoldersOfTheOldHostAreNotMounted()
    {
        var guest = new PhonyGuest();
        guest.Root.Add("/etc/fstab", ".host:/ /mnt/hgfs fuse.vmhgfs-fuse allow_other 0 0\nshare /mnt/s vboxsf defaults 0 0\nproc /proc proc defaults 0 0\n");
        guest.Apply(new GuestToolsStep());
        Assert.Equal("# .host:/ /mnt/hgfs fuse.vmhgfs-fuse allow_other 0 0\n# share /mnt/s vboxsf defaults 0 0\nproc /proc proc defaults 0 0\n", guest.Text("/etc/fstab"));
    }

    [Fact]
    public void InstallersOfTheirOwnAreUndoneAtTheFirstBoot()
    {
        var guest = new PhonyGuest();
        guest.Tools.Add(new GuestToolInfo("vmware-tools-tarball", "files", []));
        guest.Root.Add("/usr/bin/vmware-uninstall-tools.pl", "#!/usr/bin/perl\n").Add("/etc/vmware-tools/locations", "answer X y\n").Add("/etc/init.d/vmware-tools", "#!/bin/sh\n")
            .AddLink("/etc/rc2.d/S03vmware-tools", "../init.d/vmware-tools").Add("/opt/VBoxGuestAdditions-6.1.0/uninstall.sh", "#!/bin/sh\n")
            .Add("/var/lib/VBoxGuestAdditions/config", "INSTALL_DIR='/opt/VBoxGuestAdditions-6.1.0'\n");
        ConversionContext context = guest.Apply(new GuestToolsStep());
        Assert.Equal("answer X y\nremove_answer RESTORE_RAMDISK_CMD\nremove_answer RESTORE_RAMDISK_KERNELS\nremove_answer RESTORE_RAMDISK_ONECALL\n", guest.Text("/etc/vmware-tools/locations"));
        Assert.Null(guest.Tree.TryGetEntry("/etc/rc2.d/S03vmware-tools", followLinks: false));
        Assert.Equal(["/usr/bin/vmware-uninstall-tools.pl", "/opt/VBoxGuestAdditions-6.1.0/uninstall.sh"], context.FirstBoot.Uninstallers.Select(u => u.Command));
    }

    [Fact]
    public void AnUninstallerWithAPathForTheShellIsNotRun()
    {
        var guest = new PhonyGuest();
        guest.Root.Add("/opt/VBoxGuestAdditions-6;reboot/uninstall.sh", "#!/bin/sh\n");
        Assert.Empty(guest.Apply(new GuestToolsStep()).FirstBoot.Uninstallers);
    }

    [Fact]
    public void TerminalsThatXenServersToolsSwitchedOffComeBack()
    {
        var guest = new PhonyGuest();
        guest.Tools.Add(new GuestToolInfo("xe-guest-utilities", "package", ["xe-guest-utilities"]));
        guest.Root.Add("/etc/inittab", "# a comment\n#1:2345:respawn:/sbin/getty 38400 tty1\n#T0:23:respawn:/sbin/getty -L ttyS0\nhvc0:2345:respawn:/sbin/getty hvc0\n");
        guest.Apply(new GuestToolsStep(), new ConsoleStep());
        Assert.Equal("# a comment\n1:2345:respawn:/sbin/getty 38400 tty1\n#T0:23:respawn:/sbin/getty -L ttyS0\nttyS0:2345:respawn:/sbin/getty ttyS0\n", guest.Text("/etc/inittab"));
    }

    [Fact]
    public void ToolsAreKeptOnRequest()
    {
        PhonyGuest guest = WithOpenVmTools();
        guest.Options = new ConversionOptions { KeepGuestTools = true };
        ConversionContext context = guest.Apply(new GuestToolsStep());
        Assert.Empty(context.Editor.Changes);
        Assert.Empty(context.FirstBoot.RemovePackages);
    }

    private static PhonyGuest WithOpenVmTools()
    {
        var guest = new PhonyGuest();
        guest.Tools.Add(new GuestToolInfo("open-vm-tools", "package", ["open-vm-tools"]));
        guest.Root.AddLink("/etc/systemd/system/multi-user.target.wants/open-vm-tools.service", "/lib/systemd/system/open-vm-tools.service")
            .AddLink("/etc/systemd/system/open-vm-tools.service.requires/vgauth.service", "/lib/systemd/system/vgauth.service")
            .AddLink("/etc/systemd/system/vmtoolsd.service", "/lib/systemd/system/open-vm-tools.service")
            .AddLink("/etc/systemd/system/multi-user.target.wants/ssh.service", "/lib/systemd/system/ssh.service");
        return guest;
    }
}
