namespace V2V.Core.Conversion.Linux.FirstBoot;

/// <summary>
/// What the first boot's script calls on packages, for each package format and manager: <c>installed</c>, <c>prepare</c>, <c>remove</c>, <c>file_name</c>,
/// <c>add_file</c>, <c>reachable</c> and <c>add</c>. Removal goes by the tool that refuses what others need (dpkg, rpm, pacman without cascade), never by
/// one that would take them along.
/// </summary>
internal static class PackageCommands
{
    /// <summary>Distributions name the guest agent's package alike, but for Void.</summary>
    internal static string AgentPackage(string format) => format == "xbps" ? "qemu-ga" : "qemu-guest-agent";

    /// <summary>True if the guest's packages can be installed and removed by a script.</summary>
    internal static bool IsKnown(string format) => format is "deb" or "rpm" or "pacman" or "apk" or "xbps";

    /// <summary>The shell functions.</summary>
    internal static string Functions(string format, string manager) => format switch
    {
        "rpm" => Rpm + (manager switch
        {
            "dnf" => "add() { locked limit 900 dnf -q -y install \"$@\"; }\n",
            "yum" => "add() { locked limit 900 yum -y install \"$@\"; }\n",
            "zypper" => Zypper,
            "apt" => "add() { locked limit 120 apt-get -q update; locked limit 600 apt-get -q -y install \"$@\"; }\n",
            "urpmi" => "add() { locked limit 900 urpmi --auto \"$@\"; }\n",
            "up2date" => "add() { locked limit 900 up2date --nox -i \"$@\"; }\n",
            _ => AnyRpm,
        }),
        "pacman" => Pacman,
        "apk" => Apk,
        "xbps" => Xbps,
        _ => Deb,
    };

    private const string Deb = """
        installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }
        prepare() { locked dpkg --configure -a; }
        remove() { locked dpkg --purge "$@"; }
        file_name() { dpkg-deb -f "$1" Package; }
        add_file() { locked dpkg -i "$1" || locked limit 300 apt-get -y -f -o Acquire::Retries=1 -o Acquire::http::Timeout=20 install; }

        # Without a network nothing is tried that would wait for it: the repository's host must have an address first, unless a proxy finds it.
        reachable() {
            site=$(apt-get indextargets --format '$(SITE)' 2>/dev/null | head -n 1)
            host=${site#*://}; host=${host%%/*}; host=${host##*@}; host=${host%%:*}
            [ -z "$host" ] || apt-config dump 2>/dev/null | grep -qi '^Acquire::.*Proxy' || limit 10 getent hosts "$host" >/dev/null 2>&1
        }
        add() {
            locked limit 120 apt-get -q -o Acquire::Retries=0 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 update \
                && locked limit 300 apt-get -q -y -o Dpkg::Options::=--force-confnew -o Acquire::Retries=1 -o Acquire::http::Timeout=20 install "$@"
        }

        """;

    // Both kinds of VMware's packages bring libraries that others may have come to need; then those of the distribution are put beside them first.
    private const string Rpm = """
        installed() { rpm -q "$1" >/dev/null 2>&1; }
        prepare() { :; }
        remove() {
            locked rpm -e --allmatches "$@" && return 0
            case "$1" in
            vmware-tools-libraries-*)
                command -v yum >/dev/null 2>&1 || return 1
                for need in $(rpm -q --provides "$1" | sed 's/ .*//' | sort -u); do
                    if [ "$need" != "$1" ]; then limit 300 yum -y install "$need" </dev/null; fi
                done
                locked rpm -e --allmatches "$@"
                ;;
            *) return 1 ;;
            esac
        }
        file_name() { rpm -qp --qf '%{NAME}' "$1" 2>/dev/null; }
        add_file() { locked rpm -U "$1" || add "$1"; }
        reachable() { routed; }

        """;

    // A file that was given by hand is taken without a signature, as by rpm itself.
    private const string Zypper = """
        add() { locked limit 900 zypper -n in -l "$@"; }
        add_file() { locked rpm -U "$1" || locked limit 900 zypper -n --no-gpg-checks in -l "$1"; }

        """;

    private const string AnyRpm = """
        add() {
            for tool in dnf microdnf yum tdnf; do
                if command -v $tool >/dev/null 2>&1; then locked limit 900 $tool -y install "$@"; return; fi
            done
            say "no program that installs packages was found"
            return 1
        }

        """;

    private const string Pacman = """
        installed() { pacman -Qq "$1" >/dev/null 2>&1; }
        prepare() { :; }
        remove() { locked pacman -R --noconfirm "$@"; }
        file_name() { pacman -Qpq "$1" 2>/dev/null; }
        add_file() {
            locked limit 600 pacman -U --noconfirm "$1" && return 0
            routed && locked limit 300 pacman -Sy && locked limit 600 pacman -U --noconfirm "$1"
        }
        reachable() { routed; }
        add() { locked limit 600 pacman -S --noconfirm --needed "$@" || locked limit 600 pacman -Sy --noconfirm --needed "$@"; }

        """;

    private const string Apk = """
        installed() { apk info -e "$1" >/dev/null 2>&1; }
        prepare() { :; }
        remove() { locked apk del "$@"; }
        file_name() { tar -xzOf "$1" .PKGINFO 2>/dev/null | sed -n 's/^pkgname *= *//p'; }
        add_file() { locked apk add --allow-untrusted --no-network "$1" || locked limit 300 apk add --allow-untrusted "$1"; }
        reachable() { routed; }
        add() { locked limit 120 apk update; locked limit 300 apk add "$@"; }

        """;

    private const string Xbps = """
        installed() { xbps-query "$1" >/dev/null 2>&1; }
        prepare() { :; }
        remove() { locked xbps-remove -y "$@"; }
        file_name() { n=${1##*/}; echo "${n%-*}"; }
        add_file() { xbps-rindex -a "$1" && locked limit 300 xbps-install -y -R "$dir" "$(file_name "$1")"; }
        reachable() { routed; }
        add() { locked limit 600 xbps-install -Sy "$@"; }

        """;
}
