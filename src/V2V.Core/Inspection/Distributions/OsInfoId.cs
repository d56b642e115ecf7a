using System.Globalization;

namespace V2V.Core.Inspection.Distributions;

/// <summary>The osinfo database's short id of a Linux distribution.</summary>
internal static class OsInfoId
{
    /// <summary>The short id, or null if the distribution is not known. It need not be in the host's database.</summary>
    internal static string? Of(string distro, Version version)
    {
        int major = version.Major, minor = version.Minor;
        return distro switch
        {
            "centos" when major >= 8 => Text($"centos{major}"),
            "centos" when major == 7 => "centos7.0",
            "centos" when major == 6 => Text($"centos6.{minor}"),
            "circle" or "rocky" when major >= 8 => Text($"{distro}{major}"),
            "debian" when major >= 4 => Text($"debian{major}"),
            "fedora" or "mageia" => Text($"{distro}{major}"),
            "sles" when major >= 15 => minor == 0 ? "sle15" : Text($"sle{major}sp{minor}"),
            "sles" => minor == 0 ? Text($"sles{major}") : Text($"sles{major}sp{minor}"),
            "ubuntu" => Text($"ubuntu{major}.{minor:00}"),
            "archlinux" or "gentoo" or "voidlinux" => distro,
            "altlinux" when major >= 8 => Text($"alt{major}.{minor}"),
            "opensuse" when major > 20000000 => "opensusetumbleweed",
            "unknown" or "redhat-based" or "suse-based" or "debian-based" => null,
            _ => major == 0 && minor == 0 ? distro : Text($"{distro}{major}.{minor}"),
        };
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
