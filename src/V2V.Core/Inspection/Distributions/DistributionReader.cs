namespace V2V.Core.Inspection.Distributions;

/// <summary>Tells the distribution and its version: os-release, lsb-release, then the release files; the first that is sure ends the search.</summary>
internal static class DistributionReader
{
    private const int MaxReleaseBytes = 64 << 10;
    private const int MaxLineLength = 512;

    internal static Distribution Read(InspectionContext context)
    {
        var found = new Distribution();
        string osReleasePath = context.Tree.FileExists("/etc/os-release") ? "/etc/os-release" : "/usr/lib/os-release";
        Dictionary<string, string> osRelease = ShellText.ParseAssignments(Lines(context, osReleasePath));
        if (osRelease.Count > 0 && OsRelease.Apply(found, osRelease))
        {
            return found;
        }

        if (OsRelease.ApplyLsb(found, ShellText.ParseAssignments(Lines(context, "/etc/lsb-release"))))
        {
            return found;
        }

        foreach ((string path, ReleaseFile.Rule rule) in ReleaseFile.Rules)
        {
            if (context.Tree.FileExists(path) && rule(found, Lines(context, path)))
            {
                return found;
            }
        }

        if (found.Id is null)
        {
            OsRelease.ApplyFamily(found, osRelease);
        }

        // Some derivatives (deepin for one) do not say what they derive from; their package manager does.
        if (found.Id is null && context.Tree.FileExists("/var/lib/dpkg/status") && context.Tree.FileExists("/etc/debian_version"))
        {
            found.Id = "debian-based";
        }

        return found;
    }

    /// <summary>Host name from the files that hold it, or empty.</summary>
    internal static string ReadHostName(InspectionContext context)
    {
        foreach (string path in (string[])["/etc/HOSTNAME", "/etc/hostname"])
        {
            string? line = Lines(context, path).Select(l => l.Trim()).FirstOrDefault(l => l.Length > 0 && l[0] != '#');
            if (line is { Length: <= 255 })
            {
                return line;
            }
        }

        return ShellText.ParseAssignments(Lines(context, "/etc/sysconfig/network")).GetValueOrDefault("HOSTNAME", "");
    }

    private static List<string> Lines(InspectionContext context, string path) =>
        [.. context.ReadLines(path, MaxReleaseBytes).Select(l => l.Length > MaxLineLength ? l[..MaxLineLength] : l)];
}
