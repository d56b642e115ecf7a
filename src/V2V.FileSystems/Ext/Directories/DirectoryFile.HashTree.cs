using V2V.Storage;

namespace V2V.FileSystems.Ext.Directories;

/// <summary>The hash tree of an indexed directory: finding the leaf of a name (kernel documentation, filesystems/ext4, "Hash Tree Directories").</summary>
internal sealed partial class DirectoryFile
{
    private const int RootEntriesOffset = 32;
    private const int NodeEntriesOffset = 8;
    private const int HashEntrySize = 8;
    private const int HashVersionOffset = 0x1C;
    private const int LevelsOffset = 0x1E;
    private const byte SipHash = 6;

    /// <summary>One step on the way down the tree.</summary>
    private readonly record struct Frame(CachedBlock Block, int Entries, int Index)
    {
        public int Limit => Le.U16(Block.Data, Entries);

        public int Count => Le.U16(Block.Data, Entries + 2);

        public uint HashAt(int index) => index == 0 ? 0 : Le.U32(Block.Data, Entries + (index * HashEntrySize));

        public uint BlockAt(int index) => Le.U32(Block.Data, Entries + (index * HashEntrySize) + 4) & 0x0FFFFFFF;

        public uint Child => BlockAt(Index);
    }

    private int MaxLevels => _volume.Super.Has(ExtIncompat.LargeDir) ? 3 : 2;

    private int HashNodeTail => _volume.Super.HasChecksums ? 8 : 0;

    /// <summary>The hash function of this directory: its own version, signed or not as the file system says.</summary>
    private int HashVersion(CachedBlock root)
    {
        int version = root.Data[HashVersionOffset];
        return version <= 2 && _volume.Super.UnsignedHash ? version + 3 : version;
    }

    /// <summary>Looks a name up through the index; false if the index cannot be used for it.</summary>
    private bool TryFindIndexed(ReadOnlySpan<byte> name, out FoundEntry? found)
    {
        found = null;
        if (BlockAt(0) is not { } root || HashVersion(root) >= SipHash || _inode.Has(InodeFlags.CaseFold))
        {
            return false;
        }

        if (name is [(byte)'.'] or [(byte)'.', (byte)'.'])
        {
            found = FindIn(root, name);
            return true;
        }

        uint hash = DirectoryHash.Compute(HashVersion(root), name, _volume.Super.HashSeed);
        List<Frame> frames = Probe(hash);
        do
        {
            CachedBlock leaf = BlockAt(frames[^1].Child) ?? throw Damaged("its index points to a missing block");
            found = FindIn(leaf, name);
        }
        while (found is null && NextLeaf(frames, hash));
        return true;
    }

    /// <summary>Goes down to the leaf that a hash belongs to.</summary>
    private List<Frame> Probe(uint hash)
    {
        CachedBlock root = BlockAt(0) ?? throw Damaged("its first block is missing");
        int levels = root.Data[LevelsOffset];
        if (Le.U32(root.Data, 0x18) != 0 || root.Data[0x1D] != 8 || levels >= MaxLevels)
        {
            throw Damaged("the header of its index is not valid");
        }

        var frames = new List<Frame>(levels + 1) { Search(root, RootEntriesOffset, hash) };
        for (int level = 0; level < levels; level++)
        {
            CachedBlock node = BlockAt(frames[^1].Child) ?? throw Damaged("its index points to a missing block");
            frames.Add(Search(node, NodeEntriesOffset, hash));
        }

        return frames;
    }

    private Frame Search(CachedBlock block, int entries, uint hash)
    {
        var frame = new Frame(block, entries, 0);
        if (frame.Limit != (_blockSize - entries - HashNodeTail) / HashEntrySize || frame.Count == 0 || frame.Count > frame.Limit)
        {
            throw Damaged("a node of its index is not valid");
        }

        int low = 1;
        int high = frame.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >> 1;
            if (frame.HashAt(middle) > hash)
            {
                high = middle - 1;
            }
            else
            {
                low = middle + 1;
            }
        }

        return frame with { Index = low - 1 };
    }

    /// <summary>Steps to the next leaf if names with the same hash continue there.</summary>
    private bool NextLeaf(List<Frame> frames, uint hash)
    {
        int level = frames.Count - 1;
        while (frames[level].Index + 1 >= frames[level].Count)
        {
            if (--level < 0)
            {
                return false;
            }
        }

        Frame frame = frames[level] with { Index = frames[level].Index + 1 };
        if ((frame.HashAt(frame.Index) & ~1u) != hash)
        {
            return false;
        }

        frames[level] = frame;
        while (++level < frames.Count)
        {
            CachedBlock node = BlockAt(frames[level - 1].Child) ?? throw Damaged("its index points to a missing block");
            frames[level] = Search(node, NodeEntriesOffset, 0);
        }

        return true;
    }

    private bool TryHashNodeChecksum(CachedBlock block, out uint crc, out int offset)
    {
        bool isNode = EntryRegion.DecodeLength(Le.U16(block.Data, 4), _blockSize) == _blockSize;
        int entries = isNode ? NodeEntriesOffset : RootEntriesOffset;
        int limit = Le.U16(block.Data, entries);
        int count = Le.U16(block.Data, entries + 2);
        int tail = entries + (limit * HashEntrySize);
        crc = 0;
        offset = tail + 4;
        if (count > limit || tail + 8 > _blockSize)
        {
            return false;
        }

        crc = ExtChecksum.Crc32C(_inode.ChecksumSeed, block.Data.AsSpan(0, entries + (count * HashEntrySize)));
        crc = ExtChecksum.Crc32C(crc, block.Data.AsSpan(tail, 4));
        crc = ExtChecksum.Crc32C(crc, [0, 0, 0, 0]);
        return true;
    }
}
