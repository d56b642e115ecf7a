using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using V2V.FileSystems;

namespace V2V.Core.Conversion.Linux.SeLinux;

/// <summary>
/// A line of <c>file_contexts</c>: a regular expression for whole paths, a type of file if it is for one only, and a label
/// (file_contexts(5)). The expression comes from the guest, so that it is matched in time linear to the path.
/// </summary>
internal sealed class ContextSpec
{
    private const string MetaCharacters = ".^$?*+|[({";
    private const int MaxPatternLength = 2048;
    private const int MaxRepetitions = 1000;
    private static readonly char[] s_blanks = [' ', '\t'];

    private readonly string _pattern;
    private readonly string _prefix;
    private Regex? _regex;

    private ContextSpec(string pattern, GuestFileType? type, string? label)
    {
        _pattern = pattern;
        Type = type;
        Label = label;
        (_prefix, IsExact) = LiteralPrefix(pattern);
    }

    /// <summary>The type of file that the line is for; null: any.</summary>
    internal GuestFileType? Type { get; }

    /// <summary>The label, or null for <c>&lt;&lt;none&gt;&gt;</c>: files that get none.</summary>
    internal string? Label { get; }

    /// <summary>True if the path is no pattern; such a line comes before all patterns.</summary>
    internal bool IsExact { get; }

    /// <summary>Reads a line; null if it is empty, a comment or not to be understood.</summary>
    internal static ContextSpec? Parse(string line)
    {
        string[] words = line.Split(s_blanks, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length is not (2 or 3) || words[0][0] == '#' || words[0].Length > MaxPatternLength || CountRepetitions(words[0]) > MaxRepetitions)
        {
            return null;
        }

        GuestFileType? type = null;
        if (words.Length == 3)
        {
            type = words[1] switch
            {
                "--" => GuestFileType.File,
                "-d" => GuestFileType.Directory,
                "-l" => GuestFileType.SymbolicLink,
                "-b" => GuestFileType.BlockDevice,
                "-c" => GuestFileType.CharacterDevice,
                "-p" => GuestFileType.Fifo,
                "-s" => GuestFileType.Socket,
                _ => null,
            };
            if (type is null)
            {
                return null;
            }
        }

        return new ContextSpec(words[0], type, words[^1] == "<<none>>" ? null : words[^1]);
    }

    /// <summary>True if the line is for a path and a type of file.</summary>
    internal bool Matches(string path, GuestFileType type)
    {
        if ((Type is not null && Type != type) || !path.StartsWith(_prefix, StringComparison.Ordinal))
        {
            return false;
        }

        return IsExact ? path.Length == _prefix.Length : (_regex ??= Compile(_pattern)).IsMatch(path);
    }

    /// <summary>What every path that matches begins with.</summary>
    private static (string Prefix, bool IsExact) LiteralPrefix(string pattern)
    {
        if (pattern.Contains('|', StringComparison.Ordinal) && HasAlternativesOutside(pattern))
        {
            return ("", false);
        }

        var prefix = new StringBuilder();
        for (int i = 0; i < pattern.Length; i++)
        {
            char c = pattern[i];
            int width = c == '\\' ? 2 : 1;
            if (MetaCharacters.Contains(c, StringComparison.Ordinal) || i + width > pattern.Length || (width == 2 && char.IsAsciiLetterOrDigit(pattern[i + 1])))
            {
                return (prefix.ToString(), false);
            }

            if (i + width < pattern.Length && pattern[i + width] is '?' or '*' or '{')
            {
                return (prefix.ToString(), false);
            }

            prefix.Append(pattern[i + width - 1]);
            i += width - 1;
        }

        return (prefix.ToString(), true);
    }

    private static bool HasAlternativesOutside(string pattern)
    {
        int depth = 0;
        for (int i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '\\':
                    i++;
                    break;
                case '(':
                    depth++;
                    break;
                case ')':
                    depth--;
                    break;
                case '|' when depth <= 0:
                    return true;
            }
        }

        return false;
    }

    /// <summary>The product of all counts in braces: what the expression would grow to.</summary>
    private static long CountRepetitions(string pattern)
    {
        long product = 1;
        for (int at = pattern.IndexOf('{', StringComparison.Ordinal); at >= 0 && product <= MaxRepetitions; at = pattern.IndexOf('{', at + 1))
        {
            int end = pattern.IndexOf('}', at);
            string[] counts = (end < 0 ? "" : pattern[(at + 1)..end]).Split(',');
            product *= int.TryParse(counts[^1].Length > 0 ? counts[^1] : counts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int count) ? Math.Max(count, 1) : 1;
        }

        return product;
    }

    /// <summary>PCRE's classes in brackets are spelled out; an expression that does not compile matches nothing.</summary>
    private static Regex Compile(string pattern)
    {
        string translated = pattern.Replace("[:alnum:]", "a-zA-Z0-9", StringComparison.Ordinal).Replace("[:alpha:]", "a-zA-Z", StringComparison.Ordinal)
            .Replace("[:digit:]", "0-9", StringComparison.Ordinal).Replace("[:xdigit:]", "0-9a-fA-F", StringComparison.Ordinal)
            .Replace("[:lower:]", "a-z", StringComparison.Ordinal).Replace("[:upper:]", "A-Z", StringComparison.Ordinal);
        try
        {
            return new Regex($@"\A(?:{translated})\z", RegexOptions.NonBacktracking | RegexOptions.Singleline | RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return new Regex(@"\A[^\w\W]", RegexOptions.NonBacktracking, TimeSpan.FromSeconds(1));
        }
    }
}
