namespace V2V.FileSystems.Xfs.Directories;

/// <summary>
/// The nodes above the leaves of a directory or of attributes, sorted by the hash of names. A leaf is found by descent; when leaves
/// come or go, the few nodes are written anew from the list of leaves. The root has a fixed place.
/// </summary>
internal sealed class DaTree(DaFile file, uint root)
{
    private const int MaxLevels = 6;
    private const int MaxLeaves = 1 << 22;

    private readonly DaFile _file = file;

    private int MaxEntries => (_file.Size - _file.EntriesOffset) / 8;

    /// <summary>The leaf that holds (or would take) a hash: the first whose last hash is not below it, else the last.</summary>
    public DaBuffer FindLeaf(uint hash)
    {
        DaBuffer buffer = _file.ReadLinked(root);
        int level = int.MaxValue;
        while (IsNode(buffer.Data))
        {
            int count = CheckNode(buffer.Data, ref level);
            int low = 0;
            int high = count - 1;
            while (low < high)
            {
                int middle = (low + high) / 2;
                if (Be.U32(buffer.Data, Entry(middle)) >= hash)
                {
                    high = middle;
                }
                else
                {
                    low = middle + 1;
                }
            }

            buffer = _file.ReadLinked(Be.U32(buffer.Data, Entry(low) + 4));
        }

        return buffer;
    }

    /// <summary>The leaves in order with their last hash, and the nodes other than the root. A leaf as root is alone in the list.</summary>
    public (List<(uint Hash, uint Block)> Leaves, List<uint> Nodes) ReadAll()
    {
        var level = new List<(uint Hash, uint Block)> { (uint.MaxValue, root) };
        var nodes = new List<uint>();
        int height = int.MaxValue;
        var seen = new HashSet<uint>();
        while (IsNode(_file.ReadLinked(level[0].Block).Data))
        {
            var below = new List<(uint Hash, uint Block)>();
            int next = height;
            foreach ((_, uint block) in level)
            {
                if (!seen.Add(block))
                {
                    throw _file.Damaged("its tree has a loop");
                }

                byte[] node = _file.ReadLinked(block).Data;
                next = height;
                int count = CheckNode(node, ref next);
                for (int i = 0; i < count; i++)
                {
                    below.Add((Be.U32(node, Entry(i)), Be.U32(node, Entry(i) + 4)));
                }

                if (block != root)
                {
                    nodes.Add(block);
                }

                if (below.Count > MaxLeaves)
                {
                    throw _file.Damaged("its tree is too large");
                }
            }

            height = next;
            level = below;
        }

        return (level, nodes);
    }

    /// <summary>Writes the nodes above two or more leaves; <paramref name="nodes"/> are the blocks they took before.</summary>
    public void WriteNodes(List<(uint Hash, uint Block)> leaves, List<uint> nodes)
    {
        List<(uint Hash, uint Block)> items = leaves;
        int used = 0;
        for (int level = 1; ; level++)
        {
            if (items.Count <= MaxEntries)
            {
                DaBuffer top = _file.ReadLinked(root);
                WriteNode(top, level, items, 0, items.Count, 0, 0);
                break;
            }

            int blocks = (items.Count + MaxEntries - 1) / MaxEntries;
            while (nodes.Count < used + blocks)
            {
                uint number = _file.FirstHole(root);
                _file.WriteLinked(_file.NewLinked(number, NodeMagicNumber));
                nodes.Add(number);
            }

            var above = new List<(uint Hash, uint Block)>(blocks);
            int next = 0;
            for (int i = 0; i < blocks; i++)
            {
                int take = (items.Count / blocks) + (i < items.Count % blocks ? 1 : 0);
                DaBuffer node = _file.ReadLinked(nodes[used + i]);
                WriteNode(node, level, items, next, take, i == 0 ? 0 : nodes[used + i - 1], i == blocks - 1 ? 0 : nodes[used + i + 1]);
                next += take;
                above.Add((items[next - 1].Hash, nodes[used + i]));
            }

            used += blocks;
            items = above;
        }

        for (int i = used; i < nodes.Count; i++)
        {
            _file.Free(nodes[i]);
        }
    }

    private int NodeMagicNumber => _file.Volume.Super.IsV5 ? DaFile.NodeMagicV5 : DaFile.NodeMagic;

    private bool IsNode(ReadOnlySpan<byte> block) => DaFile.Magic(block) == NodeMagicNumber;

    private int Entry(int index) => _file.EntriesOffset + (index * 8);

    private int CheckNode(ReadOnlySpan<byte> node, ref int level)
    {
        int count = Be.U16(node, _file.InfoSize);
        int stored = Be.U16(node, _file.InfoSize + 2);
        if (count == 0 || count > MaxEntries || stored == 0 || stored > MaxLevels || stored >= level)
        {
            throw _file.Damaged("a node of its tree is out of range");
        }

        level = stored;
        return count;
    }

    private void WriteNode(DaBuffer buffer, int level, List<(uint Hash, uint Block)> items, int first, int count, uint back, uint forward)
    {
        byte[] data = buffer.Data;
        data.AsSpan().Clear();
        _file.StampLinked(buffer, NodeMagicNumber);
        Be.Set32(data, 0, forward);
        Be.Set32(data, 4, back);
        Be.Set16(data, _file.InfoSize, count);
        Be.Set16(data, _file.InfoSize + 2, level);
        for (int i = 0; i < count; i++)
        {
            Be.Set32(data, Entry(i), items[first + i].Hash);
            Be.Set32(data, Entry(i) + 4, items[first + i].Block);
        }

        _file.WriteLinked(buffer);
    }
}
