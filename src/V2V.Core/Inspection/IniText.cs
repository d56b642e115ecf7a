namespace V2V.Core.Inspection;

/// <summary>Files of sections with keys, as systemd and NetworkManager write them. Sections and keys may repeat and stay in order.</summary>
internal static class IniText
{
    private const int MaxEntries = 16384;

    /// <summary>A key of a section.</summary>
    /// <param name="Section">Name of the section, and which of the sections of that name it is (from 0).</param>
    /// <param name="Key">The key.</param>
    /// <param name="Value">The value, trimmed.</param>
    internal readonly record struct Entry((string Name, int Number) Section, string Key, string Value);

    internal static List<Entry> Parse(IEnumerable<string> lines)
    {
        var entries = new List<Entry>();
        (string Name, int Number) section = ("", 0);
        int sections = 0;
        string continued = "";
        foreach (string raw in lines)
        {
            string line = raw.Trim();
            if (line.Length == 0 || line[0] is '#' or ';')
            {
                continue;
            }

            if (line[^1] == '\\' && continued.Length < 4096)
            {
                continued += line[..^1].TrimEnd() + " ";
                continue;
            }

            line = continued + line;
            continued = "";
            if (line[0] == '[' && line[^1] == ']')
            {
                section = (line[1..^1].Trim(), sections++);
                continue;
            }

            int equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && entries.Count < MaxEntries)
            {
                entries.Add(new Entry(section, line[..equals].TrimEnd(), line[(equals + 1)..].TrimStart()));
            }
        }

        return entries;
    }

    /// <summary>Values of a key in every section of a name, in order; an empty value drops those before it, as systemd has it.</summary>
    internal static List<string> Values(this List<Entry> entries, string section, string key)
    {
        var values = new List<string>();
        foreach (Entry entry in entries)
        {
            if (entry.Section.Name.Equals(section, StringComparison.OrdinalIgnoreCase) && entry.Key.Equals(key, StringComparison.OrdinalIgnoreCase))
            {
                if (entry.Value.Length == 0)
                {
                    values.Clear();
                }
                else
                {
                    values.Add(entry.Value);
                }
            }
        }

        return values;
    }

    /// <summary>The last value of a key, or null.</summary>
    internal static string? Value(this List<Entry> entries, string section, string key) => entries.Values(section, key).LastOrDefault();
}
