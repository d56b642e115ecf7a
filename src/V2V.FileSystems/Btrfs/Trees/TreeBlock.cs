namespace V2V.FileSystems.Btrfs.Trees;

/// <summary>
/// A node or leaf of a tree (On-disk Format, "Header", "Leaf", "Node"). A leaf's items grow from the front and their data from the back.
/// Everything is checked once, when it is read, so that indices below <see cref="Count"/> are safe.
/// </summary>
internal sealed class TreeBlock(long address, byte[] data)
{
    public const int HeaderSize = 101;
    public const int ItemSize = 25;
    public const int PointerSize = 33;
    public const ulong FlagWritten = 1;
    public const ulong FlagRelocated = 2;

    public long Address { get; } = address;

    public byte[] Data { get; } = data;

    /// <summary>True if it has to be written.</summary>
    public bool Dirty { get; set; }

    /// <summary>True if only one tree refers to it; null if that was not looked up.</summary>
    public bool? Exclusive { get; set; }

    public int Level => Data[100];

    public int Count { get => (int)Le.U32(Data, 96); set => Le.Set32(Data, 96, (uint)value); }

    public ulong Generation { get => Le.U64(Data, 80); set => Le.Set64(Data, 80, value); }

    public ulong Owner { get => Le.U64(Data, 88); set => Le.Set64(Data, 88, value); }

    public bool IsLeaf => Level == 0;

    /// <summary>Bytes for items and data of a leaf.</summary>
    public int Capacity => Data.Length - HeaderSize;

    /// <summary>Pointers that fit into a node.</summary>
    public int MaxPointers => Capacity / PointerSize;

    /// <summary>Bytes that a leaf's items and their data take.</summary>
    public int Used => (Count * ItemSize) + Capacity - DataStart;

    /// <summary>Free bytes between a leaf's items and their data.</summary>
    public int Free => DataStart - (Count * ItemSize);

    /// <summary>Where the data of the last item begins, relative to the end of the header.</summary>
    public int DataStart => Count == 0 ? Capacity : (int)Le.U32(Data, ItemAt(Count - 1) + 17);

    private int EntrySize => IsLeaf ? ItemSize : PointerSize;

    public BtrfsKey Key(int index) => BtrfsKey.Read(Data.AsSpan(HeaderSize + (index * EntrySize)));

    public void SetKey(int index, BtrfsKey key) => key.Write(Data.AsSpan(HeaderSize + (index * EntrySize)));

    /// <summary>The data of a leaf's item.</summary>
    public Span<byte> Item(int index) => Data.AsSpan(HeaderSize + DataOffset(index), DataSize(index));

    public Memory<byte> ItemMemory(int index) => Data.AsMemory(HeaderSize + DataOffset(index), DataSize(index));

    public int DataOffset(int index) => (int)Le.U32(Data, ItemAt(index) + 17);

    public int DataSize(int index) => (int)Le.U32(Data, ItemAt(index) + 21);

    public void SetDataRange(int index, int offset, int size)
    {
        Le.Set32(Data, ItemAt(index) + 17, (uint)offset);
        Le.Set32(Data, ItemAt(index) + 21, (uint)size);
    }

    /// <summary>Address of a node's child.</summary>
    public long Pointer(int index) => (long)Le.U64(Data, PointerAt(index) + 17);

    /// <summary>Generation of a node's child.</summary>
    public ulong PointerGeneration(int index) => Le.U64(Data, PointerAt(index) + 25);

    public void SetPointer(int index, long address, ulong generation)
    {
        Le.Set64(Data, PointerAt(index) + 17, (ulong)address);
        Le.Set64(Data, PointerAt(index) + 25, generation);
    }

    /// <summary>The first entry whose key is not below <paramref name="key"/>.</summary>
    public int Find(BtrfsKey key, out bool isExact)
    {
        int low = 0;
        int high = Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (Key(middle) < key)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        isExact = low < Count && Key(low) == key;
        return low;
    }

    /// <summary>What is wrong with a block that was read, or null.</summary>
    public string? FindFault(int sectorSize)
    {
        uint count = Le.U32(Data, 96);
        if (Le.U64(Data, 48) != (ulong)Address)
        {
            return "it belongs elsewhere";
        }

        if (Level > 7 || count > (IsLeaf ? Capacity / ItemSize : MaxPointers) || (count == 0 && !IsLeaf))
        {
            return "its number of entries is out of range";
        }

        int end = Capacity;
        for (int i = 0; i < Count; i++)
        {
            if (i > 0 && Key(i - 1) >= Key(i))
            {
                return "its keys are out of order";
            }

            if (!IsLeaf)
            {
                ulong pointer = Le.U64(Data, PointerAt(i) + 17);
                if (pointer == 0 || pointer > long.MaxValue / 2 || pointer % (ulong)sectorSize != 0)
                {
                    return "it points nowhere";
                }

                continue;
            }

            uint offset = Le.U32(Data, ItemAt(i) + 17);
            uint size = Le.U32(Data, ItemAt(i) + 21);
            if (offset > end || size > end || offset + size != end || offset < (i + 1) * ItemSize)
            {
                return "its items overlap";
            }

            end = (int)offset;
        }

        return end < Count * (IsLeaf ? ItemSize : 0) ? "its items overlap" : null;
    }

    private static int ItemAt(int index) => HeaderSize + (index * ItemSize);

    private static int PointerAt(int index) => HeaderSize + (index * PointerSize);
}
