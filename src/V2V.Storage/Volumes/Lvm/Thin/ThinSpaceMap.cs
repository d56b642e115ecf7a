using System.Buffers.Binary;

namespace V2V.Storage.Volumes.Lvm.Thin;

/// <summary>
/// How often each block of the metadata or the data volume is used: two bits each in bitmaps, and a tree for counts above 2
/// (drivers/md/persistent-data/dm-space-map-common.h). The bitmaps of the metadata are listed in one block, those of the data in a tree.
/// </summary>
internal sealed class ThinSpaceMap(ThinMetadata metadata, bool isMetadata)
{
    private const int DataRoot = 64;
    private const int MetadataRoot = 192;
    private const int HeaderSize = 16;
    private const ulong EntriesPerBitmap = (ThinMetadata.BlockSize - HeaderSize) * 4;
    private const ulong MaxIndexes = 255;

    private readonly int _root = isMetadata ? MetadataRoot : DataRoot;

    private Span<byte> Root => metadata.Read(0, ThinBlockKind.Superblock).AsSpan(_root, 32);

    private ulong Blocks => BinaryPrimitives.ReadUInt64LittleEndian(Root);

    private ulong BitmapRoot => BinaryPrimitives.ReadUInt64LittleEndian(Root[16..]);

    private ulong CountRoot
    {
        get => BinaryPrimitives.ReadUInt64LittleEndian(Root[24..]);
        set
        {
            BinaryPrimitives.WriteUInt64LittleEndian(Root[24..], value);
            metadata.Change(0);
        }
    }

    /// <summary>How often a block is used.</summary>
    internal uint Get(ulong block)
    {
        uint bits = Bits(Bitmap(block).Data, block);
        if (bits < 3)
        {
            return bits;
        }

        (ThinNode leaf, _, int index, _) = ThinNode.Descend(metadata, CountRoot, block);
        return index >= 0 && leaf.Key(index) == block && leaf.Value(index).Length == 4
            ? BinaryPrimitives.ReadUInt32LittleEndian(leaf.Value(index))
            : throw metadata.Damaged("a count is missing");
    }

    /// <summary>Sets how often a block is used.</summary>
    internal void Set(ulong block, uint count, ThinTree counts)
    {
        uint old = Get(block);
        (byte[] data, ulong at) = Bitmap(block);
        metadata.Change(at);
        SetBits(data, block, Math.Min(count, 3));
        if (count > 2)
        {
            Span<byte> value = stackalloc byte[4];
            BinaryPrimitives.WriteUInt32LittleEndian(value, count);
            CountRoot = counts.Insert(CountRoot, block, value, isShareable: false, out _);
        }
        else if (old > 2)
        {
            Forget(block);
        }

        if (old == 0 != (count == 0))
        {
            int change = count == 0 ? 1 : -1;
            (byte[] list, int entry, ulong listBlock) = Index(block / EntriesPerBitmap);
            Span<byte> numbers = list.AsSpan(entry + 8, 8);
            uint first = BinaryPrimitives.ReadUInt32LittleEndian(numbers[4..]), within = (uint)(block % EntriesPerBitmap);
            BinaryPrimitives.WriteUInt32LittleEndian(numbers, (uint)(BinaryPrimitives.ReadUInt32LittleEndian(numbers) + change));
            BinaryPrimitives.WriteUInt32LittleEndian(numbers[4..], count == 0 ? Math.Min(first, within) : first == within ? within + 1 : first);
            metadata.Change(listBlock);
            BinaryPrimitives.WriteUInt64LittleEndian(Root[8..], (ulong)((long)BinaryPrimitives.ReadUInt64LittleEndian(Root[8..]) - change));
            metadata.Change(0);
        }
    }

    /// <summary>Takes a free block and counts it once.</summary>
    /// <exception cref="V2VException"><c>LvmThinPoolFull</c>.</exception>
    internal ulong Allocate(ThinTree counts)
    {
        for (ulong index = 0; index * EntriesPerBitmap < Blocks; index++)
        {
            (byte[] list, int entry, _) = Index(index);
            if (BinaryPrimitives.ReadUInt32LittleEndian(list.AsSpan(entry + 8)) == 0)
            {
                continue;
            }

            ulong first = index * EntriesPerBitmap, end = Math.Min(first + EntriesPerBitmap, Blocks);
            byte[] bitmap = Bitmap(first).Data;
            for (ulong block = first + BinaryPrimitives.ReadUInt32LittleEndian(list.AsSpan(entry + 12)); block < end; block++)
            {
                if (Bits(bitmap, block) == 0)
                {
                    Set(block, 1, counts);
                    return block;
                }
            }
        }

        throw metadata.Full();
    }

    private void Forget(ulong block)
    {
        (ThinNode leaf, ulong at, int index, _) = ThinNode.Descend(metadata, CountRoot, block);
        if (index >= 0 && leaf.Key(index) == block && (leaf.Count > 1 || at == CountRoot))
        {
            metadata.Change(at);
            leaf.Remove(index);
        }
    }

    private (byte[] Data, ulong Block) Bitmap(ulong block)
    {
        if (block >= Blocks)
        {
            throw metadata.Damaged("a block lies outside the pool");
        }

        (byte[] list, int entry, _) = Index(block / EntriesPerBitmap);
        ulong bitmap = BinaryPrimitives.ReadUInt64LittleEndian(list.AsSpan(entry));
        return (metadata.Read(bitmap, ThinBlockKind.Bitmap), bitmap);
    }

    /// <summary>Where the entry for a bitmap stands: its block, the number of free blocks, and where the first may be.</summary>
    private (byte[] List, int Entry, ulong Block) Index(ulong index)
    {
        if (isMetadata)
        {
            return index < MaxIndexes
                ? (metadata.Read(BitmapRoot, ThinBlockKind.Index), HeaderSize + ((int)index * 16), BitmapRoot)
                : throw metadata.Damaged("its own map is too large");
        }

        (ThinNode leaf, ulong block, int at, _) = ThinNode.Descend(metadata, BitmapRoot, index);
        return at >= 0 && leaf.Key(at) == index && leaf.Value(at).Length == 16
            ? (leaf.Data, leaf.ValueOffset(at), block)
            : throw metadata.Damaged("a bitmap is missing");
    }

    /// <summary>Of the two bits the first is the higher one.</summary>
    private static uint Bits(byte[] bitmap, ulong block)
    {
        int bit = (int)(block % EntriesPerBitmap) * 2;
        int pair = bitmap[HeaderSize + (bit >> 3)] >> (bit & 7);
        return (uint)(((pair & 1) << 1) | ((pair >> 1) & 1));
    }

    private static void SetBits(byte[] bitmap, ulong block, uint value)
    {
        int bit = (int)(block % EntriesPerBitmap) * 2, at = HeaderSize + (bit >> 3);
        int pair = (int)((value >> 1) | ((value & 1) << 1));
        bitmap[at] = (byte)((bitmap[at] & ~(3 << (bit & 7))) | (pair << (bit & 7)));
    }
}
