using System.Buffers.Binary;

namespace V2V.Storage.Volumes.Lvm.Thin;

/// <summary>
/// Changes the trees of a pool that no kernel uses meanwhile: blocks that only one tree has are changed in place, others are copied first, as the
/// counts say. Full nodes are split on the way down, so that there is always room above.
/// </summary>
internal sealed class ThinTree
{
    private const int MaxDepth = 32;

    private readonly ThinMetadata _metadata;
    private readonly ThinSpaceMap _blocks;
    private readonly ThinSpaceMap _data;

    internal ThinTree(ThinMetadata metadata)
    {
        _metadata = metadata;
        _blocks = new ThinSpaceMap(metadata, isMetadata: true);
        _data = new ThinSpaceMap(metadata, isMetadata: false);
    }

    /// <summary>Takes a free block of the data volume.</summary>
    internal ulong AllocateData() => _data.Allocate(this);

    /// <summary>Counts one use of a data block less.</summary>
    internal void ReleaseData(ulong block)
    {
        uint count = _data.Get(block);
        if (count > 0)
        {
            _data.Set(block, count - 1, this);
        }
    }

    /// <summary>Adds an entry, or replaces its value.</summary>
    /// <param name="root">Block of the tree's root.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    /// <param name="isShareable">True for a tree of mappings, which snapshots share; its values are mappings.</param>
    /// <param name="isNew">True if the key was not there.</param>
    /// <returns>Block of the root, which is another one if it was shared.</returns>
    internal ulong Insert(ulong root, ulong key, ReadOnlySpan<byte> value, bool isShareable, out bool isNew)
    {
        root = isShareable ? Own(root) : root;
        _metadata.Change(root);
        ThinNode node = _metadata.ReadNode(root);
        if (node.IsFull)
        {
            SplitRoot(node);
        }

        for (int depth = 0; depth < MaxDepth; depth++)
        {
            int index = node.Find(key);
            if (node.IsLeaf)
            {
                isNew = index < 0 || node.Key(index) != key;
                if (!isNew && node.Value(index).Length == value.Length)
                {
                    value.CopyTo(node.Value(index));
                }
                else if (isNew && node.Count == 0 | node.Value(0).Length == value.Length)
                {
                    node.Insert(index + 1, key, value);
                }
                else
                {
                    throw _metadata.Damaged("a value has the wrong size");
                }

                return root;
            }

            node = Enter(node, index, key, isShareable);
        }

        throw _metadata.Damaged("a tree is too deep");
    }

    /// <summary>Goes to the child that is to hold a key, which can take one more entry then.</summary>
    private ThinNode Enter(ThinNode node, int index, ulong key, bool isShareable)
    {
        if (node.Count == 0)
        {
            throw _metadata.Damaged("a node is empty");
        }

        if (index < 0)
        {
            index = 0;
            node.SetKey(0, key);
        }

        ulong block = node.Child(index);
        if (isShareable && Own(block) is var own && own != block)
        {
            block = own;
            BinaryPrimitives.WriteUInt64LittleEndian(node.Value(index), block);
        }

        _metadata.Change(block);
        ThinNode child = _metadata.ReadNode(block);
        if (!child.IsFull)
        {
            return child;
        }

        ulong beside = _blocks.Allocate(this);
        var right = new ThinNode(_metadata.Create(beside, ThinBlockKind.Node, child.Data));
        child.Split(child.Count / 2, right);
        Span<byte> pointer = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(pointer, beside);
        node.Insert(index + 1, right.Key(0), pointer);
        return key >= right.Key(0) ? right : child;
    }

    /// <summary>Puts two nodes under a full root, which stays where it is.</summary>
    private void SplitRoot(ThinNode root)
    {
        ulong first = _blocks.Allocate(this), second = _blocks.Allocate(this);
        var left = new ThinNode(_metadata.Create(first, ThinBlockKind.Node, root.Data));
        var right = new ThinNode(_metadata.Create(second, ThinBlockKind.Node, root.Data));
        left.Split(left.Count / 2, right);
        root.MakeInternal();
        Span<byte> pointer = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(pointer, first);
        root.Insert(0, left.Key(0), pointer);
        BinaryPrimitives.WriteUInt64LittleEndian(pointer, second);
        root.Insert(1, right.Key(0), pointer);
    }

    /// <summary>A node of mappings that only this tree has: itself, or a copy whose children are counted once more.</summary>
    private ulong Own(ulong block)
    {
        uint count = _blocks.Get(block);
        if (count <= 1)
        {
            return block;
        }

        ThinNode shared = _metadata.ReadNode(block);
        ulong copy = _blocks.Allocate(this);
        var node = new ThinNode(_metadata.Create(copy, ThinBlockKind.Node, shared.Data));
        if (node.Count > 0 && node.Value(0).Length != 8)
        {
            throw _metadata.Damaged("a value has the wrong size");
        }

        for (int i = 0; i < node.Count; i++)
        {
            (ThinSpaceMap map, ulong used) = node.IsLeaf ? (_data, node.Child(i) >> 24) : (_blocks, node.Child(i));
            map.Set(used, map.Get(used) + 1, this);
        }

        _blocks.Set(block, count - 1, this);
        return copy;
    }
}
