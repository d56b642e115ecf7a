using System.Text.RegularExpressions;

namespace V2V.Core.Conversion.Linux.Initramfs;

/// <summary>
/// The init of Red Hat's mkinitrd before dracut: a script for nash that inserts modules by their file names, <c>insmod /lib/NAME.ko</c>, and
/// then makes the nodes of block devices. It knows neither udev's rules nor modules.dep.
/// </summary>
internal static partial class NashInit
{
    /// <summary>Path of the script.</summary>
    internal const string Path = "init";

    /// <summary>Directory of the modules.</summary>
    internal const string Directory = "lib";

    /// <summary>True if a text is such a script.</summary>
    internal static bool Is(string text) => text.StartsWith("#!", StringComparison.Ordinal) && text.Split('\n', 2)[0].Contains("nash", StringComparison.Ordinal);

    /// <summary>Names (underscores) of the modules that a script inserts.</summary>
    internal static IEnumerable<string> Inserted(string text) => Insert().Matches(text).Select(m => m.Groups[1].Value.Replace('-', '_'));

    /// <summary>Adds modules behind the last one that they may depend on, before the nodes are made.</summary>
    /// <param name="text">The script.</param>
    /// <param name="files">Names of the modules' files, in the order in which they must be inserted.</param>
    /// <param name="needed">Names of all modules that they depend on.</param>
    /// <returns>The new script; null if it has no place where block devices are looked for.</returns>
    internal static string? Edit(string text, IReadOnlyList<string> files, IReadOnlySet<string> needed)
    {
        List<string> lines = [.. text.Split('\n')];
        int last = lines.FindLastIndex(l => Insert().Match(l) is { Success: true } m && needed.Contains(m.Groups[1].Value.Replace('-', '_')));
        int first = lines.FindIndex(l => Insert().IsMatch(l) || Announce().IsMatch(l));
        int at = last >= 0 ? last + 1 : first >= 0 ? first : lines.FindIndex(l => Root().IsMatch(l));
        if (at < 0)
        {
            return null;
        }

        lines.InsertRange(at, files.SelectMany(f => (string[])[$"echo \"Loading {f} module\"", $"insmod /{Directory}/{f}"]));
        int end = at + (2 * files.Count);
        if (lines.Exists(l => l.Trim() == "mkblkdevs") && !lines.Skip(end).Any(l => l.Trim() == "mkblkdevs"))
        {
            lines.Insert(end, "mkblkdevs");
        }

        return string.Join('\n', lines);
    }

    /// <summary>Replaces device names in the lines that look for the root and the suspended system.</summary>
    internal static string ReplaceDevices(string text, Func<string, string?> replace) => TextLines.Edit(
        text, line => Root().IsMatch(line) || line.TrimStart().StartsWith("resume ", StringComparison.Ordinal)
            ? Device().Replace(line, m => replace(m.Value) ?? m.Value)
            : line);

    [GeneratedRegex(@"(?m)^\s*insmod\s+/lib/(?:\S*/)?([^\s/]+?)\.k?o\b", RegexOptions.CultureInvariant)]
    private static partial Regex Insert();

    [GeneratedRegex(@"^\s*echo ""?Loading \S+\.k?o module", RegexOptions.CultureInvariant)]
    private static partial Regex Announce();

    [GeneratedRegex(@"^\s*(?:mkrootdev|mount .*/sysroot)\b", RegexOptions.CultureInvariant)]
    private static partial Regex Root();

    [GeneratedRegex(@"(?<=\s)/dev/[^\s]+", RegexOptions.CultureInvariant)]
    private static partial Regex Device();
}
