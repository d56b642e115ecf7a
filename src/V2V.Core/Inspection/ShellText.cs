using System.Text;

namespace V2V.Core.Inspection;

/// <summary>Assignments in the syntax of a shell that many configuration files use: <c>NAME=value</c>, <c>NAME="value"</c>.</summary>
internal static class ShellText
{
    private const int MaxVariables = 4096;

    /// <summary>The assignments of a text; the last one of a name counts.</summary>
    internal static Dictionary<string, string> ParseAssignments(IEnumerable<string> lines)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string raw in lines)
        {
            string line = raw.Trim();
            if (line.StartsWith("export ", StringComparison.Ordinal))
            {
                line = line[7..].TrimStart();
            }

            int equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && line[0] != '#' && values.Count < MaxVariables)
            {
                values[line[..equals].TrimEnd()] = Unquote(line.AsSpan(equals + 1).Trim());
            }
        }

        return values;
    }

    /// <summary>A value without its quotes and escapes, up to the first unquoted blank.</summary>
    internal static string Unquote(ReadOnlySpan<char> value)
    {
        var text = new StringBuilder(value.Length);
        char quote = '\0';
        for (int i = 0; i < value.Length; i++)
        {
            char c = value[i];
            if (c == '\\' && quote != '\'' && i + 1 < value.Length)
            {
                char next = value[++i];
                if (quote == '"' && next is not ('"' or '\\' or '$' or '`'))
                {
                    text.Append(c);
                }

                text.Append(next);
            }
            else if (quote != '\0' ? c == quote : c is '"' or '\'')
            {
                quote = quote == '\0' ? c : '\0';
            }
            else if (quote == '\0' && char.IsWhiteSpace(c))
            {
                break;
            }
            else
            {
                text.Append(c);
            }
        }

        return text.ToString();
    }
}
