using System.Text.RegularExpressions;

namespace V2V.Core.Conversion.Linux;

/// <summary>Repositories of VMware's packages, which would bring the tools back with the next update, are switched off: yum's, dnf's and zypper's (enabled=0), and apt's.</summary>
internal static partial class VendorRepositories
{
    private const string Reason = "The repository holds the tools of the old hypervisor.";

    internal static void Disable(ConversionContext context)
    {
        foreach (string path in (string[])[.. context.Tree.Glob("/etc/yum.repos.d/*.repo"), .. context.Tree.Glob("/etc/zypp/repos.d/*.repo"), .. context.Tree.Glob("/etc/yum.conf")])
        {
            context.Editor.EditText(path, DisableSections, Reason);
        }

        foreach (string path in (string[])["/etc/apt/sources.list", .. context.Tree.Glob("/etc/apt/sources.list.d/*.list"), .. context.Tree.Glob("/etc/apt/sources.list.d/*.sources")])
        {
            context.Editor.EditText(path, text => path.EndsWith(".sources", StringComparison.Ordinal) ? DisableStanzas(text) : CommentOut(text), Reason);
        }
    }

    private static string CommentOut(string text) =>
        TextLines.Edit(text, line => line.TrimStart().StartsWith("deb", StringComparison.Ordinal) && VendorHost().IsMatch(line) ? "# " + line : line);

    /// <summary>deb822: stanzas between empty lines.</summary>
    private static string DisableStanzas(string text) =>
        string.Join("\n\n", text.Split("\n\n").Select(s => UriLine().IsMatch(s) && !s.Contains("Enabled: no", StringComparison.Ordinal) ? "Enabled: no\n" + s.TrimStart('\n') : s));

    private static string DisableSections(string text)
    {
        string section = "";
        var vendor = new HashSet<string>(StringComparer.Ordinal);
        _ = TextLines.Edit(text, line =>
        {
            section = SectionName(line) ?? section;
            if (BaseUrl().IsMatch(line))
            {
                vendor.Add(section);
            }

            return line;
        });
        if (vendor.Count == 0)
        {
            return text;
        }

        return TextLines.Edit(text, line =>
        {
            if (SectionName(line) is { } name)
            {
                section = name;
                return vendor.Contains(name) ? line + "\nenabled=0" : line;
            }

            return vendor.Contains(section) && EnabledLine().IsMatch(line) ? null : line;
        });
    }

    private static string? SectionName(string line) => line.Trim() is ['[', .. { } name, ']'] ? name : null;

    [GeneratedRegex(@"(?i)\bhttps?://(?:[a-z0-9-]+\.)*vmware\.com(?:[:/\s]|$)", RegexOptions.CultureInvariant)]
    private static partial Regex VendorHost();

    [GeneratedRegex(@"(?im)^URIs:.*https?://(?:[a-z0-9-]+\.)*vmware\.com(?:[:/\s]|$)", RegexOptions.CultureInvariant)]
    private static partial Regex UriLine();

    [GeneratedRegex(@"(?i)^\s*(?:baseurl|mirrorlist)\s*=.*https?://(?:[a-z0-9-]+\.)*vmware\.com(?:[:/\s]|$)", RegexOptions.CultureInvariant)]
    private static partial Regex BaseUrl();

    [GeneratedRegex(@"(?i)^\s*enabled\s*=", RegexOptions.CultureInvariant)]
    private static partial Regex EnabledLine();
}
