using System.Globalization;
using System.Text;

namespace V2V.Storage.Volumes.Lvm;

/// <summary>A section of LVM2's metadata text: settings and further sections by name, in their order.</summary>
internal sealed class LvmSection
{
    private readonly Dictionary<string, object> _values = new(StringComparer.Ordinal);

    /// <summary>The sections within, in their order.</summary>
    internal List<(string Name, LvmSection Section)> Sections { get; } = [];

    internal LvmSection? Section(string name) => Sections.Find(s => s.Name == name).Section;

    internal string? Text(string name) => _values.GetValueOrDefault(name) as string;

    internal long? Number(string name) => _values.GetValueOrDefault(name) as long?;

    /// <summary>The elements of a list: texts and numbers. A single value counts as a list of one.</summary>
    internal IReadOnlyList<object> List(string name) => _values.GetValueOrDefault(name) switch
    {
        List<object> list => list,
        { } single => [single],
        null => [],
    };

    /// <summary>True if a list of texts holds one, as <c>status</c> does.</summary>
    internal bool Has(string name, string value) => List(name).Contains(value);

    internal void Set(string name, object value) => _values[name] = value;
}

/// <summary>
/// The parser of LVM2's configuration text (lvm.conf(5), "Syntax"), in which volume groups are described: <c>name = value</c>, <c>name { … }</c>,
/// lists in brackets, comments from <c>#</c>. Sections nest without recursion.
/// </summary>
internal static class LvmText
{
    private const int MaxDepth = 16;
    private const int MaxItems = 4_000_000;

    /// <summary>Parses a text.</summary>
    /// <exception cref="V2VException"><c>LvmMetadataDamaged</c>.</exception>
    internal static LvmSection Parse(ReadOnlySpan<byte> text, string target)
    {
        var root = new LvmSection();
        var open = new Stack<LvmSection>();
        open.Push(root);
        var reader = new Reader(text, target);
        int items = 0;
        while (reader.Skip())
        {
            if (++items > MaxItems)
            {
                throw VolumeErrors.Lvm("LVM's metadata holds more settings than any volume group has.", target);
            }

            if (reader.TryTake('}'))
            {
                open.Pop();
                if (open.Count == 0)
                {
                    throw reader.Error("a section is closed that was not opened");
                }

                continue;
            }

            string name = reader.Name();
            reader.Skip();
            if (reader.TryTake('{'))
            {
                var section = new LvmSection();
                open.Peek().Sections.Add((name, section));
                open.Push(section);
                if (open.Count > MaxDepth)
                {
                    throw reader.Error("sections are nested too deeply");
                }

                continue;
            }

            if (!reader.TryTake('='))
            {
                throw reader.Error("a name has neither a value nor a section");
            }

            open.Peek().Set(name, reader.Value());
        }

        return open.Count == 1 ? root : throw reader.Error("a section is not closed");
    }

    private ref struct Reader(ReadOnlySpan<byte> text, string target)
    {
        private readonly ReadOnlySpan<byte> _text = text;
        private readonly string _target = target;
        private int _at;

        /// <summary>Skips white space and comments; false at the end.</summary>
        internal bool Skip()
        {
            while (_at < _text.Length)
            {
                byte c = _text[_at];
                if (c == '#')
                {
                    int end = _text[_at..].IndexOf((byte)'\n');
                    _at = end < 0 ? _text.Length : _at + end;
                }
                else if (c > ' ')
                {
                    return true;
                }
                else
                {
                    _at++;
                }
            }

            return false;
        }

        internal bool TryTake(char c)
        {
            if (_at < _text.Length && _text[_at] == c)
            {
                _at++;
                return true;
            }

            return false;
        }

        internal string Name()
        {
            int start = _at;
            while (_at < _text.Length && (char.IsAsciiLetterOrDigit((char)_text[_at]) || _text[_at] is (byte)'_' or (byte)'-' or (byte)'.' or (byte)'+' or (byte)'/'))
            {
                _at++;
            }

            return _at > start ? Encoding.ASCII.GetString(_text[start.._at]) : throw Error("a name is missing");
        }

        internal object Value()
        {
            Skip();
            if (!TryTake('['))
            {
                return Single();
            }

            var list = new List<object>();
            while (Skip() && !TryTake(']'))
            {
                list.Add(Single());
                Skip();
                TryTake(',');
                if (list.Count > MaxItems)
                {
                    throw Error("a list is too long");
                }
            }

            return list;
        }

        internal readonly V2VException Error(string what) =>
            VolumeErrors.Lvm(FormattableString.Invariant($"LVM's metadata text is damaged at byte {_at}: {what}."), _target);

        private object Single()
        {
            if (TryTake('"'))
            {
                return Quoted();
            }

            int start = _at;
            while (_at < _text.Length && _text[_at] > ' ' && _text[_at] is not ((byte)',' or (byte)']' or (byte)'}' or (byte)'#'))
            {
                _at++;
            }

            string word = Encoding.ASCII.GetString(_text[start.._at]);
            return word.Length == 0 ? throw Error("a value is missing")
                : long.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? number : word;
        }

        private string Quoted()
        {
            var bytes = new List<byte>();
            while (_at < _text.Length && _text[_at] != '"')
            {
                if (_text[_at] == '\\' && _at + 1 < _text.Length)
                {
                    _at++;
                }

                bytes.Add(_text[_at++]);
            }

            return TryTake('"') ? Encoding.UTF8.GetString([.. bytes]) : throw Error("a text is not closed");
        }
    }
}
