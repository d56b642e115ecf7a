using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>
/// The part that changes the tree. A node that grows too large is split and its middle entry moves up; one that loses its last entry
/// takes the entry above it into its neighbour. All leaves stay at one depth.
/// </summary>
internal sealed partial class IndexTree
{
    /// <summary>A node on the way down, and the position of the entry whose subtree the way goes on in.</summary>
    private readonly record struct PathStep(IndexNode Node, int Position);

    private int RootLimit => _volume.Geometry.RecordSize * 3 / 8;

    private int FirstEntry => ((BlockHeader + IndexNode.HeaderSize + (Fixups.CountFor(_blockSize) * 2) + 7) & ~7) - BlockHeader;

    /// <summary>Adds an entry and saves the file. The key must not be there.</summary>
    public void Insert(IndexEntry entry)
    {
        List<PathStep> path = Walk(entry.Key, out bool found);
        if (found)
        {
            throw NtfsErrors.Index("it has the key already");
        }

        InsertAt(path, entry);
        _volume.Mft.Save(_file);
    }

    /// <summary>Removes an entry and saves the file. The key must be there.</summary>
    public void Remove(ReadOnlySpan<byte> key)
    {
        byte[] wanted = key.ToArray();
        List<PathStep> path = Find(wanted, "it lacks an entry");
        PathStep at = path[^1];
        if (at.Node.IsLeaf)
        {
            RemoveFromLeaf(path);
        }
        else
        {
            // The greatest entry before it takes its place.
            List<PathStep> below = [.. path];
            for (IndexNode node = at.Node; !node.IsLeaf;)
            {
                node = ReadBlock(node.Entries[below[^1].Position].Subnode);
                below.Add(new PathStep(node, node.Entries.Count - 1));
                CheckDepth(below);
            }

            PathStep leaf = below[^1];
            if (leaf.Position == 0)
            {
                throw NtfsErrors.Index("a leaf is empty");
            }

            below[^1] = leaf with { Position = leaf.Position - 1 };
            IndexEntry before = leaf.Node.Entries[leaf.Position - 1];
            RemoveFromLeaf(below);
            path = Find(wanted, "it lost an entry");
            at = path[^1];
            if (at.Node.IsLeaf)
            {
                RemoveFromLeaf(path);
                InsertAt(Walk(before.Key, out _), before);
            }
            else
            {
                at.Node.Entries[at.Position] = before.WithSubnode(at.Node.Entries[at.Position].Subnode);
                Settle(path);
            }
        }

        _volume.Mft.Save(_file);
    }

    /// <summary>Changes an entry in place.</summary>
    /// <param name="key">The key.</param>
    /// <param name="offset">Offset of the change in the key.</param>
    /// <param name="content">The new bytes.</param>
    /// <returns>False if there is no such entry.</returns>
    public bool Update(ReadOnlySpan<byte> key, int offset, ReadOnlySpan<byte> content)
    {
        List<PathStep> path = Walk(key, out bool found);
        if (!found)
        {
            return false;
        }

        Span<byte> target = path[^1].Node.Entries[path[^1].Position].Key[offset..];
        if (!target[..content.Length].SequenceEqual(content))
        {
            content.CopyTo(target);
            WriteNode(path[^1].Node);
            if (path[^1].Node.IsRoot)
            {
                _volume.Mft.Save(_file);
            }
        }

        return true;
    }

    private static void CheckDepth(List<PathStep> path)
    {
        if (path.Count > MaxDepth)
        {
            throw NtfsErrors.Index("its blocks form a loop");
        }
    }

    private List<PathStep> Find(ReadOnlySpan<byte> key, string message)
    {
        List<PathStep> path = Walk(key, out bool found);
        return found ? path : throw NtfsErrors.Index(message);
    }

    private List<PathStep> Walk(ReadOnlySpan<byte> key, out bool found)
    {
        var path = new List<PathStep>();
        for (IndexNode node = ReadRoot(); ; node = ReadBlock(node.Entries[path[^1].Position].Subnode))
        {
            (int position, found) = Locate(node, key);
            path.Add(new PathStep(node, position));
            CheckDepth(path);
            if (found || node.IsLeaf)
            {
                return path;
            }
        }
    }

    private void InsertAt(List<PathStep> path, IndexEntry entry)
    {
        path[^1].Node.Entries.Insert(path[^1].Position, entry);
        Settle(path);
    }

    private bool Fits(IndexNode node) => node.IsRoot ? node.Size <= RootLimit : FirstEntry + node.Size <= _blockSize - BlockHeader;

    /// <summary>Writes the last node of a path, and splits it and those above it as long as they are too large.</summary>
    private void Settle(List<PathStep> path)
    {
        for (int depth = path.Count - 1; ; depth--)
        {
            IndexNode node = path[depth].Node;
            if (Fits(node))
            {
                WriteNode(node);
                return;
            }

            if (node.IsRoot)
            {
                // Everything moves into a new block below the root.
                var lower = new IndexNode(TakeBlock());
                lower.Entries.AddRange(node.Entries);
                node.Entries.Clear();
                node.Entries.Add(IndexEntry.End(lower.Vcn));
                path[0] = new PathStep(node, 0);
                path.Insert(1, new PathStep(lower, 0));
                WriteNode(node);
                depth = 2;
                continue;
            }

            Split(path, depth);
        }
    }

    private void Split(List<PathStep> path, int depth)
    {
        IndexNode left = path[depth].Node;
        int half = left.Size / 2;
        int middle = 0;
        for (int size = 0; middle < left.Entries.Count - 2 && size + left.Entries[middle].Bytes.Length <= half; middle++)
        {
            size += left.Entries[middle].Bytes.Length;
        }

        var right = new IndexNode(TakeBlock());
        IndexEntry up = left.Entries[middle];
        right.Entries.AddRange(left.Entries.Skip(middle + 1));
        left.Entries.RemoveRange(middle, left.Entries.Count - middle);
        left.Entries.Add(up.HasSubnode ? IndexEntry.End(up.Subnode) : IndexEntry.End());
        WriteNode(left);
        WriteNode(right);
        (IndexNode parent, int position) = path[depth - 1];
        parent.Entries[position] = parent.Entries[position].WithSubnode(right.Vcn);
        parent.Entries.Insert(position, up.WithSubnode(left.Vcn));
    }

    private void RemoveFromLeaf(List<PathStep> path)
    {
        IndexNode leaf = path[^1].Node;
        leaf.Entries.RemoveAt(path[^1].Position);
        if (leaf.IsRoot || leaf.Entries.Count > 1)
        {
            WriteNode(leaf);
            return;
        }

        for (int depth = path.Count - 1; depth > 0 && path[depth].Node.Entries.Count == 1; depth--)
        {
            JoinNeighbour(path, depth);
        }
    }

    /// <summary>A node without entries of its own (one subtree at most): the entry above it moves down into its neighbour.</summary>
    private void JoinNeighbour(List<PathStep> path, int depth)
    {
        IndexNode empty = path[depth].Node;
        (IndexNode parent, int position) = path[depth - 1];
        if (parent.Entries.Count == 1)
        {
            // Only a root has a single subtree: the index becomes empty, or a level less deep.
            if (!parent.IsRoot)
            {
                throw NtfsErrors.Index("an inner block has no entries");
            }

            if (empty.IsLeaf)
            {
                parent.Entries[0] = IndexEntry.End();
                DropBlocks();
            }
            else
            {
                parent.Entries[0] = IndexEntry.End(empty.Entries[0].Subnode);
                FreeBlock(empty.Vcn);
            }

            WriteNode(parent);
            return;
        }

        bool last = position == parent.Entries.Count - 1;
        int above = last ? position - 1 : position;
        IndexNode neighbour = ReadBlock(parent.Entries[last ? position - 1 : position + 1].Subnode);
        if (neighbour.IsLeaf != empty.IsLeaf)
        {
            throw NtfsErrors.Index("its leaves are at different depths");
        }

        IndexEntry down = parent.Entries[above].WithoutSubnode();
        IndexEntry end = neighbour.Entries[^1];
        long below = empty.IsLeaf ? 0 : empty.Entries[0].Subnode;
        if (!last)
        {
            neighbour.Entries.Insert(0, empty.IsLeaf ? down : down.WithSubnode(below));
        }
        else if (empty.IsLeaf)
        {
            neighbour.Entries.Insert(neighbour.Entries.Count - 1, down);
        }
        else
        {
            neighbour.Entries[^1] = down.WithSubnode(end.Subnode);
            neighbour.Entries.Add(IndexEntry.End(below));
        }

        parent.Entries.RemoveAt(above);
        if (last)
        {
            parent.Entries[above] = parent.Entries[above].WithSubnode(neighbour.Vcn);
        }

        FreeBlock(empty.Vcn);
        if (parent.IsRoot && parent.Entries.Count == 1 && neighbour.Size <= RootLimit)
        {
            // The root takes the only node below it in.
            parent.Entries.Clear();
            parent.Entries.AddRange(neighbour.Entries);
            FreeBlock(neighbour.Vcn);
            if (parent.IsLeaf)
            {
                DropBlocks();
            }

            WriteNode(parent);
            return;
        }

        List<PathStep> way = [.. path.Take(depth - 1), new PathStep(parent, above), new PathStep(neighbour, 0)];
        Settle(way);
        if (parent.IsRoot || parent.Entries.Count > 1)
        {
            Settle([.. path.Take(depth - 1), new PathStep(parent, 0)]);
        }
    }

    private void WriteNode(IndexNode node)
    {
        if (node.IsRoot)
        {
            NtfsAttribute root = _file.Get(AttributeType.IndexRoot, _name);
            var value = new byte[RootHeader + IndexNode.HeaderSize + node.Size];
            root.Value.AsSpan(0, RootHeader).CopyTo(value);
            node.Write(value.AsSpan(RootHeader), IndexNode.HeaderSize);
            root.Value = value;
            return;
        }

        var block = new byte[_blockSize];
        "INDX"u8.CopyTo(block);
        WriteUInt16LittleEndian(block.AsSpan(4), BlockHeader + IndexNode.HeaderSize);
        WriteUInt16LittleEndian(block.AsSpan(6), (ushort)Fixups.CountFor(_blockSize));
        WriteInt64LittleEndian(block.AsSpan(16), node.Vcn);
        node.Write(block.AsSpan(BlockHeader), FirstEntry);
        Fixups.Apply(block);
        _volume.Content.Write(_file.Get(AttributeType.IndexAllocation, _name), node.Vcn * _vcnSize, block);
    }

    private long TakeBlock()
    {
        NtfsAttribute? allocation = _file.Find(AttributeType.IndexAllocation, _name);
        if (allocation is null)
        {
            allocation = new NtfsAttribute(AttributeType.IndexAllocation, _name);
            _file.Attributes.Add(allocation);
            _file.Attributes.Add(new NtfsAttribute(AttributeType.Bitmap, _name) { Value = new byte[8] });
        }

        NtfsAttribute bitmap = _file.Get(AttributeType.Bitmap, _name);
        long count = allocation.Length / _blockSize;
        byte[] bits = _volume.Content.ReadAll(bitmap, 64 << 20);
        long number = 0;
        while (number < count && number / 8 < bits.Length && (bits[number / 8] & (1 << (int)(number % 8))) != 0)
        {
            number += bits[number / 8] == 0xFF && number % 8 == 0 ? 8 : 1;
        }

        number = Math.Min(number, count);
        if (number == count)
        {
            _volume.Content.SetLength(_file, allocation, (count + 1) * _blockSize);
            _volume.Content.ZeroUpTo(allocation, allocation.DataSize);
        }

        if (number / 8 >= bits.Length)
        {
            _volume.Content.SetLength(_file, bitmap, bits.Length + 8);
            Array.Resize(ref bits, bits.Length + 8);
            _volume.Content.Write(bitmap, bits.Length - 8, bits.AsSpan(bits.Length - 8));
        }

        byte changed = (byte)(bits[number / 8] | (1 << (int)(number % 8)));
        _volume.Content.Write(bitmap, number / 8, [changed]);
        return number * _blockSize / _vcnSize;
    }

    private void FreeBlock(long vcn)
    {
        long number = vcn * _vcnSize / _blockSize;
        NtfsAttribute bitmap = _file.Get(AttributeType.Bitmap, _name);
        Span<byte> bits = stackalloc byte[1];
        _volume.Content.Read(bitmap, number / 8, bits);
        bits[0] &= (byte)~(1 << (int)(number % 8));
        _volume.Content.Write(bitmap, number / 8, bits);
    }

    /// <summary>The root is all that is left.</summary>
    private void DropBlocks()
    {
        foreach (uint type in (uint[])[AttributeType.IndexAllocation, AttributeType.Bitmap])
        {
            NtfsAttribute attribute = _file.Get(type, _name);
            _volume.Content.Free(attribute);
            _file.Attributes.Remove(attribute);
        }
    }
}
