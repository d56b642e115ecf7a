using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>The entries of one node of an index: of <c>$INDEX_ROOT</c>, or of a block (magic <c>INDX</c>) of <c>$INDEX_ALLOCATION</c>.</summary>
internal sealed class IndexNode(long vcn)
{
    public const long RootVcn = -1;

    /// <summary>Size of the header before the entries, from which its offsets count.</summary>
    public const int HeaderSize = 16;

    /// <summary>Cluster number of the block in its attribute; -1 for the root.</summary>
    public long Vcn { get; } = vcn;

    /// <summary>In order; the last one is the end entry.</summary>
    public List<IndexEntry> Entries { get; } = [];

    public bool IsRoot => Vcn == RootVcn;

    public bool IsLeaf => !Entries[^1].HasSubnode;

    /// <summary>Bytes that the entries take.</summary>
    public int Size
    {
        get
        {
            int sum = 0;
            foreach (IndexEntry entry in Entries)
            {
                sum += entry.Bytes.Length;
            }

            return sum;
        }
    }

    /// <summary>Reads a node whose index header begins at the start of the span.</summary>
    public static IndexNode Parse(long vcn, ReadOnlySpan<byte> header)
    {
        if (header.Length < HeaderSize)
        {
            throw NtfsErrors.Index("a node has no header");
        }

        uint first = ReadUInt32LittleEndian(header);
        uint end = ReadUInt32LittleEndian(header[4..]);
        if (first < HeaderSize || first % 8 != 0 || end > header.Length || first > end)
        {
            throw NtfsErrors.Index("the header of a node contradicts itself");
        }

        var node = new IndexNode(vcn);
        ReadOnlySpan<byte> rest = header[(int)first..(int)end];
        while (true)
        {
            IndexEntry entry = IndexEntry.Parse(rest);
            if (node.Entries.Count > 0 && entry.HasSubnode != node.Entries[0].HasSubnode)
            {
                throw NtfsErrors.Index("a node has entries with and without subtrees");
            }

            node.Entries.Add(entry);
            if (entry.IsEnd)
            {
                return node;
            }

            rest = rest[entry.Bytes.Length..];
        }
    }

    /// <summary>Writes the index header and the entries.</summary>
    /// <param name="header">Room from the index header on.</param>
    /// <param name="first">Offset of the first entry from the header.</param>
    public void Write(Span<byte> header, int first)
    {
        int at = first;
        foreach (IndexEntry entry in Entries)
        {
            entry.Bytes.CopyTo(header[at..]);
            at += entry.Bytes.Length;
        }

        WriteUInt32LittleEndian(header, (uint)first);
        WriteUInt32LittleEndian(header[4..], (uint)at);
        WriteUInt32LittleEndian(header[8..], (uint)header.Length);
        WriteUInt32LittleEndian(header[12..], IsLeaf ? 0u : 1u);
        header[at..].Clear();
    }
}
