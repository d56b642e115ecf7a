using V2V.Core.Conversion;
using V2V.Core.Conversion.Linux.FirstBoot;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>
/// The script of the first boot on Arch's family, with pacman itself: packages and a repository are made here, the root is the host's files below an
/// overlay that goes with its mount namespace, and the network has a default route and nothing else.
/// </summary>
public sealed class FirstBootPacmanTests
{
    private const string Run = """
        set -e
        W=$1
        M=$W/o/m
        ip link set lo up
        ip addr add 10.9.9.1/24 dev lo
        ip route add default via 10.9.9.2 dev lo
        mkdir -p $W/o $W/repo
        mount -t tmpfs v2v $W/o
        mkdir $W/o/u $W/o/w $M
        mount -t overlay v2v -o lowerdir=/,upperdir=$W/o/u,workdir=$W/o/w $M
        mount -t proc v2v $M/proc
        mount --bind /dev $M/dev
        package() {
            rm -rf $W/p
            mkdir -p $W/p/usr/share/v2v-test
            printf 'pkgname = %s\npkgbase = %s\npkgver = 1-1\npkgdesc = x\nurl = x\nbuilddate = 1\npackager = V2V\nsize = 1\narch = any\n' $1 $1 >$W/p/.PKGINFO
            if [ -n "$2" ]; then echo "depend = $2" >>$W/p/.PKGINFO; fi
            echo $1 >$W/p/usr/share/v2v-test/$1
            bsdtar -C $W/p -czf $W/repo/$1-1-1-any.pkg.tar.gz .PKGINFO usr
        }
        package open-vm-tools
        package gtkmm-tools open-vm-tools
        package vmtools-needed
        package server vmtools-needed
        package libagent
        package qemu-guest-agent libagent
        repo-add -q $W/repo/v2v.db.tar.gz $W/repo/*.pkg.tar.gz >$W/made 2>&1
        rm -rf $M/var/lib/pacman
        mkdir -p $M/var/lib/pacman $M/usr/lib/v2v-firstboot $M/etc/systemd/system
        cp -r $W/repo $M/repo
        printf '[options]\nHoldPkg = pacman\nArchitecture = auto\nSigLevel = Never\nLocalFileSigLevel = Never\n[v2v]\nServer = file:///repo\n' >$M/etc/pacman.conf
        chroot $M sh -c 'cd /repo; pacman -U --noconfirm open-vm-tools-*.gz gtkmm-tools-*.gz vmtools-needed-*.gz server-*.gz' >$W/made 2>&1
        cp $W/script $M/usr/lib/v2v-firstboot/firstboot.sh
        cp $W/repo/qemu-guest-agent-1-1-any.pkg.tar.gz $M/usr/lib/v2v-firstboot/guest-agent.pkg.tar.gz
        chroot $M sh /usr/lib/v2v-firstboot/firstboot.sh </dev/null
        echo "installed: $(chroot $M pacman -Qq | tr '\n' ' ')"
        echo "files: $(cd $M/usr/share/v2v-test; echo *)"
        if [ -e $M/usr/lib/v2v-firstboot ]; then echo "left: the script"; fi
        cat $M/var/log/v2v-firstboot.log

        """;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void PacmanGuestsLoseTheToolsAndGetTheAgent(bool isFile)
    {
        Tool.Require("pacman", "repo-add", "bsdtar", "unshare", "ip");
        Tool.RequireRoot();
        using var directory = new TemporaryDirectory();
        var plan = new FirstBootPlan { PackageFormat = "pacman", PackageManager = "pacman" };
        plan.RemovePackages.AddRange(["open-vm-tools", "gtkmm-tools", "vmtools-needed", "open-vm-tools-absent"]);
        (isFile ? plan.PackageFiles : plan.RepositoryPackages).Add(isFile ? "/usr/lib/v2v-firstboot/guest-agent.pkg.tar.gz" : "qemu-guest-agent");
        File.WriteAllText(directory.File("script"), FirstBootScript.Build(plan));
        File.WriteAllText(directory.File("run"), Run);

        string output = Namespaces.Run(["-n"], directory.File("run"), directory.File(""));
        Assert.Contains("installed: libagent qemu-guest-agent server vmtools-needed \n", output, StringComparison.Ordinal);
        Assert.Contains("files: libagent qemu-guest-agent server vmtools-needed\n", output, StringComparison.Ordinal);
        Assert.Contains("vmtools-needed stays installed\n", output, StringComparison.Ordinal);
        Assert.DoesNotContain("left:", output, StringComparison.Ordinal);
        Assert.EndsWith("done\n", output, StringComparison.Ordinal);
    }
}
