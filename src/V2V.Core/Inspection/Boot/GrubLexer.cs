using System.Text;

namespace V2V.Core.Inspection.Boot;

/// <summary>
/// Cuts a GRUB 2 script into commands (grub manual, "Shell-like scripting"). Variables are replaced as soon as they are met, which is
/// right because <see cref="GrubScript"/> runs each command before the next is read.
/// </summary>
internal sealed class GrubLexer(string text, Dictionary<string, string> variables)
{
    private const int MaxWords = 4096;
    private const int MaxWordLength = 16 << 10;

    private int _at;
    private int _budget = 4 << 20;

    /// <summary>The end of a command.</summary>
    internal enum End
    {
        /// <summary>A line end or a semicolon.</summary>
        Command,

        /// <summary>A brace opens a block.</summary>
        BlockOpens,

        /// <summary>A brace closes a block; it is a command of its own.</summary>
        BlockCloses,

        /// <summary>The end of the text.</summary>
        Text,
    }

    /// <summary>Reads the next command's words.</summary>
    internal End Next(List<string> words)
    {
        words.Clear();
        while (_at < text.Length)
        {
            char c = text[_at];
            if (c is '\n' or ';')
            {
                _at++;
                return End.Command;
            }

            if (c is ' ' or '\t' or '\r')
            {
                _at++;
            }
            else if (c == '\\' && _at + 1 < text.Length && text[_at + 1] == '\n')
            {
                _at += 2;
            }
            else if (c == '#')
            {
                int end = text.IndexOf('\n', _at);
                _at = end < 0 ? text.Length : end;
            }
            else if (c == '{' && IsAlone())
            {
                _at++;
                return End.BlockOpens;
            }
            else if (c == '}' && IsAlone())
            {
                if (words.Count > 0)
                {
                    return End.Command;
                }

                _at++;
                return End.BlockCloses;
            }
            else
            {
                Word(words);
            }
        }

        return End.Text;
    }

    private bool IsAlone() => _at + 1 >= text.Length || text[_at + 1] is ' ' or '\t' or '\r' or '\n' or ';';

    private void Word(List<string> words)
    {
        var word = new StringBuilder();
        bool isQuoted = false;
        for (; _at < text.Length; _at++)
        {
            char c = text[_at];
            if (c is ' ' or '\t' or '\r' or '\n' or ';')
            {
                break;
            }

            if (c == '\'')
            {
                isQuoted = true;
                int end = text.IndexOf('\'', _at + 1);
                end = end < 0 ? text.Length : end;
                Append(word, text.AsSpan(_at + 1, end - _at - 1));
                _at = end;
            }
            else if (c == '"')
            {
                isQuoted = true;
                DoubleQuoted(word);
            }
            else if (c == '\\' && _at + 1 < text.Length)
            {
                // udev's \x20 in a label reaches the kernel as it is written; only what means something to the script is escaped.
                _at++;
                if (text[_at] != '\n')
                {
                    Append(word, char.IsAsciiLetterOrDigit(text[_at]) ? text.AsSpan(_at - 1, 2) : text.AsSpan(_at, 1));
                }
            }
            else if (c == '$')
            {
                Variable(word);
            }
            else
            {
                Append(word, text.AsSpan(_at, 1));
            }
        }

        if ((word.Length > 0 || isQuoted) && words.Count < MaxWords)
        {
            words.Add(word.ToString());
        }
    }

    private void DoubleQuoted(StringBuilder word)
    {
        for (_at++; _at < text.Length && text[_at] != '"'; _at++)
        {
            if (text[_at] == '\\' && _at + 1 < text.Length && text[_at + 1] is '"' or '\\' or '$' or '\n')
            {
                if (text[++_at] != '\n')
                {
                    Append(word, text.AsSpan(_at, 1));
                }
            }
            else if (text[_at] == '$')
            {
                Variable(word);
            }
            else
            {
                Append(word, text.AsSpan(_at, 1));
            }
        }
    }

    /// <summary>Replaces <c>$name</c> or <c>${name}</c>; leaves <see cref="_at"/> on its last character.</summary>
    private void Variable(StringBuilder word)
    {
        int start = _at + 1;
        bool isBraced = start < text.Length && text[start] == '{';
        int end = isBraced ? start + 1 : start;
        while (end < text.Length && (char.IsAsciiLetterOrDigit(text[end]) || text[end] is '_' || (end == start && text[end] is '?' or '@' or '*' or '#')))
        {
            end++;
        }

        string name = text[(isBraced ? start + 1 : start)..end];
        if (isBraced && (end >= text.Length || text[end] != '}'))
        {
            Append(word, "$");
            return;
        }

        if (name.Length == 0 && !isBraced)
        {
            Append(word, "$");
            return;
        }

        // The budget keeps a few bytes of script from becoming gigabytes of values.
        if (variables.TryGetValue(name, out string? value) && value.Length <= _budget)
        {
            _budget -= value.Length;
            Append(word, value);
        }

        _at = isBraced ? end : end - 1;
    }

    private static void Append(StringBuilder word, ReadOnlySpan<char> part)
    {
        if (word.Length + part.Length <= MaxWordLength)
        {
            word.Append(part);
        }
    }
}
