using V2V.Core.Conversion;
using V2V.Core.Conversion.Linux.FirstBoot;
using V2V.FileSystems;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>
/// What starts the first boot, run by the init systems' own programs: OpenRC, runit, and SysV's insserv and startpar. The root is the host's
/// files below an overlay, in namespaces of its own, with what the conversion wrote into a guest of that kind on top.
/// </summary>
public sealed class FirstBootServiceTests
{
    private const string Run = """
        W=$1
        KIND=$2
        M=$W/o/m
        mkdir -p $W/o
        mount -t tmpfs v2v $W/o
        mkdir $W/o/u $W/o/w $M
        mount -t overlay v2v -o lowerdir=/,upperdir=$W/o/u,workdir=$W/o/w $M
        mount -t proc v2v $M/proc
        mount --bind /dev $M/dev
        mount -t tmpfs v2v $M/run
        mkdir -p $M/run/lock
        rm -rf $M/etc/runlevels/*/* $M/etc/rc?.d/* $M/etc/init.d/.depend.* $M/etc/runit/runsvdir/* $M/usr/lib/v2v-firstboot $M/var/log/v2v-firstboot.log
        mkdir -p $M/etc/runlevels/default
        printf '#!/bin/sh\necho rebuilt by %s with "$(cat /proc/$PPID/comm)"\n' $KIND >$M/usr/local/bin/v2v-tool
        chmod +x $M/usr/local/bin/v2v-tool
        cp -a $W/guest/. $M/
        case $KIND in
        openrc)
            mkdir -p $M/run/openrc
            touch $M/run/openrc/softlevel
            chroot $M rc-update show default
            chroot $M openrc --no-stop default
            chroot $M rc-status default ;;
        runit)
            chroot $M runsvdir -P /etc/runit/runsvdir/default & ;;
        sysvinit)
            chroot $M insserv -v v2v-firstboot
            cat $M/etc/init.d/.depend.start
            chroot $M startpar -p 4 -t 20 -T 3 -M start -P N -R 2 ;;
        esac
        i=0
        while [ $i -lt 300 ]; do
            i=$((i + 1))
            if grep -q 'done$' $M/var/log/v2v-firstboot.log 2>/dev/null && ! [ -d $M/usr/lib/v2v-firstboot ]; then break; fi
            sleep 0.1
        done
        if [ $KIND = runit ]; then
            i=0
            while [ $i -lt 100 ] && chroot $M pidof runsv >/dev/null; do i=$((i + 1)); sleep 0.1; done
            echo "supervisors: $(chroot $M pidof runsv)."
        fi
        cat $M/var/log/v2v-firstboot.log
        cd $M
        for f in usr/lib/v2v-firstboot etc/init.d/v2v-firstboot etc/sv/v2v-firstboot etc/runlevels/default/v2v-firstboot etc/runit/runsvdir/default/v2v-firstboot etc/rc?.d/S??v2v-firstboot; do
            if [ -e $f ] || [ -L $f ]; then echo "left: $f"; fi
        done
        exit 0

        """;

    [Theory]
    [InlineData("openrc", "openrc", "rc-update", "v2v-firstboot | default")]
    [InlineData("runit", "runsvdir", "sv", "supervisors: .")]
    [InlineData("sysvinit", "insserv", "startpar", "TARGETS = v2v-firstboot")]
    public void ItsOwnInitSystemStartsIt(string kind, string program, string other, string expected)
    {
        Tool.Require("unshare", program, other);
        Tool.RequireRoot();
        var guest = new PhonyGuest { InitSystem = kind };
        guest.Root.Delete("/usr/sbin/update-initramfs");
        guest.Root.Add("/sbin/openrc-run", "").AddDirectory("/etc/runlevels/default").AddDirectory("/etc/runit/runsvdir/default").AddDirectory("/etc/rc2.d").AddDirectory("/etc/init.d");
        var context = new ConversionContext(guest.Inspect(), new ConversionOptions { InstallGuestAgent = false }, guest.Tree, SilentObserver.Instance);
        context.FirstBoot.RebuildInitramfs = true;
        context.FirstBoot.RebuildCommands.Add("v2v-tool");
        new FirstBootStep().Apply(context);

        using var directory = new TemporaryDirectory();
        Write(guest, directory.File("guest"));
        File.WriteAllText(directory.File("run"), Run);
        string output = Namespaces.Run(["-np", "--fork", "--kill-child"], directory.File("run"), directory.File(""), kind).Replace("      ", "", StringComparison.Ordinal);
        Assert.Contains(expected, output, StringComparison.Ordinal);
        Assert.Contains($"rebuilt by {kind} with sh\n", output, StringComparison.Ordinal);
        Assert.DoesNotContain("left:", output, StringComparison.Ordinal);
        Assert.Single(output.Split('\n'), l => l.EndsWith(" done", StringComparison.Ordinal));
        if (kind == "openrc")
        {
            Assert.Matches(@"v2v-firstboot\s+\[\s+started", output);
        }
    }

    /// <summary>Writes the files and links that the conversion made.</summary>
    private static void Write(PhonyGuest guest, string target)
    {
        foreach (string path in (string[])["/usr/lib/v2v-firstboot/firstboot.sh", "/etc/init.d/v2v-firstboot", "/etc/sv/v2v-firstboot/run", "/etc/runlevels/default/v2v-firstboot", "/etc/runit/runsvdir/default/v2v-firstboot", "/etc/rc2.d/S99v2v-firstboot"])
        {
            if (guest.Tree.TryGetEntry(path, followLinks: false) is { } entry)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(target + path)!);
                if (entry.Type == GuestFileType.SymbolicLink)
                {
                    File.CreateSymbolicLink(target + path, guest.Tree.ReadLink(path));
                }
                else
                {
                    File.WriteAllText(target + path, guest.Text(path));
                    Tool.Run("chmod", "755", target + path);
                }
            }
        }
    }
}
