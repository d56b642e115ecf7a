using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace V2V.Core.Conversion.Linux.Initramfs;

/// <summary>
/// Writes kmod's binary index (modules.*.bin, format 2.1): a header with magic, version and the root's offset, then the nodes of a radix
/// tree, children before parents. A node holds a prefix, a table of children from its first to its last character, and values with
/// priorities; the top bits of a node's offset tell which of the three are there. Numbers are big-endian.
/// </summary>
internal sealed class KmodIndex
{
    private const uint Magic = 0xB007F457;
    private const uint Version = 0x00020001;
    private const uint HasPrefix = 0x80000000;
    private const uint HasValues = 0x40000000;
    private const uint HasChildren = 0x20000000;

    /// <summary>Longer keys are left out: no alias of a real module comes near, and the tree's depth stays bounded.</summary>
    private const int MaxKeyLength = 1024;

    private readonly SortedDictionary<string, List<(int Priority, string Value)>> _entries = new(StringComparer.Ordinal);

    /// <summary>Adds a value for a key. A key with a character that the format cannot hold is left out.</summary>
    /// <param name="key">ASCII text.</param>
    /// <param name="value">Text without NUL.</param>
    /// <param name="priority">Lower comes first among the values of a key.</param>
    internal void Add(string key, string value, int priority)
    {
        if (key.Length > MaxKeyLength || key.AsSpan().IndexOfAnyExceptInRange('\u0001', '\u007F') >= 0)
        {
            return;
        }

        if (!_entries.TryGetValue(key, out List<(int Priority, string Value)>? values))
        {
            values = [];
            _entries.Add(key, values);
        }

        if (!values.Any(v => v.Value == value))
        {
            values.Insert(values.TakeWhile(v => v.Priority <= priority).Count(), (priority, value));
        }
    }

    /// <summary>The bytes of the index.</summary>
    internal byte[] Build()
    {
        var output = new ArrayBufferWriter<byte>(64 << 10);
        WriteUInt32(output, Magic);
        WriteUInt32(output, Version);
        WriteUInt32(output, 0);
        KeyValuePair<string, List<(int, string)>>[] sorted = [.. _entries];
        uint root = WriteNode(output, sorted, 0, isRoot: true);
        byte[] result = output.WrittenSpan.ToArray();
        BinaryPrimitives.WriteUInt32BigEndian(result.AsSpan(8), root);
        return result;
    }

    /// <summary>Writes the tree of entries that agree in their first <paramref name="depth"/> characters; gives its offset with flags.</summary>
    private static uint WriteNode(ArrayBufferWriter<byte> output, ReadOnlySpan<KeyValuePair<string, List<(int Priority, string Value)>>> entries, int depth, bool isRoot)
    {
        int end = depth;
        if (!isRoot && entries.Length > 0)
        {
            // The root has no prefix. Sorted, so what the first and the last have in common all have.
            string first = entries[0].Key, last = entries[^1].Key;
            while (end < first.Length && end < last.Length && first[end] == last[end])
            {
                end++;
            }
        }

        string prefix = entries.Length > 0 ? entries[0].Key[depth..end] : "";
        List<(int Priority, string Value)>? values = entries.Length > 0 && entries[0].Key.Length == end ? entries[0].Value : null;
        ReadOnlySpan<KeyValuePair<string, List<(int Priority, string Value)>>> below = values is null ? entries : entries[1..];
        var children = new List<(char Character, uint Offset)>();
        while (!below.IsEmpty)
        {
            char character = below[0].Key[end];
            int count = 1;
            while (count < below.Length && below[count].Key[end] == character)
            {
                count++;
            }

            children.Add((character, WriteNode(output, below[..count], end + 1, isRoot: false)));
            below = below[count..];
        }

        uint offset = (uint)output.WrittenCount;
        if (prefix.Length > 0)
        {
            WriteText(output, prefix);
            offset |= HasPrefix;
        }

        if (children.Count > 0)
        {
            WriteChildren(output, children);
            offset |= HasChildren;
        }

        if (values is not null)
        {
            WriteUInt32(output, (uint)values.Count);
            foreach ((int priority, string value) in values)
            {
                WriteUInt32(output, (uint)priority);
                WriteText(output, value);
            }

            offset |= HasValues;
        }

        return offset;
    }

    private static void WriteChildren(ArrayBufferWriter<byte> output, List<(char Character, uint Offset)> children)
    {
        char first = children[0].Character, last = children[^1].Character;
        output.Write((ReadOnlySpan<byte>)[(byte)first, (byte)last]);
        int next = 0;
        for (char c = first; c <= last; c++)
        {
            bool isThere = children[next].Character == c;
            WriteUInt32(output, isThere ? children[next].Offset : 0);
            next += isThere ? 1 : 0;
        }
    }

    private static void WriteText(ArrayBufferWriter<byte> output, string text)
    {
        Encoding.UTF8.GetBytes(text, output);
        output.Write((ReadOnlySpan<byte>)[0]);
    }

    private static void WriteUInt32(ArrayBufferWriter<byte> output, uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(output.GetSpan(4), value);
        output.Advance(4);
    }
}
