using System.Buffers.Binary;

namespace V2V.Storage.Volumes.Lvm.Thin;

/// <summary>A node of a B-tree of the persistent-data library (struct node of dm-btree-internal.h): sorted 64-bit keys, and values of one size.</summary>
internal readonly struct ThinNode(byte[] data)
{
    private const int HeaderSize = 32;
    private const int MaxDepth = 32;
    private const uint Internal = 1;
    private const uint Leaf = 2;

    internal bool IsLeaf => (BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(4)) & Leaf) != 0;

    internal int Count => (int)BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(16));

    internal bool IsFull => Count >= Maximum;

    internal bool IsValid
    {
        get
        {
            uint flags = BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(4)), maximum = BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(20));
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(24)), count = BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(16));
            return (flags & 3) is Internal or Leaf && size is >= 4 and <= 64 && (flags & 3) != Internal | size == 8 && maximum is >= 4 and <= ThinMetadata.BlockSize / 8
                && HeaderSize + (maximum * (8 + size)) <= ThinMetadata.BlockSize && count <= maximum;
        }
    }

    internal byte[] Data => data;

    private int Maximum => (int)BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(20));

    private int ValueSize => (int)BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(24));

    internal ulong Key(int index) => BinaryPrimitives.ReadUInt64LittleEndian(data.AsSpan(HeaderSize + (index * 8)));

    internal void SetKey(int index, ulong key) => BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(HeaderSize + (index * 8)), key);

    internal int ValueOffset(int index) => HeaderSize + (Maximum * 8) + (index * ValueSize);

    internal Span<byte> Value(int index) => data.AsSpan(ValueOffset(index), ValueSize);

    /// <summary>A value of 8 bytes: a child's block, or a mapping.</summary>
    internal ulong Child(int index) => BinaryPrimitives.ReadUInt64LittleEndian(Value(index));

    /// <summary>The last entry whose key is not greater, or -1.</summary>
    internal int Find(ulong key)
    {
        int low = -1, high = Count - 1;
        while (low < high)
        {
            int middle = (low + high + 1) >> 1;
            if (Key(middle) <= key)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return low;
    }

    /// <summary>Puts an entry between others; there is room.</summary>
    internal void Insert(int index, ulong key, ReadOnlySpan<byte> value)
    {
        int count = Count;
        data.AsSpan(HeaderSize + (index * 8), (count - index) * 8).CopyTo(data.AsSpan(HeaderSize + ((index + 1) * 8)));
        int values = HeaderSize + (Maximum * 8);
        data.AsSpan(values + (index * ValueSize), (count - index) * ValueSize).CopyTo(data.AsSpan(values + ((index + 1) * ValueSize)));
        SetCount(count + 1);
        SetKey(index, key);
        value.CopyTo(Value(index));
    }

    /// <summary>Takes an entry out.</summary>
    internal void Remove(int index)
    {
        int count = Count;
        data.AsSpan(HeaderSize + ((index + 1) * 8), (count - index - 1) * 8).CopyTo(data.AsSpan(HeaderSize + (index * 8)));
        int values = HeaderSize + (Maximum * 8);
        data.AsSpan(values + ((index + 1) * ValueSize), (count - index - 1) * ValueSize).CopyTo(data.AsSpan(values + (index * ValueSize)));
        SetCount(count - 1);
    }

    /// <summary>Moves the entries from an index on to an empty node, which is a copy of this one.</summary>
    internal void Split(int index, ThinNode right)
    {
        int moved = Count - index;
        for (int i = 0; i < moved; i++)
        {
            right.SetKey(i, Key(index + i));
            Value(index + i).CopyTo(right.Value(i));
        }

        right.SetCount(moved);
        SetCount(index);
    }

    /// <summary>Empties the node and makes it one that points to others.</summary>
    internal void MakeInternal()
    {
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(4), Internal);
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(20), (ThinMetadata.BlockSize - HeaderSize) / 16 / 3 * 3);
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(24), 8);
        SetCount(0);
    }

    /// <summary>Goes down a tree to the leaf that would hold a key.</summary>
    /// <param name="metadata">The pool's metadata.</param>
    /// <param name="root">Block of the tree's root.</param>
    /// <param name="key">The key.</param>
    /// <returns>The leaf and its block, the last entry in it not greater than the key (or -1), and a lower bound of the next greater key.</returns>
    internal static (ThinNode Leaf, ulong Block, int Index, ulong Next) Descend(ThinMetadata metadata, ulong root, ulong key)
    {
        ulong next = ulong.MaxValue;
        for (int depth = 0; depth < MaxDepth; depth++)
        {
            ThinNode node = metadata.ReadNode(root);
            int index = node.Find(key);
            if (index + 1 < node.Count)
            {
                next = node.Key(index + 1);
            }

            if (node.IsLeaf || index < 0)
            {
                return (node, root, node.IsLeaf ? index : -1, next);
            }

            root = node.Child(index);
        }

        throw metadata.Damaged("a tree is too deep");
    }

    private void SetCount(int count) => BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(16), (uint)count);
}
