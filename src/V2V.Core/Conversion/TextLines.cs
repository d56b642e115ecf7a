using System.Text;

namespace V2V.Core.Conversion;

/// <summary>Edits of text files line by line that leave everything else, line ends and a missing last one too, as it is.</summary>
internal static class TextLines
{
    /// <summary>Replaces each line by what <paramref name="edit"/> gives for it; null drops the line with its end.</summary>
    internal static string Edit(string text, Func<string, string?> edit)
    {
        var result = new StringBuilder(text.Length + 64);
        for (int start = 0; start < text.Length;)
        {
            int end = text.IndexOf('\n', start);
            int next = end < 0 ? text.Length : end + 1;
            end = end < 0 ? text.Length : end;
            if (end > start && text[end - 1] == '\r')
            {
                end--;
            }

            if (edit(text[start..end]) is { } line)
            {
                result.Append(line).Append(text, end, next - end);
            }

            start = next;
        }

        return result.ToString();
    }

    /// <summary>Appends lines to a text, ending its last line first if need be.</summary>
    internal static string Append(string text, params IEnumerable<string> lines) =>
        (text.Length > 0 && text[^1] != '\n' ? text + "\n" : text) + string.Concat(lines.Select(l => l + "\n"));

    /// <summary>Replaces one of the words of a line that stand between blanks, leaving blanks as they are.</summary>
    /// <param name="line">The line.</param>
    /// <param name="index">Which word, from 0.</param>
    /// <param name="word">What to put there.</param>
    internal static string ReplaceWord(string line, int index, string word)
    {
        int at = 0;
        for (int i = 0; ; i++)
        {
            while (at < line.Length && line[at] is ' ' or '\t')
            {
                at++;
            }

            int end = at;
            while (end < line.Length && line[end] is not (' ' or '\t'))
            {
                end++;
            }

            if (end == at)
            {
                return line;
            }

            if (i == index)
            {
                return line[..at] + word + line[end..];
            }

            at = end;
        }
    }

    /// <summary>The words of a line; none for a comment.</summary>
    internal static string[] Words(string line) =>
        line.TrimStart().StartsWith('#') ? [] : line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
}
