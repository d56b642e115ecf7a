using V2V.Core.Conversion;
using V2V.Core.Conversion.Linux.FirstBoot;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>
/// The script of the first boot runs for real, with the platform's own rpm, dnf and zypper, in a root of its own: the host's files below an overlay
/// that goes with its mount namespace, a package database that holds packages built here, and a network that has a default route and nothing else.
/// </summary>
public sealed class FirstBootRunTests
{
    private const string Spec = """
        Name: v2v-guest
        Version: 1
        Release: 1
        Summary: Packages of a guest
        License: MIT
        BuildArch: noarch
        %description
        A guest.
        %package -n open-vm-tools
        Summary: Tools
        %description -n open-vm-tools
        Tools.
        %package -n open-vm-tools-desktop
        Summary: Tools
        Requires: open-vm-tools
        %description -n open-vm-tools-desktop
        Tools.
        %package -n open-vm-tools-needed
        Summary: Tools
        %description -n open-vm-tools-needed
        Tools.
        %package -n server
        Summary: Needs a part of the tools
        Requires: open-vm-tools-needed
        %description -n server
        Server.
        %package -n libagent
        Summary: A library
        %description -n libagent
        Library.
        %package -n qemu-guest-agent
        Summary: The agent
        Requires: libagent
        %description -n qemu-guest-agent
        Agent.
        %files -n open-vm-tools
        %files -n open-vm-tools-desktop
        %files -n open-vm-tools-needed
        %files -n server
        %files -n libagent
        %files -n qemu-guest-agent

        """;

    private const string Run = """
        set -e
        W=$1
        M=$W/o/m
        ip link set lo up
        ip addr add 10.9.9.1/24 dev lo
        ip route add default via 10.9.9.2 dev lo
        mkdir -p $W/o
        mount -t tmpfs v2v $W/o
        mkdir $W/o/u $W/o/w $M
        mount -t overlay v2v -o lowerdir=/,upperdir=$W/o/u,workdir=$W/o/w $M
        mount -t proc v2v $M/proc
        mount --bind /dev $M/dev
        mkdir -p $M/etc/yum.repos.d $M/etc/zypp/repos.d $M/usr/lib/v2v-firstboot $M/var/log $M/etc/init.d $M/etc/runlevels/default
        cp -r $W/repo $M/repo
        rm -rf $M/var/lib/rpm $M/etc/zypp/repos.d/* $M/etc/yum.repos.d/*
        printf '[v2v]\nname=v2v\nbaseurl=file:///repo\ngpgcheck=0\nenabled=1\n' | tee $M/etc/yum.repos.d/v2v.repo >$M/etc/zypp/repos.d/v2v.repo
        printf '#!/bin/sh\nfor f; do case $f in /boot/*) if [ -n "$FAIL" ]; then exit 1; fi; echo rebuilt >$f; break;; esac; done\n' >$M/usr/local/bin/dracut
        chmod +x $M/usr/local/bin/dracut
        echo old >$M/boot/initramfs-1.img
        chroot $M rpm --initdb
        chroot $M sh -c 'cd /repo; rpm -i open-vm-tools.rpm open-vm-tools-desktop.rpm open-vm-tools-needed.rpm server.rpm' 2>/dev/null
        cp $W/script $M/usr/lib/v2v-firstboot/firstboot.sh
        cp $W/repo/qemu-guest-agent.rpm $M/usr/lib/v2v-firstboot/guest-agent.rpm
        touch $M/etc/init.d/v2v-firstboot $M/etc/runlevels/default/v2v-firstboot
        chroot $M sh /usr/lib/v2v-firstboot/firstboot.sh </dev/null
        echo "installed: $(chroot $M rpm -qa --qf '%{NAME}\n' | sort | tr '\n' ' ')"
        echo "initramfs: $(cat $M/boot/initramfs-1.img)"
        for f in $M/usr/lib/v2v-firstboot $M/etc/init.d/v2v-firstboot $M/etc/runlevels/default/v2v-firstboot $M/boot/initramfs-1.img.v2v; do if [ -e $f ]; then echo "left: $f"; fi; done
        cat $M/var/log/v2v-firstboot.log

        """;

    [Theory]
    [InlineData("dnf", false)]
    [InlineData("dnf", true)]
    [InlineData("zypper", false)]
    [InlineData("zypper", true)]
    public void RpmGuestsLoseTheToolsAndGetTheAgent(string manager, bool isFile)
    {
        Tool.Require("rpmbuild", "createrepo_c", manager, "unshare", "ip");
        Tool.RequireRoot();
        using var directory = new TemporaryDirectory();
        string work = directory.File("");
        File.WriteAllText(directory.File("guest.spec"), Spec);
        Tool.Run("rpmbuild", "-bb", "--quiet", "--define", $"_topdir {directory.File("rpm")}", "--define", $"_rpmdir {directory.File("repo")}", "--define", "_build_name_fmt %%{NAME}.rpm", directory.File("guest.spec"));
        Tool.Run("createrepo_c", "-q", directory.File("repo"));

        var plan = new FirstBootPlan { PackageFormat = "rpm", PackageManager = manager, RebuildInitramfs = true };
        plan.RemovePackages.AddRange(["open-vm-tools", "open-vm-tools-desktop", "open-vm-tools-needed", "open-vm-tools-absent"]);
        plan.RebuildCommands.Add("rebuild /boot/initramfs-1.img 1 dracut --force");
        (isFile ? plan.PackageFiles : plan.RepositoryPackages).Add(isFile ? "/usr/lib/v2v-firstboot/guest-agent.rpm" : "qemu-guest-agent");
        File.WriteAllText(directory.File("script"), FirstBootScript.Build(plan));
        File.WriteAllText(directory.File("run"), Run);

        string output = Namespaces.Run(["-n"], directory.File("run"), work);
        Assert.Contains("installed: libagent open-vm-tools-needed qemu-guest-agent server \n", output, StringComparison.Ordinal);
        Assert.Contains("initramfs: rebuilt\n", output, StringComparison.Ordinal);
        Assert.Contains("open-vm-tools-needed stays installed\n", output, StringComparison.Ordinal);
        Assert.DoesNotContain("left:", output, StringComparison.Ordinal);
        Assert.EndsWith("done\n", output, StringComparison.Ordinal);
    }
}
