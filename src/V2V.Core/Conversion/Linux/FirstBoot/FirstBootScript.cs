using System.Text;

namespace V2V.Core.Conversion.Linux.FirstBoot;

/// <summary>The script of the first boot. It is POSIX sh and needs nothing but what every guest of the family has, busybox included.</summary>
internal static class FirstBootScript
{
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

        # Runs a command of the package manager until nobody else holds its lock.
        locked() {
            n=0
            while :; do
                "$@" >"$dir/out" 2>&1 </dev/null
                code=$?
                if [ $code -ne 0 ] && [ $n -lt 120 ] && grep -qiE '(^|[^a-z])(un)?lock' "$dir/out" \
                    && grep -qiE 'another process|temporarily unavailable|could not get lock|unable to acquire|unable to lock|is locked' "$dir/out"; then
                    check
                    n=$((n + 1))
                    sleep 5
                    continue
                fi
                cat "$dir/out"
                return $code
            done
        }

        # busybox's timeout had an option once where the seconds now stand.
        if timeout 5 true >/dev/null 2>&1; then limit() { timeout "$@"; }; else limit() { shift; "$@"; }; fi

        # Nothing is tried that would wait for a network that is not there.
        routed() {
            w=0
            while ! grep -q '[[:space:]]00000000[[:space:]][0-9A-F]*[[:space:]]0003' /proc/net/route 2>/dev/null \
                && ! grep -E '^0{32} 00 0{32} 00 [0-9a-f]*[1-9a-f]' /proc/net/ipv6_route 2>/dev/null | grep -qv ' lo$'; do
                if [ $w -ge 30 ]; then return 1; fi
                check
                sleep 2
                w=$((w + 2))
            done
        }

        # Builds into a new file, which takes the old one's place when it is whole.
        rebuild() {
            file=$1
            version=$2
            shift 2
            if "$@" "$file.v2v" "$version" && [ -s "$file.v2v" ]; then
                sync
                mv -f "$file.v2v" "$file"
            else
                rm -f "$file.v2v"
                return 1
            fi
        }

        # Packages of some distributions leave it to the administrator to start what they bring.
        start_agent() {
            for s in qemu-guest-agent qemu-ga; do
                if [ -d /run/systemd/system ]; then
                    systemctl enable $s.service >/dev/null 2>&1
                    systemctl start --no-block $s.service >/dev/null 2>&1
                elif command -v rc-update >/dev/null 2>&1; then
                    if [ -x /etc/init.d/$s ]; then rc-update add $s default; rc-service $s start; fi
                elif [ -x /etc/init.d/$s ]; then
                    if command -v chkconfig >/dev/null 2>&1; then chkconfig $s on; fi
                    /etc/init.d/$s start
                elif [ -d /etc/sv/$s ] && [ -d /etc/runit/runsvdir/default ]; then
                    ln -sf /etc/sv/$s /etc/runit/runsvdir/default/
                fi
            done
        }


        """;

    private const string Main = """
        main() {
            if [ $boots -eq 1 ]; then say "first boot of the converted machine"; else say "boot $boots after the conversion"; fi
            prepare

        """;

    private const string EndStart = """
            if [ -n "$later" ] && [ $boots -lt 5 ]; then say "$later left to the next boot"; exit 0; fi
            say "done"

        """;

    private const string EndFinish = """
            exit 0
        }

        main

        """;

    // Nothing but the tools themselves is removed: a package that others need stays, with its services off.
    private const string Remove = """
            if [ -n "$list" ]; then
                check
                say "removing$list"
                if ! remove $list; then
                    # One that is refused may be needed by another of them only.
                    more=1
                    while [ -n "$more" ]; do
                        more=
                        for p in $list; do
                            check
                            if installed "$p" && remove "$p" && ! installed "$p"; then more=1; fi
                        done
                    done
                fi
                for p in $list; do
                    if installed "$p"; then say "$p stays installed"; fi
                done
                if [ -d /run/systemd/system ]; then systemctl daemon-reload; systemctl reset-failed open-vm-tools.service vgauth.service vmtoolsd.service vgauthd.service 2>/dev/null; fi
            fi

        """;

    private const string Install = """
            host=
            try=1
            while [ $try -le 3 ] && ! installed FIRST; do
                check
                if ! reachable; then
                    say "${host:-a network} cannot be reached, try $try"
                else
                    say "installing PACKAGES from the repository, try $try"
                    if add PACKAGES; then break; fi
                fi
                try=$((try + 1))
                if [ $try -le 3 ]; then sleep 10; else say "PACKAGES could not be installed"; later="PACKAGES"; fi
            done
            if installed FIRST; then start_agent; fi

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

    /// <summary>The script for a plan.</summary>
    internal static string Build(FirstBootPlan plan)
    {
        var script = new StringBuilder(Start).Append(PackageCommands.Functions(plan.PackageFormat, plan.PackageManager)).Append('\n').Append(Main);
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

        if (plan.RebuildInitramfs && plan.RebuildCommands.Count > 0)
        {
            Line(script, "check; if [ ! -e \"$dir/rebuilt\" ]; then");
            Line(script, "    say 'rebuilding every initramfs'");
            plan.RebuildCommands.ForEach(c => Line(script, $"    {c} || say 'rebuilding failed; the initramfs with the appended drivers stays'"));
            Line(script, "    : >\"$dir/rebuilt\"");
            Line(script, "fi");
        }

        if (plan.RebuildKdump)
        {
            foreach (string line in RebuildCommands.Kdump.TrimEnd('\n').Split('\n'))
            {
                Line(script, line);
            }
        }

        foreach (string file in plan.PackageFiles)
        {
            Line(script, $"check; say 'installing {file}'");
            Line(script, $"name=$(file_name {file})");
            Line(script, $"add_file {file}");
            Line(script, "if installed \"$name\"; then start_agent; else say \"$name could not be installed\"; remove \"$name\"; fi");
        }

        if (plan.RepositoryPackages.Where(IsPackageName).ToArray() is [{ } first, ..] packages)
        {
            script.Append(Install.Replace("PACKAGES", string.Join(' ', packages), StringComparison.Ordinal).Replace("FIRST", first, StringComparison.Ordinal));
        }

        return script.Append(plan.PackageFormat == "deb" ? Loader : "").Append(EndStart).Append(ServiceFiles.Removal).Append(EndFinish).ToString();
    }

    /// <summary>True for what a shell takes as it stands, and no option.</summary>
    internal static bool IsPlain(string text) => text.Length > 0 && text[0] != '-' && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '_' or '-' or '+');

    private static void Line(StringBuilder script, string line) => script.Append("    ").Append(line).Append('\n');

    /// <summary>The names that any of the formats allows; also keeps anything else out of the script.</summary>
    private static bool IsPackageName(string name) => name.Length > 1 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '+' or '-' or '.' or '_') && char.IsAsciiLetterOrDigit(name[0]);
}
