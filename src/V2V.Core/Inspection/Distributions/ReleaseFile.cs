namespace V2V.Core.Inspection.Distributions;

/// <summary>The release files that distributions had before os-release: one rule for each file, in the order in which they are tried.</summary>
internal static class ReleaseFile
{
    /// <summary>Reads the lines of a release file into what was found so far; true if that ends the search.</summary>
    internal delegate bool Rule(Distribution found, IReadOnlyList<string> lines);

    internal static IReadOnlyList<(string Path, Rule Rule)> Rules { get; } =
    [
        ("/etc/openmandriva-release", (f, l) => Product(f, l, "OpenMandriva", "openmandriva")),
        ("/etc/opencloudos-release", (f, l) => Product(f, l, "OpenCloudOS", "opencloudos")),
        ("/etc/tencentos-release", (f, l) => Product(f, l, "TencentOS", "tencentos")),
        ("/etc/oracle-release", (f, l) => Product(f, l, "Oracle Linux", "oraclelinux")),
        ("/etc/centos-release", (f, l) => Product(f, l, "CentOS", "centos")),
        ("/etc/circle-release", (f, l) => Product(f, l, "Circle Linux", "circle")),
        ("/etc/rocky-release", (f, l) => Product(f, l, "Rocky Linux", "rocky")),
        ("/etc/altlinux-release", (f, l) => Any(f, l, "altlinux")),
        ("/etc/redhat-release", RedHat),
        ("/etc/debian_version", DebianVersion),
        ("/etc/pardus-release", (f, l) => Any(f, l, "pardus")),
        ("/etc/arch-release", (f, l) => Rolling(f, l, "archlinux", "Arch Linux")),
        ("/etc/gentoo-release", (f, l) => Any(f, l, "gentoo")),
        ("/etc/meego-release", (f, l) => Any(f, l, "meego")),
        ("/etc/slackware-version", (f, l) => Any(f, l, "slackware")),
        ("/etc/ttylinux-target", (f, l) => Any(f, l, "ttylinux")),
        ("/etc/SuSE-release", Suse),
        ("/etc/cirros/version", (f, l) => Named(f, l, "cirros", "CirrOS ")),
        ("/etc/br-version", (f, l) => Named(f, l, "buildroot", "Buildroot ")),
        ("/etc/alpine-release", (f, l) => Named(f, l, "alpine", "Alpine Linux v")),
        ("/etc/frugalware-release", (f, l) => Any(f, l, "frugalware")),
        ("/etc/pld-release", (f, l) => Any(f, l, "pld")),
    ];

    private static bool Product(Distribution found, IReadOnlyList<string> lines, string product, string id)
    {
        if (!First(lines).Contains(product, StringComparison.Ordinal) || VersionText.After(First(lines), "release ") is not { } version)
        {
            return false;
        }

        return Set(found, id, First(lines), version);
    }

    private static bool RedHat(Distribution found, IReadOnlyList<string> lines)
    {
        string line = First(lines);
        if (line.Length == 0)
        {
            return false;
        }

        foreach ((string start, string id) in ((string, string)[])[("Fedora", "fedora"), ("Red Hat", "rhel"), ("CentOS", "centos"),
            ("Circle Linux", "circle"), ("Rocky Linux", "rocky"), ("Scientific Linux", "scientificlinux")])
        {
            if (line.StartsWith(start, StringComparison.Ordinal) && VersionText.After(line, "release ") is { } version)
            {
                return Set(found, id, line, version);
            }
        }

        // A derivative: os-release, where there is one, knows its name.
        return Set(found, "redhat-based", found.Product.Length > 0 ? found.Product : line, VersionText.Find(line));
    }

    private static bool DebianVersion(Distribution found, IReadOnlyList<string> lines)
    {
        // Testing has a code name here ("trixie/sid"), and so have derivatives, which os-release knows better.
        Version? version = VersionText.Find(First(lines));
        if (version is null && found.Id is null && found.Product.Length > 0)
        {
            return false;
        }

        found.Id = "debian";
        found.Version = version ?? found.Version;
        if (found.Product.Length == 0)
        {
            found.Product = "Debian GNU/Linux " + First(lines);
        }

        return true;
    }

    private static bool Suse(Distribution found, IReadOnlyList<string> lines)
    {
        string first = First(lines);
        Dictionary<string, string> values = ShellText.ParseAssignments(lines);
        if (first.StartsWith("SUSE Linux Enterprise", StringComparison.Ordinal) || first.StartsWith("Novell Linux Desktop", StringComparison.Ordinal))
        {
            int major = VersionText.Find(values.GetValueOrDefault("VERSION", ""))?.Major ?? VersionText.Find(first)?.Major ?? 0;
            int minor = VersionText.Find(values.GetValueOrDefault("PATCHLEVEL", ""))?.Major ?? 0;
            return Set(found, "sles", first, new Version(major, minor));
        }

        bool isOpen = first.StartsWith("openSUSE", StringComparison.OrdinalIgnoreCase) || first.StartsWith("SuSE Linux", StringComparison.OrdinalIgnoreCase);
        return Set(found, isOpen ? "opensuse" : "suse-based", first, VersionText.Find(lines.Count > 1 ? lines[1] : "") ?? VersionText.Find(first));
    }

    private static bool Any(Distribution found, IReadOnlyList<string> lines, string id) =>
        Set(found, id, First(lines), VersionText.Find(First(lines)));

    private static bool Rolling(Distribution found, IReadOnlyList<string> lines, string id, string product) =>
        Set(found, id, First(lines).Length > 0 ? First(lines) : product, new Version(0, 0));

    private static bool Named(Distribution found, IReadOnlyList<string> lines, string id, string prefix) =>
        Set(found, id, prefix + First(lines), VersionText.Find(First(lines)));

    private static bool Set(Distribution found, string id, string product, Version? version)
    {
        found.Id = id;
        found.Product = product.Length > 0 ? product : found.Product;
        found.Version = version ?? found.Version;
        return true;
    }

    private static string First(IReadOnlyList<string> lines) => lines.Count > 0 ? lines[0].Trim() : "";
}
