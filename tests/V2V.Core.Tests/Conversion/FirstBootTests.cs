using V2V.Core.Conversion;
using V2V.Core.Conversion.Linux;
using V2V.Core.Conversion.Linux.FirstBoot;
using V2V.Core.Inspection;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>What the first boot does, and what starts it.</summary>
public sealed class FirstBootTests
{
    public static TheoryData<string, string> Managers => new()
    {
        { "deb", "apt" }, { "rpm", "dnf" }, { "rpm", "yum" }, { "rpm", "zypper" }, { "rpm", "apt" }, { "rpm", "urpmi" }, { "rpm", "up2date" }, { "rpm", "" },
        { "pacman", "pacman" }, { "apk", "apk" }, { "xbps", "xbps" },
    };

    [Theory]
    [MemberData(nameof(Managers))]
    public void TheScriptIsShellThatEveryShellReads(string format, string manager)
    {
        Tool.Require("dash", "busybox", "shellcheck");
        FirstBootPlan plan = FullPlan(format, manager);
        string script = FirstBootScript.Build(plan);
        Assert.DoesNotContain("bad;name", script, StringComparison.Ordinal);
        using var directory = new TemporaryDirectory();
        string file = directory.File("script");
        File.WriteAllText(file, script);
        Tool.Run("dash", "-n", file);
        Tool.Run("busybox", "sh", "-n", file);

        // SC2086: lists of packages are to be split. SC2059 and SC2329/SC2317: functions that this plan does not call. SC2012: see SC2086.
        Tool.Run("shellcheck", "-s", "sh", "-S", "warning", "-e", "SC2086,SC2317,SC2329,SC3045", file);
    }

    [Fact]
    public void WhatStartsItIsShellToo()
    {
        Tool.Require("dash", "busybox", "shellcheck");
        using var directory = new TemporaryDirectory();
        foreach (string text in (string[])[ServiceFiles.InitScript, ServiceFiles.OpenRcScript.Replace("INTERPRETER", "/sbin/openrc-run", StringComparison.Ordinal), ServiceFiles.RunitScript])
        {
            File.WriteAllText(directory.File("service"), text);
            Tool.Run("dash", "-n", directory.File("service"));
            Tool.Run("busybox", "sh", "-n", directory.File("service"));
            Tool.Run("shellcheck", "-s", "sh", "-S", "warning", "-e", "SC2034", directory.File("service"));
        }
    }

    [Fact]
    public void SystemdStartsAUnit()
    {
        var guest = new PhonyGuest();
        guest.Apply(new FirstBootStep());
        Assert.Equal("/etc/systemd/system/v2v-firstboot.service", guest.Tree.ReadLink("/etc/systemd/system/multi-user.target.wants/v2v-firstboot.service"));
        Assert.Contains("dpkg --configure -a", guest.Text("/usr/lib/v2v-firstboot/firstboot.sh"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("deb", "agent.deb", "/usr/lib/v2v-firstboot/guest-agent.deb")]
    [InlineData("rpm", "agent.rpm", "/usr/lib/v2v-firstboot/guest-agent.rpm")]
    [InlineData("pacman", "agent.pkg.tar.zst", "/usr/lib/v2v-firstboot/guest-agent.pkg.tar.zst")]
    [InlineData("apk", "agent.apk", "/usr/lib/v2v-firstboot/guest-agent.apk")]
    [InlineData("xbps", "qemu-ga-9.1_1.x86_64.xbps", "/usr/lib/v2v-firstboot/qemu-ga-9.1_1.x86_64.xbps")]
    public void AGivenPackageIsPutIntoTheGuest(string format, string name, string target)
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File(name), "package");
        var guest = new PhonyGuest { PackageFormat = format, Options = new ConversionOptions { GuestAgentPackage = directory.File(name) } };
        guest.Apply(new FirstBootStep());
        Assert.Equal("package", guest.Text(target));
        Assert.Contains($"add_file {target}", guest.Text("/usr/lib/v2v-firstboot/firstboot.sh"), StringComparison.Ordinal);
    }

    [Fact]
    public void RunlevelsGetAScriptThatStartparKnows()
    {
        var guest = new PhonyGuest { InitSystem = "sysvinit" };
        guest.Root.AddDirectory("/etc/rc2.d").Add("/etc/init.d/.depend.start", "TARGETS = rsyslog ssh\nINTERACTIVE =\nssh: rsyslog\n");
        guest.Apply(new FirstBootStep());
        Assert.Equal("TARGETS = rsyslog ssh v2v-firstboot\nINTERACTIVE =\nssh: rsyslog\n", guest.Text("/etc/init.d/.depend.start"));
        Assert.Equal("../init.d/v2v-firstboot", guest.Tree.ReadLink("/etc/rc2.d/S99v2v-firstboot"));
        Assert.False(guest.Tree.Exists("/etc/systemd/system/v2v-firstboot.service"));
    }

    [Fact]
    public void RedHatsRunlevelsAreReachedByEitherName()
    {
        var guest = new PhonyGuest { InitSystem = "upstart", PackageFormat = "rpm" };
        guest.Root.AddDirectory("/etc/rc.d/init.d").AddDirectory("/etc/rc.d/rc3.d").AddLink("/etc/rc3.d", "rc.d/rc3.d").AddLink("/etc/init.d", "rc.d/init.d");
        ConversionContext context = guest.Apply(new FirstBootStep());
        Assert.Equal("../init.d/v2v-firstboot", guest.Tree.ReadLink("/etc/rc.d/rc3.d/S99v2v-firstboot"));
        Assert.Contains("# chkconfig: 2345 99 01\n", guest.Text("/etc/rc.d/init.d/v2v-firstboot"), StringComparison.Ordinal);
        Assert.True(guest.Tree.FileExists("/etc/rc3.d/S99v2v-firstboot"));
        Assert.Empty(context.Warnings);
    }

    [Fact]
    public void SusesRunlevelsAreBesideItsScripts()
    {
        var guest = new PhonyGuest { InitSystem = "sysvinit", PackageFormat = "rpm" };
        guest.Root.AddDirectory("/etc/init.d/rc5.d");
        Assert.Empty(guest.Apply(new FirstBootStep()).Warnings);
        Assert.True(guest.Tree.FileExists("/etc/init.d/rc5.d/S99v2v-firstboot"));
    }

    [Fact]
    public void OpenRcAndRunitHaveServicesOfTheirOwn()
    {
        var alpine = new PhonyGuest { InitSystem = "openrc", PackageFormat = "apk" };
        alpine.Root.AddDirectory("/etc/runlevels/default").Add("/sbin/openrc-run", "");
        alpine.Apply(new FirstBootStep());
        Assert.StartsWith("#!/sbin/openrc-run\n", alpine.Text("/etc/init.d/v2v-firstboot"), StringComparison.Ordinal);
        Assert.Equal("/etc/init.d/v2v-firstboot", alpine.Tree.ReadLink("/etc/runlevels/default/v2v-firstboot"));

        var voidLinux = new PhonyGuest { InitSystem = "runit", PackageFormat = "xbps" };
        voidLinux.Root.AddDirectory("/etc/runit/runsvdir/default");
        voidLinux.Apply(new FirstBootStep());
        Assert.Equal("/etc/sv/v2v-firstboot", voidLinux.Tree.ReadLink("/etc/runit/runsvdir/default/v2v-firstboot"));
        Assert.Contains("add qemu-ga", voidLinux.Text("/usr/lib/v2v-firstboot/firstboot.sh"), StringComparison.Ordinal);
    }

    [Fact]
    public void WhatNothingStartsIsTold() =>
        Assert.Contains("firstboot.sh", Assert.Single(new PhonyGuest { InitSystem = "dinit" }.Apply(new FirstBootStep()).Warnings), StringComparison.Ordinal);

    [Theory]
    [InlineData("dracut", "rebuild /boot/initrd.img-1.2.3-v2v 1.2.3-v2v dracut --force")]
    [InlineData("mkinitrd", "rebuild /boot/initrd.img-1.2.3-v2v 1.2.3-v2v mkinitrd -f")]
    [InlineData("mkinitfs", "rebuild /boot/initrd.img-1.2.3-v2v 1.2.3-v2v mkinitfs -o")]
    [InlineData("make-initrd", "make-initrd -k 1.2.3-v2v")]
    [InlineData("mkinitrd-suse", "mkinitrd")]
    [InlineData("mkinitcpio", "mkinitcpio -P")]
    [InlineData("booster", "/usr/lib/booster/regenerate_images")]
    [InlineData("tiny-initramfs", "update-tirfs")]
    public void EveryToolRebuildsInItsOwnWay(string tool, string command)
    {
        var guest = new PhonyGuest { PackageFormat = "rpm", InitramfsTools = [tool] };
        guest.Root.Add("/boot/initrd.img-1.2.3-v2v", "x").Add("/boot/initramfs-1.2.3kdump.img", "x");
        guest.Root.Delete("/usr/sbin/update-initramfs");
        ConversionContext context = guest.Apply(new FirstBootStep());
        Assert.Equal([command], context.FirstBoot.RebuildCommands);
        Assert.True(context.FirstBoot.RebuildKdump);
        Assert.Contains("kdumpctl rebuild", guest.Text("/usr/lib/v2v-firstboot/firstboot.sh"), StringComparison.Ordinal);
    }

    [Fact]
    public void RepositoriesOfTheOldHypervisorAreSwitchedOff()
    {
        var guest = new PhonyGuest();
        guest.Root.Add("/etc/yum.repos.d/vmware.repo", "[tools]\nbaseurl=http://packages.vmware.com/tools\nenabled=1\n\n[base]\nbaseurl=http://notvmware.com/x\nenabled=1\n")
            .Add("/etc/apt/sources.list.d/vmware.list", "deb https://packages.vmware.com/tools x main\ndeb http://deb.example.org/debian x main\n")
            .Add("/etc/apt/sources.list.d/v.sources", "Types: deb\nURIs: https://packages.vmware.com/tools\n\nTypes: deb\nURIs: http://deb.example.org\n");
        guest.Apply(new GuestToolsStep());
        Assert.Equal("[tools]\nenabled=0\nbaseurl=http://packages.vmware.com/tools\n\n[base]\nbaseurl=http://notvmware.com/x\nenabled=1\n", guest.Text("/etc/yum.repos.d/vmware.repo"));
        Assert.Equal("# deb https://packages.vmware.com/tools x main\ndeb http://deb.example.org/debian x main\n", guest.Text("/etc/apt/sources.list.d/vmware.list"));
        Assert.Equal("Enabled: no\nTypes: deb\nURIs: https://packages.vmware.com/tools\n\nTypes: deb\nURIs: http://deb.example.org\n", guest.Text("/etc/apt/sources.list.d/v.sources"));
    }

    [Fact]
    public void ServicesAreSwitchedOffUnderEveryInitSystem()
    {
        var guest = new PhonyGuest { InitSystem = "upstart" };
        guest.Tools.Add(new GuestToolInfo("open-vm-tools", "package", ["open-vm-tools"]));
        string[] links = ["/etc/runlevels/boot/open-vm-tools", "/etc/init.d/rc3.d/S10vmtoolsd", "/etc/rc.d/rc5.d/S05kudzu"];
        foreach (string link in links)
        {
            guest.Root.AddLink(link, "/etc/init.d/x");
        }

        guest.Root.Add("/etc/init/open-vm-tools.conf", "start on startup\n").Add("/etc/sysconfig/kernel", "INITRD_MODULES=\"ata_piix xenblk vmw_pvscsi ext3\"\nOTHER=\"xenblk\"\n");
        guest.Apply(new GuestToolsStep());
        Assert.All(links, l => Assert.Null(guest.Tree.TryGetEntry(l, followLinks: false)));
        Assert.Equal("manual\n", guest.Text("/etc/init/open-vm-tools.override"));
        Assert.Equal("INITRD_MODULES=\"ata_piix ext3\"\nOTHER=\"xenblk\"\n", guest.Text("/etc/sysconfig/kernel"));
    }

    internal static FirstBootPlan FullPlan(string format, string manager)
    {
        var plan = new FirstBootPlan { PackageFormat = format, PackageManager = manager, RebuildInitramfs = true, RebuildKdump = true };
        plan.RemovePackages.AddRange(["open-vm-tools", "bad;name"]);
        plan.RepositoryPackages.Add("qemu-guest-agent");
        plan.PackageFiles.Add("/usr/lib/v2v-firstboot/guest-agent.x");
        plan.Uninstallers.Add(("tools", "/opt/x/uninstall.sh"));
        plan.RebuildCommands.Add("rebuild /boot/initramfs-1.img 1 dracut --force");
        return plan;
    }
}
