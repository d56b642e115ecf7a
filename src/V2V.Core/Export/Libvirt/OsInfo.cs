using System.Text.RegularExpressions;

namespace V2V.Core.Export.Libvirt;

/// <summary>The osinfo database's short ids and the URIs that libvirt's metadata wants in their place.</summary>
internal static partial class OsInfo
{
    /// <summary>Short ids whose URI is <c>http://DOMAIN/PRODUCT/VERSION</c>.</summary>
    private static readonly Dictionary<string, string> s_products = new()
    {
        ["almalinux"] = "almalinux.org/almalinux",
        ["alpinelinux"] = "alpinelinux.org/alpinelinux",
        ["alt"] = "altlinux.org/alt",
        ["altlinux"] = "altlinux.org/altlinux",
        ["archlinux"] = "archlinux.org/archlinux",
        ["centos"] = "centos.org/centos",
        ["centos-stream"] = "centos.org/centos-stream",
        ["circle"] = "cclinux.org/circle",
        ["debian"] = "debian.org/debian",
        ["fedora"] = "fedoraproject.org/fedora",
        ["gentoo"] = "gentoo.org/gentoo",
        ["mageia"] = "mageia.org/mageia",
        ["miraclelinux"] = "miraclelinux.com/miraclelinux",
        ["ol"] = "oracle.com/ol",
        ["opensuse"] = "opensuse.org/opensuse",
        ["rhel"] = "redhat.com/rhel",
        ["rocky"] = "rockylinux.org/rocky",
        ["sled"] = "suse.com/sled",
        ["sles"] = "suse.com/sles",
        ["ubuntu"] = "ubuntu.com/ubuntu",
        ["voidlinux"] = "voidlinux.org/voidlinux",
        ["win"] = "microsoft.com/win",
        ["winnt"] = "microsoft.com/winnt",
    };

    /// <summary>The URI of a short id, or null if it is not one of the known families.</summary>
    public static string? ToUri(string? shortId)
    {
        if (shortId is null || ShortId().Match(shortId) is not { Success: true } match)
        {
            return null;
        }

        string version = match.Groups["version"].Value;
        if (version.Length == 0)
        {
            // Rolling releases carry no version in the short id, except those that the database knows without one.
            version = "rolling";
        }

        // SUSE's service packs: 15sp4 is 15.4.
        version = ServicePack().Replace(version, ".");
        return s_products.TryGetValue(match.Groups["product"].Value, out string? path) ? $"http://{path}/{version}" : null;
    }

    [GeneratedRegex(@"(?<=\A\d+)sp(?=\d+\z)")]
    private static partial Regex ServicePack();

    [GeneratedRegex(@"\A(?<product>centos-stream|win(?=\d|xp|vista|me)|[a-z]+?)-?(?<version>\d[0-9a-z.\-]*|xp|vista|me|rolling|testing|tumbleweed|unknown)?\z")]
    private static partial Regex ShortId();
}
