namespace V2V.Core.Conversion.Linux.FirstBoot;

/// <summary>What starts the first boot's script, for each init system.</summary>
internal static class ServiceFiles
{
    /// <summary>
    /// systemd's unit. Type=simple: it counts as started at once, so neither the boot nor what waits for its end waits for the script. At a
    /// shutdown the running command may finish; what is left is done at the next boot. SELinux: a shell that init starts runs as initrc_t, which may
    /// manage packages, so that enforcing stays on.
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

    /// <summary>The script for runlevels, with the headers of insserv (Debian, SUSE) and of chkconfig (Red Hat, ALT).</summary>
    internal const string InitScript = """
        #!/bin/sh
        # chkconfig: 2345 99 01
        # description: First boot after the conversion by V2V
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

    /// <summary>OpenRC's script; <c>INTERPRETER</c> is openrc-run, or runscript before OpenRC 0.13.</summary>
    internal const string OpenRcScript = """
        #!INTERPRETER
        description="First boot after the conversion by V2V"

        depend() {
            after localmount bootmisc net
        }

        start() {
            ebegin "Starting what is left of the conversion by V2V"
            nohup /bin/sh /usr/lib/v2v-firstboot/firstboot.sh </dev/null >/dev/null 2>&1 &
            eend 0
        }

        """;

    /// <summary>runit's service: its supervisor starts anew what ends, so it stays.</summary>
    internal const string RunitScript = """
        #!/bin/sh
        if [ -x /usr/lib/v2v-firstboot/firstboot.sh ]; then /bin/sh /usr/lib/v2v-firstboot/firstboot.sh; fi
        exec sleep 2147483647

        """;

    /// <summary>How the script removes the service, at its very end.</summary>
    internal const string Removal = """
            if [ -d /run/systemd/system ]; then
                rm -f /etc/systemd/system/multi-user.target.wants/v2v-firstboot.service
                rm -rf "$dir"
                rm -f /etc/systemd/system/v2v-firstboot.service
                systemctl daemon-reload
            else
                rm -f /etc/runlevels/*/v2v-firstboot /etc/runit/runsvdir/*/v2v-firstboot
                rm -f /etc/init.d/v2v-firstboot
                rm -f /etc/rc?.d/S??v2v-firstboot /etc/rc.d/rc?.d/S??v2v-firstboot /etc/init.d/rc?.d/S??v2v-firstboot
                if command -v update-rc.d >/dev/null 2>&1; then update-rc.d -f v2v-firstboot remove; fi
                rm -rf /etc/sv/v2v-firstboot
                rm -rf "$dir"
            fi

        """;
}
