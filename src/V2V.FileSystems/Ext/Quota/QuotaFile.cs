using V2V.Storage;

namespace V2V.FileSystems.Ext.Quota;

/// <summary>
/// A quota file of format 2 revision 1: a radix tree of 1024-byte blocks over the id, four levels deep, whose leaves hold
/// 14 entries of 72 bytes (Linux quota tools, "quotaio_v2"; kernel, fs/quota/quota_tree).
/// </summary>
internal sealed class QuotaFile : IDisposable
{
    private const int BlockSize = 1024;
    private const int Depth = 4;
    private const int LeafHeaderSize = 16;
    private const int EntrySize = 72;
    private const int EntriesPerLeaf = (BlockSize - LeafHeaderSize) / EntrySize;
    private const int CountOffset = 8;
    private const int InfoBlocks = 20;
    private const int InfoFreeBlock = 24;
    private const int InfoFreeEntry = 28;
    private const int InodesOffset = 24;
    private const int SpaceOffset = 48;
    private const int InodeTimeOffset = 64;

    private static readonly uint[] s_magics = [0xD9C01F11, 0xD9C01927, 0xD9C03F14];

    private readonly ExtFileStream _stream;
    private readonly byte[] _header = new byte[32];

    public QuotaFile(ExtVolume volume, Inode inode, int kind)
    {
        _stream = new ExtFileStream(volume, inode, writable: true);
        if (_stream.Length < BlockSize * 2 || _stream.Length / BlockSize > int.MaxValue)
        {
            throw Damaged();
        }

        _stream.ReadExactly(_header);
        if (Le.U32(_header, 0) != s_magics[kind] || Le.U32(_header, InfoBlocks) > _stream.Length / BlockSize)
        {
            throw Damaged();
        }

        if (Le.U32(_header, 4) != 1)
        {
            throw V2VException.Unsupported(
                "ExtFeatureUnsupported", FormattableString.Invariant($"The quota file's revision {Le.U32(_header, 4)} cannot be written."));
        }
    }

    /// <summary>Changes what an id is said to use.</summary>
    public void Add(uint id, long space, long inodes)
    {
        Span<byte> leaf = stackalloc byte[BlockSize];
        uint block = FindOrInsert(id, leaf, out int slot);
        Span<byte> entry = leaf.Slice(LeafHeaderSize + (slot * EntrySize), EntrySize);
        Le.Set64(entry, InodesOffset, (ulong)Math.Max(0, (long)Le.U64(entry, InodesOffset) + inodes));
        Le.Set64(entry, SpaceOffset, (ulong)Math.Max(0, (long)Le.U64(entry, SpaceOffset) + space));
        WriteBlock(block, leaf);
    }

    public void Dispose() => _stream.Dispose();

    private static V2VException Damaged() => V2VException.Corrupt("ExtQuotaCorrupt", "A quota file of the file system is damaged.");

    private static int Index(uint id, int depth) => (int)((id >> (8 * (Depth - 1 - depth))) & 0xFF) * 4;

    private uint FindOrInsert(uint id, Span<byte> leaf, out int slot)
    {
        Span<byte> node = stackalloc byte[BlockSize];
        uint block = 1;
        for (int depth = 0; depth < Depth; depth++)
        {
            ReadBlock(block, node);
            uint child = Le.U32(node, Index(id, depth));
            if (child == 0)
            {
                return InsertBelow(id, block, node, depth, leaf, out slot);
            }

            block = child;
        }

        ReadBlock(block, leaf);
        for (slot = 0; slot < EntriesPerLeaf; slot++)
        {
            ReadOnlySpan<byte> entry = leaf.Slice(LeafHeaderSize + (slot * EntrySize), EntrySize);
            if (Le.U32(entry, 0) == id && entry.ContainsAnyExcept((byte)0))
            {
                return block;
            }
        }

        throw Damaged();
    }

    /// <summary>Adds an entry whose path ends at a node: a leaf with room for it, and the nodes in between.</summary>
    private uint InsertBelow(uint id, uint parent, Span<byte> parentNode, int depth, Span<byte> leaf, out int slot)
    {
        uint leafBlock = TakeLeaf(leaf);
        slot = 0;
        while (slot < EntriesPerLeaf && leaf.Slice(LeafHeaderSize + (slot * EntrySize), EntrySize).ContainsAnyExcept((byte)0))
        {
            slot++;
        }

        if (slot == EntriesPerLeaf)
        {
            throw Damaged();
        }

        Span<byte> entry = leaf.Slice(LeafHeaderSize + (slot * EntrySize), EntrySize);
        Le.Set32(entry, 0, id);
        if (id == 0)
        {
            // An entry that is all zero counts as unused.
            Le.Set64(entry, InodeTimeOffset, 1);
        }

        uint count = Le.U16(leaf, CountOffset) + 1u;
        Le.Set16(leaf, CountOffset, count);
        if (count >= EntriesPerLeaf)
        {
            RemoveFromFreeList(leaf);
        }

        WriteBlock(leafBlock, leaf);
        Span<byte> node = stackalloc byte[BlockSize];
        uint child = leafBlock;
        for (int level = Depth - 1; level > depth; level--)
        {
            node.Clear();
            Le.Set32(node, Index(id, level), child);
            child = NewBlock();
            WriteBlock(child, node);
        }

        Le.Set32(parentNode, Index(id, depth), child);
        WriteBlock(parent, parentNode);
        return leafBlock;
    }

    /// <summary>The first leaf with a free entry; a new one if there is none.</summary>
    private uint TakeLeaf(Span<byte> leaf)
    {
        uint block = Le.U32(_header, InfoFreeEntry);
        if (block != 0)
        {
            ReadBlock(block, leaf);
            return block;
        }

        block = NewBlock();
        leaf.Clear();
        Le.Set32(_header, InfoFreeEntry, block);
        WriteHeader();
        return block;
    }

    private void RemoveFromFreeList(Span<byte> leaf)
    {
        uint next = Le.U32(leaf, 0);
        Le.Set32(_header, InfoFreeEntry, next);
        WriteHeader();
        Le.Set64(leaf, 0, 0);
        if (next != 0)
        {
            Span<byte> following = stackalloc byte[BlockSize];
            ReadBlock(next, following);
            Le.Set32(following, 4, 0);
            WriteBlock(next, following);
        }
    }

    private uint NewBlock()
    {
        uint block = Le.U32(_header, InfoFreeBlock);
        if (block != 0)
        {
            Span<byte> free = stackalloc byte[BlockSize];
            ReadBlock(block, free);
            Le.Set32(_header, InfoFreeBlock, Le.U32(free, 0));
        }
        else
        {
            block = Le.U32(_header, InfoBlocks);
            Le.Set32(_header, InfoBlocks, block + 1);
            if (_stream.Length < (block + 1L) * BlockSize)
            {
                _stream.SetLength((block + 1L) * BlockSize);
            }
        }

        WriteHeader();
        return block;
    }

    private void ReadBlock(uint block, Span<byte> buffer)
    {
        if (block == 0 || block >= _stream.Length / BlockSize)
        {
            throw Damaged();
        }

        _stream.Position = (long)block * BlockSize;
        _stream.ReadExactly(buffer);
    }

    private void WriteBlock(uint block, ReadOnlySpan<byte> buffer)
    {
        _stream.Position = (long)block * BlockSize;
        _stream.Write(buffer);
    }

    private void WriteHeader()
    {
        _stream.Position = 0;
        _stream.Write(_header);
    }
}
