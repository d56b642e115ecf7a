using System.Globalization;
using System.Text;

namespace V2V.Core.Conversion.Windows.Drivers.Inf;

/// <summary>
/// The [Strings] of an INF file and of one language ("INF Strings Section"): <c>%key%</c> stands for a string, <c>%%</c> for a percent sign;
/// what is not defined, as the numbers of directories (<c>%12%</c>), stays as it is.
/// </summary>
internal sealed class InfStrings
{
    /// <summary>Most characters that all lines together may grow by.</summary>
    private const int MaxGrowth = 32 << 20;

    private readonly Dictionary<string, string> _strings = new(StringComparer.OrdinalIgnoreCase);
    private readonly string _name;
    private long _growth;

    /// <param name="name">The file's name, for messages.</param>
    /// <param name="sections">The sections as they were read.</param>
    /// <param name="language">Windows' number of a language; its strings come before those of [Strings].</param>
    public InfStrings(string name, Dictionary<string, List<InfLine>> sections, int language)
    {
        _name = name;
        // The first definition counts: the language, its primary language, none, and English where a file has nothing else.
        foreach (string suffix in (string[])[Suffix(language), Suffix(language & 0x3FF), Suffix((language & 0x3FF) | 0x400), "", Suffix(0x409)])
        {
            foreach (InfLine line in sections.GetValueOrDefault("Strings" + suffix) ?? [])
            {
                if (line.Key is not null)
                {
                    _strings.TryAdd(line.Key, string.Join(',', line.Fields));
                }
            }
        }
    }

    /// <summary>True for a section that defines strings.</summary>
    public static bool IsStrings(string section) =>
        section.Equals("Strings", StringComparison.OrdinalIgnoreCase) || section.StartsWith("Strings.", StringComparison.OrdinalIgnoreCase);

    /// <exception cref="Storage.V2VException"><c>InfTooLarge</c>: the file is a bomb of strings.</exception>
    public InfLine Expand(InfLine line) => new(line.Key is null ? null : Expand(line.Key), [.. line.Fields.Select(Expand)]);

    private string Expand(string text)
    {
        int at = text.IndexOf('%', StringComparison.Ordinal);
        if (at < 0)
        {
            return text;
        }

        var result = new StringBuilder();
        int copied = 0;
        while (at >= 0 && text.IndexOf('%', at + 1) is var end and > 0)
        {
            result.Append(text, copied, at - copied);
            string key = text[(at + 1)..end];
            if (result.Length > MaxGrowth)
            {
                throw InfErrors.TooLarge(_name);
            }

            result.Append(key.Length == 0 ? "%" : _strings.GetValueOrDefault(key) ?? text[at..(end + 1)]);
            copied = end + 1;
            at = text.IndexOf('%', copied);
        }

        result.Append(text, copied, text.Length - copied);
        _growth += Math.Max(0, result.Length - text.Length);
        return _growth <= MaxGrowth ? result.ToString() : throw InfErrors.TooLarge(_name);
    }

    private static string Suffix(int language) => "." + language.ToString("X4", CultureInfo.InvariantCulture);
}
