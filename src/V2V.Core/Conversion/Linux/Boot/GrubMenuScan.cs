using System.Text.RegularExpressions;
using V2V.Core.Guest;

namespace V2V.Core.Conversion.Linux.Boot;

/// <summary>The entries of a grub.cfg in the form in which <c>set default=</c> takes them (GRUB manual 2.06, "default").</summary>
internal static partial class GrubMenuScan
{
    private const int MaxDepth = 16;

    /// <summary>How to name the entry that starts a kernel: ids or numbers of the sub-menus on the way and the entry, with <c>&gt;</c> between; null if there is none.</summary>
    /// <param name="text">The configuration.</param>
    /// <param name="kernelName">File name of the kernel (<c>vmlinuz-6.1.0-18-amd64</c>).</param>
    internal static string? FindEntry(string text, string kernelName)
    {
        // Each level: the name of what is open there, and how many entries it has had.
        var names = new List<string>();
        var counts = new List<int> { 0 };
        int braces = 0;
        var openedAt = new List<int>();
        foreach (string line in GuestText.SplitLines(text).Select(l => l.Trim()))
        {
            if (Header().Match(line) is { Success: true } header && names.Count < MaxDepth)
            {
                string id = Id().Match(line) is { Success: true } match ? match.Groups[1].Value : counts[^1].ToString(System.Globalization.CultureInfo.InvariantCulture);
                counts[^1]++;
                names.Add(id);
                counts.Add(0);
                openedAt.Add(braces);
                braces++;
                continue;
            }

            if (names.Count > 0 && Kernel().Match(line) is { Success: true } kernel && GuestPath.GetName(kernel.Groups[1].Value) == kernelName
                && !line.Contains(" single", StringComparison.Ordinal) && !line.Contains(" recovery", StringComparison.Ordinal))
            {
                return string.Join('>', names);
            }

            if (line.EndsWith('{'))
            {
                braces++;
            }
            else if (line == "}")
            {
                braces--;
                if (openedAt.Count > 0 && braces == openedAt[^1])
                {
                    names.RemoveAt(names.Count - 1);
                    counts.RemoveAt(counts.Count - 1);
                    openedAt.RemoveAt(openedAt.Count - 1);
                }
            }
        }

        return null;
    }

    [GeneratedRegex(@"^(?:menuentry|submenu)\s.*\{\s*$", RegexOptions.CultureInvariant)]
    private static partial Regex Header();

    [GeneratedRegex("""(?:\$menuentry_id_option|--id)[ =]['"]?([^'"\s]+)""", RegexOptions.CultureInvariant)]
    private static partial Regex Id();

    [GeneratedRegex(@"^linux(?:16|efi)?\s+(\S+)", RegexOptions.CultureInvariant)]
    private static partial Regex Kernel();
}
