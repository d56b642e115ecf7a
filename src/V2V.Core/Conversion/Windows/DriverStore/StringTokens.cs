using V2V.Core.Conversion.Windows.Drivers.Inf;

namespace V2V.Core.Conversion.Windows.DriverStore;

/// <summary>
/// Texts of an INF file as Windows notes them: by the name of the string (<c>%vendor%</c>, or <c>@oem12.inf,%vendor%;Red Hat, Inc.</c>), so that they are shown
/// in the user's language. A text that is no string of the file stands for itself.
/// </summary>
internal sealed class StringTokens
{
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _used = new(StringComparer.Ordinal);

    internal StringTokens(InfFile inf)
    {
        foreach (InfLine line in inf.Section("Strings"))
        {
            if (line.Key is { Length: > 0 } key)
            {
                _names.TryAdd(line.Field(0), key.ToLowerInvariant());
            }
        }
    }

    /// <summary>The strings that were asked for, by name.</summary>
    internal IEnumerable<KeyValuePair<string, string>> Used => _used;

    /// <summary>The name of a text, in percent signs.</summary>
    internal string Token(string text)
    {
        if (!_names.TryGetValue(text, out string? name))
        {
            return text;
        }

        _used[name] = text;
        return "%" + name + "%";
    }

    /// <summary>A reference to a text of a published INF file, with the text behind it.</summary>
    internal string Reference(string text, string published) => _names.TryGetValue(text, out string? name) ? $"@{published},%{name}%;{text}" : text;
}
