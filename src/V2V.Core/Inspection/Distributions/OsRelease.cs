namespace V2V.Core.Inspection.Distributions;

/// <summary>/etc/os-release (os-release(5)) and /etc/lsb-release.</summary>
internal static class OsRelease
{
    private static readonly Dictionary<string, string> s_ids = new(StringComparer.Ordinal)
    {
        ["alpine"] = "alpine",
        ["altlinux"] = "altlinux",
        ["arch"] = "archlinux",
        ["centos"] = "centos",
        ["circle"] = "circle",
        ["coreos"] = "coreos",
        ["debian"] = "debian",
        ["fedora"] = "fedora",
        ["frugalware"] = "frugalware",
        ["gentoo"] = "gentoo",
        ["kali"] = "kalilinux",
        ["kylin"] = "kylin",
        ["mageia"] = "mageia",
        ["neokylin"] = "neokylin",
        ["openEuler"] = "openeuler",
        ["openmandriva"] = "openmandriva",
        ["opencloudos"] = "opencloudos",
        ["tencentos"] = "tencentos",
        ["opensuse"] = "opensuse",
        ["pardus"] = "pardus",
        ["pld"] = "pld",
        ["rhel"] = "rhel",
        ["rocky"] = "rocky",
        ["sles"] = "sles",
        ["sled"] = "sles",
        ["ubuntu"] = "ubuntu",
        ["void"] = "voidlinux",
    };

    /// <summary>Names that only this file gives, tried when no release file knew better.</summary>
    private static readonly Dictionary<string, string> s_lateIds = new(StringComparer.Ordinal)
    {
        ["ol"] = "oraclelinux",
        ["scientific"] = "scientificlinux",
        ["linuxmint"] = "linuxmint",
        ["cirros"] = "cirros",
        ["buildroot"] = "buildroot",
        ["slackware"] = "slackware",
        ["anolis"] = "anolis",
        ["mandriva"] = "mandriva",
        ["nixos"] = "nixos",
        ["guix"] = "guix",
        ["flatcar"] = "flatcar",
    };

    /// <summary>Families by ID or ID_LIKE, for derivatives that are not known by name.</summary>
    private static readonly (string Like, string Family)[] s_families =
    [
        ("rhel", "redhat-based"), ("centos", "redhat-based"), ("fedora", "redhat-based"), ("ubuntu", "debian-based"), ("debian", "debian-based"),
        ("suse", "suse-based"), ("opensuse", "suse-based"), ("sles", "suse-based"), ("sled", "suse-based"),
        ("mageia", "mageia"), ("openmandriva", "openmandriva"), ("altlinux", "altlinux"), ("openEuler", "openeuler"), ("arch", "archlinux"), ("alpine", "alpine"),
        ("gentoo", "gentoo"), ("void", "voidlinux"),
    ];

    /// <summary>Reads os-release; true if it says enough to end the search.</summary>
    internal static bool Apply(Distribution found, Dictionary<string, string> file)
    {
        string id = file.GetValueOrDefault("ID", "");
        if (s_ids.TryGetValue(id, out string? known) || (id.StartsWith("opensuse-", StringComparison.Ordinal) && (known = "opensuse") is not null))
        {
            found.Id = known;
        }

        ApplyNames(found, file);
        if (found.Id == "neokylin" && file.GetValueOrDefault("VERSION_ID") is { } neokylin && neokylin.StartsWith('V'))
        {
            found.Version = VersionText.After(neokylin.Replace("Update", " Update ", StringComparison.Ordinal), "V") ?? found.Version;
        }

        if (found.Id is "archlinux" or "gentoo" or "voidlinux")
        {
            found.Version ??= new Version(0, 0);
        }

        bool minorIsElsewhere = found.Id is "debian" or "centos" or "circle" or "rocky" && found.Minor == 0;
        return found.Id is not null && found.Product.Length > 0 && found.Version is not null && !minorIsElsewhere;
    }

    /// <summary>Reads lsb-release; true if it names a distribution it may name.</summary>
    internal static bool ApplyLsb(Distribution found, Dictionary<string, string> file)
    {
        string? id = file.GetValueOrDefault("DISTRIB_ID") switch
        {
            "CoreOS" => "coreos",
            "LinuxMint" => "linuxmint",
            "Mageia" => "mageia",
            "Ubuntu" => "ubuntu",
            _ => null,
        };
        if (id is null)
        {
            return false;
        }

        found.Id = id;
        found.Version = VersionText.Find(file.GetValueOrDefault("DISTRIB_RELEASE", "")) ?? found.Version;
        if (file.GetValueOrDefault("DISTRIB_DESCRIPTION") is { Length: > 0 } description)
        {
            found.Product = description;
        }

        return true;
    }

    /// <summary>The last resort: names only os-release knows, then the family of a derivative.</summary>
    internal static void ApplyFamily(Distribution found, Dictionary<string, string> file)
    {
        string id = file.GetValueOrDefault("ID", "");
        string? late = s_lateIds.GetValueOrDefault(id);
        string[] like = [id, .. file.GetValueOrDefault("ID_LIKE", "").Split(' ', StringSplitOptions.RemoveEmptyEntries).Take(16)];
        found.Id = late ?? s_families.FirstOrDefault(f => like.Contains(f.Like)).Family;
        ApplyNames(found, file);
    }

    private static void ApplyNames(Distribution found, Dictionary<string, string> file)
    {
        if (file.GetValueOrDefault("PRETTY_NAME") is { Length: > 0 } name)
        {
            found.Product = name;
        }

        found.Version = VersionText.Find(file.GetValueOrDefault("VERSION_ID", "")) ?? found.Version;
        found.BuildId = file.GetValueOrDefault("BUILD_ID", found.BuildId);
    }
}
