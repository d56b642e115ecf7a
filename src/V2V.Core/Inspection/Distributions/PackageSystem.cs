using V2V.Core.Guest;

namespace V2V.Core.Inspection.Distributions;

/// <summary>The package format and manager that belong to a distribution.</summary>
internal static class PackageSystem
{
    internal static (string Format, string Manager) Of(Distribution distribution, GuestTree tree) => distribution.Id switch
    {
        // These have had releases of both kinds, or of another kind than libguestfs knows.
        "kylin" or "neokylin" or "pardus" when tree.FileExists("/var/lib/dpkg/status") => ("deb", "apt"),
        "fedora" => ("rpm", distribution.Major >= 22 && tree.Exists("/usr/bin/dnf") ? "dnf" : "yum"),
        "rhel" or "centos" or "circle" or "oraclelinux" or "rocky" or "scientificlinux" or "redhat-based" or "kylin" or "anolis" =>
            ("rpm", distribution.Major switch
            {
                >= 8 => "dnf",
                >= 5 => "yum",
                >= 2 => "up2date",
                _ => "",
            }),
        "neokylin" or "openeuler" or "openmandriva" or "opencloudos" or "tencentos" => ("rpm", "dnf"),
        "altlinux" => ("rpm", "apt"),
        "sles" or "opensuse" or "suse-based" => ("rpm", "zypper"),
        "debian" or "ubuntu" or "linuxmint" or "kalilinux" or "debian-based" => ("deb", "apt"),
        "mageia" or "mandriva" => ("rpm", "urpmi"),
        "meego" => ("rpm", "yum"),
        "archlinux" => ("pacman", "pacman"),
        "gentoo" => ("ebuild", "portage"),
        "pardus" => ("pisi", "pisi"),
        "alpine" => ("apk", "apk"),
        "voidlinux" => ("xbps", "xbps"),
        _ => ("", ""),
    };
}
