using System.Text;

namespace V2V.Core.Conversion.Windows.Drivers.Inf;

/// <summary>
/// Splits an INF file into lines and fields ("General Syntax Rules for INF Files"): comments from a semicolon, quotes in which a doubled
/// quote stands for one, lines that a backslash at their end continues, Ctrl+Z as the end.
/// </summary>
internal sealed class InfReader(string text, string name)
{
    private const char EndOfText = '\x1A';

    private readonly StringBuilder _field = new();
    private int _position;

    /// <summary>Length of <see cref="_field"/> without the spaces at its end that no quotes protect.</summary>
    private int _kept;

    /// <summary>Reads everything; the lines' strings are not put in yet. Sections of one name are joined.</summary>
    /// <exception cref="Storage.V2VException"><c>InfInvalid</c>.</exception>
    public Dictionary<string, List<InfLine>> Read()
    {
        var sections = new Dictionary<string, List<InfLine>>(StringComparer.OrdinalIgnoreCase);
        List<InfLine>? section = null;
        while (!AtEnd)
        {
            SkipSpaces();
            if (AtLineEnd || Current == ';')
            {
                SkipLine();
            }
            else if (Current == '[')
            {
                string title = ReadTitle();
                if (!sections.TryGetValue(title, out section))
                {
                    sections.Add(title, section = []);
                }
            }
            else
            {
                InfLine line = ReadLine();
                (section ?? throw InfErrors.Invalid(name, "a line stands before the first section")).Add(line);
            }
        }

        return sections;
    }

    private bool AtEnd => _position >= text.Length || text[_position] == EndOfText;

    private bool AtLineEnd => AtEnd || text[_position] == '\n';

    private char Current => text[_position];

    private void SkipSpaces()
    {
        while (!AtLineEnd && char.IsWhiteSpace(Current))
        {
            _position++;
        }
    }

    private void SkipLine()
    {
        while (!AtLineEnd)
        {
            _position++;
        }

        if (!AtEnd)
        {
            _position++;
        }
    }

    private string ReadTitle()
    {
        int start = ++_position;
        while (!AtLineEnd && Current != ']')
        {
            _position++;
        }

        if (AtLineEnd)
        {
            throw InfErrors.Invalid(name, "the name of a section has no closing bracket");
        }

        string title = text[start.._position].Trim();
        SkipLine();
        return title;
    }

    private InfLine ReadLine()
    {
        string? key = null;
        var fields = new List<string>();
        while (!AtLineEnd && Current != ';')
        {
            char c = text[_position++];
            if (c == ',')
            {
                fields.Add(TakeField());
                SkipSpaces();
            }
            else if (c == '=' && key is null && fields.Count == 0)
            {
                key = TakeField();
                SkipSpaces();
            }
            else if (c == '"')
            {
                ReadQuoted();
            }
            else if (c == '\\' && ContinuesLine())
            {
                SkipLine();
                SkipSpaces();
            }
            else if (!char.IsWhiteSpace(c))
            {
                _field.Append(c);
                _kept = _field.Length;
            }
            else if (_field.Length > 0)
            {
                _field.Append(c);
            }
        }

        fields.Add(TakeField());
        SkipLine();
        return new InfLine(key, fields);
    }

    private void ReadQuoted()
    {
        while (!AtLineEnd)
        {
            char c = text[_position++];
            if (c == '"')
            {
                if (AtLineEnd || Current != '"')
                {
                    break;
                }

                _position++;
            }

            if (c != '\r' || !AtLineEnd)
            {
                _field.Append(c);
            }
        }

        _kept = _field.Length;
    }

    /// <summary>True if nothing but spaces or a comment follows in the line.</summary>
    private bool ContinuesLine()
    {
        int at = _position;
        while (at < text.Length && text[at] != '\n' && char.IsWhiteSpace(text[at]))
        {
            at++;
        }

        return at >= text.Length || text[at] is '\n' or ';' or EndOfText;
    }

    private string TakeField()
    {
        string field = _field.ToString(0, _kept);
        _field.Clear();
        _kept = 0;
        return field;
    }
}
