using System.IO.Enumeration;
using V2V.Storage;

namespace V2V.Core.Sources;

/// <summary>Names of machines: made from file names, and matched with wildcards.</summary>
internal static class SourceName
{
    private static readonly string[] s_endings = [".img", ".ova", ".ovf", ".qcow2", ".raw", ".vmdk", ".vmx", "-sda", ".tar.gz", ".tar.xz", ".tgz", ".zip", ".tar"];

    /// <summary>The file's name without one ending that says what the file is.</summary>
    /// <exception cref="V2VException"><c>SourceNameEmpty</c> if nothing is left.</exception>
    public static string FromPath(string path)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(path));
        if (s_endings.FirstOrDefault(e => name.EndsWith(e, StringComparison.OrdinalIgnoreCase)) is { } ending)
        {
            name = name[..^ending.Length];
        }

        return name.Length > 0 ? name : throw new V2VException(
            "SourceNameEmpty", V2VErrorKind.InvalidArgument, "The name of the file gives no name for the machine.", path, "Name the machine with -Name.");
    }

    /// <summary>True if a name matches a pattern with <c>*</c>, <c>?</c> and <c>[a-z]</c>, without regard to case.</summary>
    public static bool Matches(string name, string pattern) =>
        string.Equals(name, pattern, StringComparison.OrdinalIgnoreCase)
        || (pattern.Contains('[', StringComparison.Ordinal)
            ? MatchesWithSets(name, pattern)
            : FileSystemName.MatchesSimpleExpression(pattern.Replace(@"\", @"\\", StringComparison.Ordinal), name, ignoreCase: true));

    /// <summary>Backtracks to the last star only, so the time is bounded by the product of the lengths.</summary>
    private static bool MatchesWithSets(string name, string pattern)
    {
        int n = 0, p = 0, starName = -1, starPattern = -1;
        while (n < name.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                starPattern = ++p;
                starName = n;
            }
            else if (p < pattern.Length && MatchesOne(name[n], pattern, p, out int next))
            {
                n++;
                p = next;
            }
            else if (starPattern >= 0)
            {
                p = starPattern;
                n = ++starName;
            }
            else
            {
                return false;
            }
        }

        return pattern.AsSpan(p).IndexOfAnyExcept('*') < 0;
    }

    private static bool MatchesOne(char c, string pattern, int p, out int next)
    {
        next = p + 1;
        int end = pattern[p] == '[' ? pattern.IndexOf(']', p + 1) : -1;
        if (end < 0)
        {
            return pattern[p] == '?' || char.ToUpperInvariant(pattern[p]) == char.ToUpperInvariant(c);
        }

        next = end + 1;
        char upper = char.ToUpperInvariant(c);
        for (int i = p + 1; i < end; i++)
        {
            char low = char.ToUpperInvariant(pattern[i]);
            char high = low;
            if (i + 2 < end && pattern[i + 1] == '-')
            {
                high = char.ToUpperInvariant(pattern[i + 2]);
                i += 2;
            }

            if (upper >= low && upper <= high)
            {
                return true;
            }
        }

        return false;
    }
}
