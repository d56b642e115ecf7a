using System.Buffers.Binary;

namespace V2V.Registry.Cells;

/// <summary>
/// A key's list of subkeys, in the order of their names: one leaf ("li" with cells only, "lf" with the first characters, "lh" with a hash of each
/// name), or an index ("ri") of leaves.
/// </summary>
internal static class SubkeyList
{
    /// <summary>Entries of a leaf before it is split; Windows' leaves fit into a page.</summary>
    private const int MaxLeaf = 500;

    private const int Head = 4;

    /// <summary>The cells of the subkeys, in the list's order.</summary>
    public static IEnumerable<uint> Enumerate(CellStore cells, KeyNode key)
    {
        if (key.SubkeyCount == 0)
        {
            yield break;
        }

        int left = key.SubkeyCount;
        foreach (uint leaf in Leaves(cells, key.SubkeyList))
        {
            foreach ((uint cell, _) in ReadLeaf(cells, leaf))
            {
                if (--left < 0)
                {
                    throw HiveErrors.Cell(key.Cell, "has more subkeys than it says", cells.HiveName);
                }

                yield return cell;
            }
        }
    }

    /// <summary>The cell of the subkey of a name.</summary>
    public static uint? Find(CellStore cells, KeyNode key, string name)
    {
        if (key.SubkeyCount == 0)
        {
            return null;
        }

        uint hash = Hash(name);
        foreach (uint leaf in Leaves(cells, key.SubkeyList))
        {
            bool isHashed = Signature(cells, leaf) == "lh";
            foreach ((uint cell, uint hint) in ReadLeaf(cells, leaf))
            {
                if ((!isHashed || hint == hash) && CellText.Compare(KeyNode.Read(cells, cell).Name, name) == 0)
                {
                    return cell;
                }
            }
        }

        return null;
    }

    /// <summary>Puts a new subkey where its name belongs, and counts it.</summary>
    public static void Insert(CellStore cells, KeyNode key, uint subkey, string name, uint minorVersion)
    {
        List<(uint Cell, List<(uint Cell, uint Hint)> Entries)> leaves = [];
        if (key.SubkeyCount > 0)
        {
            leaves.AddRange(Leaves(cells, key.SubkeyList).Select(l => (l, ReadLeaf(cells, l))));
        }

        string signature = leaves.Count > 0 ? Signature(cells, leaves[0].Cell) : minorVersion >= 5 ? "lh" : "lf";
        bool isIndex = leaves.Count > 0 && IsIndex(cells, key.SubkeyList);
        if (leaves.Count == 0)
        {
            leaves.Add((CellStore.None, []));
        }

        int chosen = leaves.FindIndex(l => l.Entries.Count > 0 && CellText.Compare(NameOf(cells, l.Entries[^1].Cell), name) > 0);
        chosen = chosen < 0 ? leaves.Count - 1 : chosen;
        List<(uint Cell, uint Hint)> entries = leaves[chosen].Entries;
        entries.Insert(Position(cells, entries, name), (subkey, Hint(signature, name)));
        if (leaves[chosen].Cell != CellStore.None)
        {
            cells.Free(leaves[chosen].Cell);
        }

        uint list;
        if (!isIndex && entries.Count <= MaxLeaf)
        {
            list = WriteLeaf(cells, signature, entries);
        }
        else
        {
            int half = entries.Count > MaxLeaf ? entries.Count / 2 : entries.Count;
            List<uint> index = [.. leaves.Select(l => l.Cell)];
            index[chosen] = WriteLeaf(cells, signature, entries[..half]);
            if (half < entries.Count)
            {
                index.Insert(chosen + 1, WriteLeaf(cells, signature, entries[half..]));
            }

            if (isIndex)
            {
                cells.Free(key.SubkeyList);
            }

            list = WriteIndex(cells, index);
        }

        cells.WriteUInt32(key.Cell, KeyNode.SubkeyListAt, list);
        cells.WriteUInt32(key.Cell, KeyNode.SubkeyCountAt, (uint)key.SubkeyCount + 1);
    }

    /// <summary>Takes a subkey out, and counts it.</summary>
    public static void Remove(CellStore cells, KeyNode key, uint subkey)
    {
        List<uint> leaves = [.. Leaves(cells, key.SubkeyList)];
        bool isIndex = IsIndex(cells, key.SubkeyList);
        for (int i = 0; i < leaves.Count; i++)
        {
            List<(uint Cell, uint Hint)> entries = ReadLeaf(cells, leaves[i]);
            if (entries.RemoveAll(e => e.Cell == subkey) == 0)
            {
                continue;
            }

            string signature = Signature(cells, leaves[i]);
            cells.Free(leaves[i]);
            uint leaf = entries.Count > 0 ? WriteLeaf(cells, signature, entries) : CellStore.None;
            uint list = leaf;
            if (isIndex)
            {
                cells.Free(key.SubkeyList);
                leaves[i] = leaf;
                leaves.RemoveAll(l => l == CellStore.None);
                list = leaves.Count > 0 ? WriteIndex(cells, leaves) : CellStore.None;
            }

            cells.WriteUInt32(key.Cell, KeyNode.SubkeyListAt, list);
            cells.WriteUInt32(key.Cell, KeyNode.SubkeyCountAt, (uint)key.SubkeyCount - 1);
            return;
        }

        throw HiveErrors.Cell(subkey, "is missing from its parent's list", cells.HiveName);
    }

    /// <summary>Frees the lists themselves.</summary>
    public static void Free(CellStore cells, KeyNode key)
    {
        if (key.SubkeyCount == 0)
        {
            return;
        }

        List<uint> leaves = [.. Leaves(cells, key.SubkeyList)];
        if (IsIndex(cells, key.SubkeyList))
        {
            cells.Free(key.SubkeyList);
        }

        leaves.ForEach(cells.Free);
    }

    private static int Position(CellStore cells, List<(uint Cell, uint Hint)> entries, string name)
    {
        int low = 0, high = entries.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (CellText.Compare(NameOf(cells, entries[middle].Cell), name) < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private static string NameOf(CellStore cells, uint cell) => KeyNode.Read(cells, cell).Name;

    private static bool IsIndex(CellStore cells, uint list) => Signature(cells, list) == "ri";

    private static IEnumerable<uint> Leaves(CellStore cells, uint list)
    {
        if (!IsIndex(cells, list))
        {
            return [list];
        }

        byte[] bytes = Content(cells, list, 4, out int count);
        return Enumerable.Range(0, count).Select(i => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4 * i)));
    }

    private static List<(uint Cell, uint Hint)> ReadLeaf(CellStore cells, uint leaf)
    {
        string signature = Signature(cells, leaf);
        int width = signature switch
        {
            "lf" or "lh" => 8,
            "li" => 4,
            _ => throw HiveErrors.Cell(leaf, "is not a list of subkeys", cells.HiveName),
        };
        byte[] bytes = Content(cells, leaf, width, out int count);
        var entries = new List<(uint, uint)>(count);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> entry = bytes.AsSpan(i * width, width);
            entries.Add((BinaryPrimitives.ReadUInt32LittleEndian(entry), width == 8 ? BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]) : 0));
        }

        return entries;
    }

    private static byte[] Content(CellStore cells, uint list, int width, out int count)
    {
        Span<byte> head = stackalloc byte[Head];
        cells.Read(list, 0, head);
        count = BinaryPrimitives.ReadUInt16LittleEndian(head[2..]);
        byte[] bytes = new byte[count * width];
        cells.Read(list, Head, bytes);
        return bytes;
    }

    private static string Signature(CellStore cells, uint list)
    {
        Span<byte> head = stackalloc byte[2];
        cells.Read(list, 0, head);
        return CellText.Decode(head, isCompressed: true);
    }

    private static uint WriteLeaf(CellStore cells, string signature, List<(uint Cell, uint Hint)> entries)
    {
        int width = signature == "li" ? 4 : 8;
        byte[] bytes = new byte[Head + (entries.Count * width)];
        WriteHead(bytes, signature, entries.Count);
        for (int i = 0; i < entries.Count; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(Head + (i * width)), entries[i].Cell);
            if (width == 8)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(Head + (i * width) + 4), entries[i].Hint);
            }
        }

        return cells.Allocate(bytes);
    }

    private static uint WriteIndex(CellStore cells, List<uint> leaves)
    {
        byte[] bytes = new byte[Head + (leaves.Count * 4)];
        WriteHead(bytes, "ri", leaves.Count);
        for (int i = 0; i < leaves.Count; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(Head + (i * 4)), leaves[i]);
        }

        return cells.Allocate(bytes);
    }

    private static void WriteHead(byte[] bytes, string signature, int count)
    {
        bytes[0] = (byte)signature[0];
        bytes[1] = (byte)signature[1];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2), (ushort)count);
    }

    private static uint Hint(string signature, string name)
    {
        if (signature == "lh")
        {
            return Hash(name);
        }

        // "lf": the first four characters, if they have one byte each.
        uint hint = 0;
        for (int i = 0; i < Math.Min(4, name.Length); i++)
        {
            if (name[i] > 0xFF)
            {
                return 0;
            }

            hint |= (uint)name[i] << (8 * i);
        }

        return hint;
    }

    private static uint Hash(string name)
    {
        uint hash = 0;
        foreach (char c in name)
        {
            hash = (hash * 37) + char.ToUpperInvariant(c);
        }

        return hash;
    }
}
