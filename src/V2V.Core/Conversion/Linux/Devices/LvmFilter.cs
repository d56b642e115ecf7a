using System.Text.RegularExpressions;

namespace V2V.Core.Conversion.Linux.Devices;

/// <summary>
/// The device filters of lvm.conf(5), <c>filter</c> and <c>global_filter</c>. A filter that would turn away a physical volume under its new name gets
/// a first pattern that lets it in; the rest stays.
/// </summary>
internal static partial class LvmFilter
{
    private const int MaxPatterns = 256;

    /// <summary>Gives the text with its filters corrected.</summary>
    /// <param name="text">lvm.conf.</param>
    /// <param name="volumes">Old and new name of each physical volume.</param>
    internal static string Edit(string text, IReadOnlyList<(string Old, string New)> volumes) =>
        Setting().Replace(text, match =>
        {
            string[] patterns = [.. Quoted().Matches(match.Groups[3].Value).Take(MaxPatterns).Select(m => m.Groups[1].Value)];
            bool hasLinks = patterns.Any(p => p.StartsWith('a') && p.Contains("disk/by-", StringComparison.Ordinal));
            string[] added = [.. volumes.Where(v => !Accepts(patterns, v.New) && (hasLinks || Accepts(patterns, v.Old))).Select(v => $"\"a|^{v.New}$|\"").Distinct()];
            return added.Length == 0 ? match.Value : $"{match.Groups[1].Value}{match.Groups[2].Value} = [ {string.Join(", ", [.. added, .. patterns.Select(p => $"\"{p}\"")])} ]";
        });

    /// <summary>The first pattern that fits decides; what none fits is let in.</summary>
    private static bool Accepts(string[] patterns, string name)
    {
        foreach (string pattern in patterns.Where(p => p.Length > 2))
        {
            int end = pattern.LastIndexOf(pattern[1]);
            try
            {
                if (end > 1 && Regex.IsMatch(name, pattern[2..end], RegexOptions.NonBacktracking | RegexOptions.CultureInvariant))
                {
                    return pattern[0] == 'a';
                }
            }
            catch (Exception e) when (e is ArgumentException or NotSupportedException)
            {
                // A pattern that only LVM understands decides nothing here.
            }
        }

        return true;
    }

    [GeneratedRegex("(?m)^([ \\t]*)(filter|global_filter)[ \\t]*=[ \\t]*(\\[(?:[^\\]\"]|\"[^\"\\n]{0,4096}\"){0,4096}\\]|\"[^\"\\n]{0,4096}\")", RegexOptions.CultureInvariant)]
    private static partial Regex Setting();

    [GeneratedRegex("\"([^\"\\n]{0,4096})\"", RegexOptions.CultureInvariant)]
    private static partial Regex Quoted();
}
