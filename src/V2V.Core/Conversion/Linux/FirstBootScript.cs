using System.Text;

namespace V2V.Core.Conversion.Linux;

/// <summary>The files of the first boot's service. The script is POSIX sh and needs nothing but what every guest of the family has.</summary>
internal static class FirstBootScript
{
    /// <summary>
    /// The unit. Type=simple: it counts as started at once, so neither the boot nor what waits for its end waits for the script. At a
    /// shutdown the running command may finish; what is left is done at the next boot.
    /// </summary>
    internal const string Unit = """
        [Unit]
        Description=First boot after the conversion by V2V
        ConditionPathExists=/usr/lib/v2v-firstboot/firstboot.sh
        After=local-fs.target network.target

        [Service]
        Type=simple
        ExecStart=/bin/sh /usr/lib/v2v-firstboot/firstboot.sh
        StandardInput=null
        KillMode=mixed
        TimeoutStopSec=180
        Nice=5

        [Install]
        WantedBy=multi-user.target

        """;

    /// <summary>The script for init systems with runlevels.</summary>
    internal const string InitScript = """
        #!/bin/sh
        ### BEGIN INIT INFO
        # Provides:          v2v-firstboot
        # Required-Start:    $local_fs $remote_fs
        # Required-Stop:
        # Should-Start:      $network
        # Default-Start:     2 3 4 5
        # Default-Stop:
        # Short-Description: First boot after the conversion by V2V
        ### END INIT INFO
        case "$1" in
        start)
            [ -x /usr/lib/v2v-firstboot/firstboot.sh ] || exit 0
            nohup /bin/sh /usr/lib/v2v-firstboot/firstboot.sh </dev/null >/dev/null 2>&1 &
            ;;
        esac
        exit 0

        """;

    private const string Start = """
        #!/bin/sh
        # Written by V2V. Runs once, at the first boot after the conversion, and removes itself.
        exec >>/var/log/v2v-firstboot.log 2>&1
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        DEBIAN_FRONTEND=noninteractive
        LC_ALL=C
        export PATH DEBIAN_FRONTEND LC_ALL
        dir=/usr/lib/v2v-firstboot
        stop=
        list=
        later=
        boots=$(cat "$dir/boots" 2>/dev/null)
        boots=$((${boots:-0} + 1))
        echo $boots >"$dir/boots"
        trap 'stop=1' TERM INT HUP

        say() { echo "$(date '+%Y-%m-%d %H:%M:%S') $*"; }

        # A shutdown has begun: what is left is done at the next boot.
        check() { if [ -n "$stop" ]; then say "interrupted; continues at the next boot"; exit 0; fi; }

        # Runs a command of dpkg or apt until nobody else holds their lock.
        locked() {
            n=0
            while :; do
                "$@" >"$dir/out" 2>&1
                code=$?
                if [ $code -ne 0 ] && [ $n -lt 120 ] && grep -qiE '(^|[^a-z])(un)?lock' "$dir/out" && grep -qiE 'another process|temporarily unavailable|could not get lock|unable to acquire|is locked' "$dir/out"; then
                    check
                    n=$((n + 1))
                    sleep 5
                    continue
                fi
                cat "$dir/out"
                return $code
            done
        }

        limit() { if command -v timeout >/dev/null 2>&1; then timeout "$@"; else shift; "$@"; fi; }

        installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

        main() {
            if [ $boots -eq 1 ]; then say "first boot of the converted machine"; else say "boot $boots after the conversion"; fi
            locked dpkg --configure -a

        """;

    private const string End = """
            if [ -n "$later" ] && [ $boots -lt 5 ]; then say "$later left to the next boot"; exit 0; fi
            say "done"
            if [ -d /run/systemd/system ]; then
                rm -f /etc/systemd/system/multi-user.target.wants/v2v-firstboot.service
                rm -rf "$dir"
                rm -f /etc/systemd/system/v2v-firstboot.service
                systemctl daemon-reload
            else
                rm -f /etc/init.d/v2v-firstboot
                rm -f /etc/rc?.d/S??v2v-firstboot
                if command -v update-rc.d >/dev/null 2>&1; then update-rc.d -f v2v-firstboot remove; fi
                rm -rf "$dir"
            fi
            exit 0
        }

        main

        """;

    /// <summary>The script for a plan.</summary>
    internal static string Build(FirstBootPlan plan)
    {
        var script = new StringBuilder(Start);
        foreach ((string purpose, string command) in plan.Uninstallers)
        {
            Line(script, $"check; if [ -x {command.Split(' ')[0]} ]; then");
            Line(script, $"    say 'removing {purpose}'");
            Line(script, $"    limit 300 {command} </dev/null || say 'the uninstaller failed'");
            Line(script, "fi");
        }

        foreach (string package in plan.RemovePackages.Distinct().Where(IsPackageName))
        {
            Line(script, $"if installed {package}; then list=\"$list {package}\"; fi");
        }

        if (plan.RemovePackages.Count > 0)
        {
            script.Append(Remove);
        }

        if (plan.RebuildInitramfs)
        {
            Line(script, "check; if [ ! -e \"$dir/rebuilt\" ]; then");
            Line(script, "    say 'rebuilding every initramfs'");
            Line(script, $"    {plan.RebuildCommand} || say 'rebuilding failed; the initramfs with the appended drivers stays'");
            Line(script, "    : >\"$dir/rebuilt\"");
            Line(script, "fi");
        }

        foreach (string file in plan.PackageFiles)
        {
            Line(script, $"check; say 'installing {file}'");
            Line(script, $"name=$(dpkg-deb -f {file} Package)");
            Line(script, $"locked dpkg -i {file} || locked limit 300 apt-get -y -f -o Acquire::Retries=1 -o Acquire::http::Timeout=20 install");
            Line(script, "if ! installed \"$name\"; then say \"$name could not be installed\"; locked dpkg --purge \"$name\"; fi");
        }

        if (plan.RepositoryPackages.Count > 0)
        {
            string[] packages = [.. plan.RepositoryPackages.Where(IsPackageName)];
            script.Append(Install.Replace("PACKAGES", string.Join(' ', packages), StringComparison.Ordinal).Replace("FIRST", packages[0], StringComparison.Ordinal));
        }

        script.Append(Loader).Append(End);
        return script.ToString();
    }

    // Nothing but the tools themselves is removed: a package that others need stays, with its services off.
    private const string Remove = """
            if [ -n "$list" ]; then
                check
                say "removing$list"
                if ! locked dpkg --purge $list; then
                    for p in $list; do
                        if installed "$p"; then locked dpkg --purge "$p" || say "$p stays installed"; fi
                    done
                fi
                if [ -d /run/systemd/system ]; then systemctl daemon-reload; systemctl reset-failed open-vm-tools.service vgauth.service 2>/dev/null; fi
            fi

        """;

    // Without a network nothing is tried that would wait for it: the repository's host must have an address first, unless a proxy finds it.
    private const string Install = """
            site=$(apt-get indextargets --format '$(SITE)' 2>/dev/null | head -n 1)
            host=${site#*://}; host=${host%%/*}; host=${host##*@}; host=${host%%:*}
            reachable() { [ -z "$host" ] || apt-config dump 2>/dev/null | grep -qi '^Acquire::.*Proxy' || limit 10 getent hosts "$host" >/dev/null 2>&1; }
            try=1
            while [ $try -le 3 ] && ! installed FIRST; do
                check
                if ! reachable; then
                    say "$host has no address, try $try"
                else
                    say "installing PACKAGES from the repository, try $try"
                    if locked limit 120 apt-get -q -o Acquire::Retries=0 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 update \
                        && locked limit 300 apt-get -q -y -o Dpkg::Options::=--force-confnew -o Acquire::Retries=1 -o Acquire::http::Timeout=20 install PACKAGES; then
                        break
                    fi
                fi
                try=$((try + 1))
                if [ $try -le 3 ]; then sleep 10; else say "PACKAGES could not be installed"; later=PACKAGES; fi
            done

        """;

    // GRUB's package remembers disks by name and asks, or fails, at its next upgrade if one is gone.
    private const string Loader = """
            if installed grub-pc && command -v debconf-show >/dev/null 2>&1; then
                device=$(debconf-show grub-pc 2>/dev/null | sed -n 's/^.*grub-pc\/install_devices: *//p')
                disk=$(grub-probe --target=disk /boot 2>/dev/null)
                if [ -n "$device" ] && [ ! -e "${device%%,*}" ] && [ -b "$disk" ]; then
                    say "GRUB's package installs to $disk from now on"
                    echo "grub-pc grub-pc/install_devices multiselect $disk" | debconf-set-selections
                fi
            fi

        """;

    private static void Line(StringBuilder script, string line) => script.Append("    ").Append(line).Append('\n');

    /// <summary>Debian Policy 5.6.7; also keeps anything but a name out of the script.</summary>
    private static bool IsPackageName(string name) => name.Length > 1 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '+' or '-' or '.') && char.IsAsciiLetterOrDigit(name[0]);
}
