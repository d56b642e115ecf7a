using System.Text.RegularExpressions;

namespace V2V.HelpBuilder;

/// <summary>A page of help in PlatyPS's schema: headings of level 2 are its parts, those of level 3 their items.</summary>
internal sealed partial class CommandPage
{
    private readonly string _file;
    private readonly Dictionary<string, List<Item>> _parts = new(StringComparer.Ordinal);

    private CommandPage(string file, string name)
    {
        _file = file;
        Name = name;
    }

    /// <summary>Name of the cmdlet.</summary>
    public string Name { get; }

    /// <summary>One sentence.</summary>
    public string Synopsis => string.Join(' ', Part("SYNOPSIS")[0].Paragraphs);

    public IEnumerable<string> Description => Part("DESCRIPTION")[0].Paragraphs;

    public IEnumerable<string> Notes => Part("NOTES")[0].Paragraphs;

    public IEnumerable<Item> Examples => Part("EXAMPLES").Skip(1);

    public IEnumerable<Item> Inputs => Part("INPUTS").Skip(1);

    public IEnumerable<Item> Outputs => Part("OUTPUTS").Skip(1);

    /// <summary>Names of parameter sets and the syntax of each.</summary>
    public IEnumerable<string> ParameterSets => Part("SYNTAX").Where(i => i.Code.Length > 0).Select(i => i.Title.Replace(" (Default)", "", StringComparison.Ordinal));

    public IEnumerable<ParameterPage> Parameters =>
        Part("PARAMETERS").Skip(1).Where(i => i.Title.StartsWith('-')).Select(i => new ParameterPage(i.Title[1..], [.. i.Paragraphs], i.Settings()));

    public IEnumerable<string> Links => Part("RELATED LINKS")[0].Paragraphs;

    /// <summary>Reads a page.</summary>
    /// <exception cref="FormatException">The page is not in the schema.</exception>
    public static CommandPage Read(string file)
    {
        string[] lines = File.ReadAllLines(file);
        int title = Array.FindIndex(lines, l => l.StartsWith("# ", StringComparison.Ordinal));
        if (title < 0)
        {
            throw new FormatException($"{file} has no title.");
        }

        var page = new CommandPage(file, lines[title][2..].Trim());
        List<Item>? part = null;
        bool isCode = false;
        foreach (string line in lines[(title + 1)..])
        {
            if (line.StartsWith("```", StringComparison.Ordinal))
            {
                isCode = !isCode;
            }
            else if (isCode)
            {
                part?[^1].AddCode(line);
            }
            else if (line.StartsWith("## ", StringComparison.Ordinal))
            {
                part = [new Item("")];
                page._parts.Add(line[3..].Trim(), part);
            }
            else if (line.StartsWith("### ", StringComparison.Ordinal))
            {
                part?.Add(new Item(line[4..].Trim()));
            }
            else
            {
                part?[^1].AddText(Plain(line));
            }
        }

        return page;
    }

    private List<Item> Part(string name) =>
        _parts.TryGetValue(name, out List<Item>? part) ? part : throw new FormatException($"{_file} has no part {name}.");

    /// <summary>Text without its markup.</summary>
    private static string Plain(string line) => Link().Replace(line, "$1").Replace("`", "", StringComparison.Ordinal).Replace("**", "", StringComparison.Ordinal);

    [GeneratedRegex(@"\[([^\]]+)\]\([^)]*\)")]
    private static partial Regex Link();
}

/// <summary>What stands under a heading: paragraphs and code.</summary>
internal sealed class Item(string title)
{
    private readonly List<string> _paragraphs = [];
    private readonly List<string> _code = [];
    private bool _isOpen;

    public string Title => title;

    public IReadOnlyList<string> Paragraphs => _paragraphs;

    public string Code => string.Join('\n', _code);

    public void AddCode(string line) => _code.Add(line);

    public void AddText(string line)
    {
        if (line.Trim().Length == 0)
        {
            _isOpen = false;
        }
        else if (_isOpen)
        {
            _paragraphs[^1] += " " + line.Trim();
        }
        else
        {
            _paragraphs.Add(line.Trim());
            _isOpen = true;
        }
    }

    /// <summary>The code as lines of <c>key: value</c>.</summary>
    public Dictionary<string, string> Settings() =>
        _code.Where(l => l.Contains(':', StringComparison.Ordinal)).ToDictionary(l => l[..l.IndexOf(':', StringComparison.Ordinal)], l => l[(l.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim());
}

/// <summary>A parameter and the table under it.</summary>
internal sealed record ParameterPage(string Name, IReadOnlyList<string> Description, Dictionary<string, string> Settings)
{
    public string Type => Settings["Type"];

    public string Aliases => Settings["Aliases"];

    public bool IsRequired => Settings["Required"] == "True";

    public string Position => Settings["Position"].ToLowerInvariant();

    public string Default => Settings["Default value"];

    public string PipelineInput => Settings["Accept pipeline input"];

    public bool TakesWildcards => Settings["Accept wildcard characters"] == "True";

    public IReadOnlyList<string> Values => Settings.TryGetValue("Accepted values", out string? values) ? values.Split(", ") : [];

    public bool IsIn(string parameterSet) => Settings["Parameter Sets"] is "(All)" || Settings["Parameter Sets"].Split(", ").Contains(parameterSet);
}
