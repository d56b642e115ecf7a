using V2V.Core.Guest;

namespace V2V.Core.Inspection.Distributions;

/// <summary>The package format and manager that belong to a distribution.</summary>
internal static class PackageSystem
{
    private static readonly string[] s_rpmManagers = ["dnf", "zypper", "yum", "urpmi", "apt-get"];

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
        null => Detect(tree),
        _ => ("", ""),
    };

    /// <summary>A distribution that nobody knows is told by its database.</summary>
    private static (string Format, string Manager) Detect(GuestTree tree) =>
        tree.FileExists("/var/lib/dpkg/status") ? ("deb", "apt")
        : tree.DirectoryExists("/var/lib/pacman/local") ? ("pacman", "pacman")
        : tree.FileExists("/lib/apk/db/installed") ? ("apk", "apk")
        : tree.DirectoryExists("/var/lib/rpm") || tree.DirectoryExists("/usr/lib/sysimage/rpm")
            ? ("rpm", s_rpmManagers.FirstOrDefault(m => tree.FileExists("/usr/bin/" + m) || tree.FileExists("/usr/sbin/" + m)) ?? "")
        : tree.DirectoryExists("/var/db/xbps") ? ("xbps", "xbps")
        : tree.DirectoryExists("/var/db/pkg") ? ("ebuild", "portage")
        : ("", "");
}
