using System.Buffers.Text;
using System.Text;
using V2V.Storage;

namespace V2V.Core.Sources.Containers;

/// <summary>What pax headers say of members (POSIX.1-2001, pax, "pax Header Block"): records of the form <c>length key=value\n</c>.</summary>
internal sealed class PaxRecords
{
    private string? _path;
    private string? _sparseName;

    /// <summary>Name, or null. That of a sparse member is what GNU tar says beside the one that it makes up.</summary>
    public string? Path => _sparseName ?? _path;

    /// <summary>Size in bytes, or null.</summary>
    public long? Size { get; private set; }

    /// <summary>True if the member is stored without its holes in one of GNU's ways.</summary>
    public bool IsSparse { get; private set; }

    /// <summary>Reads the records of a header; later ones win, an empty value takes a record back.</summary>
    /// <exception cref="V2VException"><c>TarInvalid</c>.</exception>
    public void Add(ReadOnlySpan<byte> records, string archive)
    {
        while (!records.IsEmpty && records[0] != 0)
        {
            if (!Utf8Parser.TryParse(records, out int length, out int digits) || length <= digits + 1 || length > records.Length
                || records[digits] != ' ' || records[length - 1] != '\n')
            {
                throw Invalid(archive);
            }

            ReadOnlySpan<byte> record = records[(digits + 1)..(length - 1)];
            int equals = record.IndexOf((byte)'=');
            if (equals < 0)
            {
                throw Invalid(archive);
            }

            Set(record[..equals], record[(equals + 1)..], archive);
            records = records[length..];
        }
    }

    private void Set(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, string archive)
    {
        if (key.SequenceEqual("path"u8))
        {
            _path = value.IsEmpty ? null : Encoding.UTF8.GetString(value);
        }
        else if (key.SequenceEqual("size"u8))
        {
            if (value.IsEmpty)
            {
                Size = null;
            }
            else if (Utf8Parser.TryParse(value, out long size, out int used) && used == value.Length && size >= 0)
            {
                Size = size;
            }
            else
            {
                throw Invalid(archive);
            }
        }
        else if (key.StartsWith("GNU.sparse."u8) || key.StartsWith("SCHILY.realsize"u8))
        {
            IsSparse = true;
            if (key.SequenceEqual("GNU.sparse.name"u8))
            {
                _sparseName = Encoding.UTF8.GetString(value);
            }
        }
    }

    private static V2VException Invalid(string archive) => V2VException.Corrupt("TarInvalid", "The archive has a damaged pax header.", archive);
}
