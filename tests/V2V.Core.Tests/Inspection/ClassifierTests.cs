using V2V.Core.Guest;
using V2V.Core.Inspection.Volumes;
using V2V.Core.Tests.Guest;
using Xunit;

namespace V2V.Core.Tests.Inspection;

public class ClassifierTests
{
    [Theory]
    [InlineData("Boot", "grub/menu.lst")]
    [InlineData("Boot", "grub/grub.conf")]
    [InlineData("Boot", "grub2/grub.cfg")]
    [InlineData("Boot", "grub/grub.cfg")]
    [InlineData("OstreeRoot", "ostree/repo/config ostree/deploy/fedora/ boot/")]
    [InlineData("FreeBsdRoot", "bin/ etc/freebsd-update.conf etc/fstab")]
    [InlineData("NetBsdRoot", "bin/ netbsd etc/fstab etc/release")]
    [InlineData("OpenBsdRoot", "bin/ bsd etc/fstab etc/motd")]
    [InlineData("HurdRoot", "hurd/console hurd/hello hurd/null")]
    [InlineData("MinixRoot", "bin/ service/vm etc/fstab etc/version")]
    [InlineData("LinuxRoot", "bin/ etc/fstab")]
    [InlineData("LinuxRoot", "bin/ etc/hosts")]
    [InlineData("LinuxRoot", "bin->usr/bin etc/hosts")]
    [InlineData("Other", "bin->opt/bin etc/hosts")]
    [InlineData("Other", "bin/ etc/passwd")]
    [InlineData("CoreOsRoot", "root/ home/ usr/ etc/coreos/update.conf")]
    [InlineData("UsrLocal", "etc/ bin/ share/")]
    [InlineData("LinuxUsr", "bin/ local/ share/ src/")]
    [InlineData("CoreOsUsr", "bin/ share/coreos/ local/")]
    [InlineData("Var", "log/ run/ spool/")]
    [InlineData("WindowsRoot", "Windows/System32/cmd.exe")]
    [InlineData("WindowsData", "System Volume Information/")]
    [InlineData("DosRoot", "DOS/COMMAND.COM")]
    [InlineData("Other", "win")]
    [InlineData("Other", "")]
    public void TopLevelTellsTheRole(string role, string files)
    {
        var fileSystem = new MemoryFileSystem();
        foreach (string file in files == "System Volume Information/" ? [files] : files.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            _ = file.Split("->") is [var link, var target] ? fileSystem.AddLink("/" + link, target)
                : file.EndsWith('/') ? fileSystem.AddDirectory("/" + file.TrimEnd('/')) : fileSystem.Add("/" + file, "");
        }

        Assert.Equal(role, FileSystemClassifier.Classify(new GuestTree(new GuestMount("/", fileSystem))).ToString());
    }
}
