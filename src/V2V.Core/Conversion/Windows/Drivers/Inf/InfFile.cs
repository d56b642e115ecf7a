namespace V2V.Core.Conversion.Windows.Drivers.Inf;

/// <summary>An INF file: sections of lines, with the strings of one language put in. Names of sections and keys know no case.</summary>
internal sealed class InfFile
{
    /// <summary>Largest file that is read, in bytes; the largest of Windows' own has less than half of it.</summary>
    internal const int MaxBytes = 8 << 20;

    /// <summary>Windows' number of American English.</summary>
    internal const int English = 0x409;

    private readonly Dictionary<string, List<InfLine>> _sections;

    private InfFile(string name, Dictionary<string, List<InfLine>> sections) => (Name, _sections) = (name, sections);

    /// <summary>The name of the file, for messages.</summary>
    internal string Name { get; }

    /// <summary>The names of all sections, in the order of the file.</summary>
    internal IEnumerable<string> SectionNames => _sections.Keys;

    /// <summary>Reads a file.</summary>
    /// <param name="bytes">All of it.</param>
    /// <param name="name">Its name, for messages.</param>
    /// <param name="language">Windows' number of the language whose strings are wanted.</param>
    /// <exception cref="Storage.V2VException"><c>InfInvalid</c>, <c>InfTooLarge</c>.</exception>
    internal static InfFile Parse(ReadOnlySpan<byte> bytes, string name, int language = English)
    {
        if (bytes.Length > MaxBytes)
        {
            throw InfErrors.TooLarge(name);
        }

        Dictionary<string, List<InfLine>> raw = new InfReader(InfEncoding.Decode(bytes), name).Read();
        var strings = new InfStrings(name, raw, language);
        var sections = new Dictionary<string, List<InfLine>>(StringComparer.OrdinalIgnoreCase);
        foreach ((string section, List<InfLine> lines) in raw)
        {
            sections.Add(section, InfStrings.IsStrings(section) ? lines : [.. lines.Select(strings.Expand)]);
        }

        return new InfFile(name, sections);
    }

    /// <summary>True if the section is there, even if it is empty.</summary>
    internal bool HasSection(string name) => _sections.ContainsKey(name);

    /// <summary>The lines of a section; none if it is missing.</summary>
    internal IReadOnlyList<InfLine> Section(string name) => _sections.GetValueOrDefault(name) ?? (IReadOnlyList<InfLine>)[];

    /// <summary>The first line of a section that has a key, or null.</summary>
    internal InfLine? Line(string section, string key) => Section(section).FirstOrDefault(l => l.Is(key));

    /// <summary>The first field of that line, or null.</summary>
    internal string? Value(string section, string key) => Line(section, key)?.Fields[0];

    /// <summary>The fields of every line of a section with a key, one after the other, without empty ones: as in <c>AddReg=a,b</c>.</summary>
    internal IEnumerable<string> Values(string section, string key) => Section(section).Where(l => l.Is(key)).SelectMany(l => l.Fields).Where(f => f.Length > 0);
}
