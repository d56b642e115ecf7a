using V2V.FileSystems.Btrfs.Storage;

namespace V2V.FileSystems.Btrfs.Trees;

/// <summary>
/// Reads and writes tree blocks, each checked against its checksum, its place and what refers to it; a copy that fails is passed over
/// for the next. Keeps the blocks used last: a block that was got stays the same object until <see cref="Trim"/>.
/// </summary>
internal sealed class BlockStore(ChunkMap chunks, BtrfsSuperblock super)
{
    private const int CacheBytes = 48 << 20;
    private readonly int _halfCache = CacheBytes / 2 / super.NodeSize;
    private Dictionary<long, TreeBlock> _young = [];
    private Dictionary<long, TreeBlock> _old = [];

    /// <summary>The block at an address.</summary>
    /// <param name="address">Logical address.</param>
    /// <param name="level">Its level in the tree.</param>
    /// <param name="generation">The transaction that wrote it.</param>
    public TreeBlock Get(long address, int level, ulong generation)
    {
        TreeBlock block = FindCached(address) ?? Read(address, generation);
        if (block.Level != level || block.Generation != generation)
        {
            throw BtrfsErrors.Tree(address, FormattableString.Invariant(
                $"it is of level {block.Level} and transaction {block.Generation}, not {level} and {generation}"));
        }

        return block;
    }

    /// <summary>The block at an address whatever it is, or null if it cannot be read.</summary>
    public TreeBlock? FindCached(long address)
    {
        if (_young.TryGetValue(address, out TreeBlock? block))
        {
            return block;
        }

        if (_old.Remove(address, out block))
        {
            _young.Add(address, block);
        }

        return block;
    }

    /// <summary>An empty block that was just allocated; its header is complete but for the count.</summary>
    public TreeBlock Create(long address, int level, ulong generation, ulong owner, ReadOnlySpan<byte> chunkTreeUuid)
    {
        Forget(address);
        var block = new TreeBlock(address, new byte[super.NodeSize]) { Dirty = true, Exclusive = true, Generation = generation, Owner = owner };
        super.MetadataFsid.CopyTo(block.Data.AsSpan(32));
        Le.Set64(block.Data, 48, (ulong)address);
        Le.Set64(block.Data, 56, TreeBlock.FlagWritten);
        block.Data[63] = 1;
        chunkTreeUuid.CopyTo(block.Data.AsSpan(64));
        block.Data[100] = (byte)level;
        _young.Add(address, block);
        return block;
    }

    /// <summary>Drops a block that was freed; it is not written.</summary>
    public void Forget(long address)
    {
        _young.Remove(address);
        _old.Remove(address);
    }

    /// <summary>Writes what was changed.</summary>
    public void Flush()
    {
        WriteDirty(_young);
        WriteDirty(_old);
    }

    /// <summary>Keeps memory bounded; called between operations, when nobody holds a block.</summary>
    public void Trim()
    {
        if (_young.Count > _halfCache)
        {
            WriteDirty(_old);
            _old = _young;
            _young = [];
        }
    }

    private TreeBlock Read(long address, ulong generation)
    {
        int ways = chunks.WaysToRead(address);
        if (ways == 0 || chunks.Find(address)!.End - address < super.NodeSize)
        {
            throw BtrfsErrors.Tree(address, "it lies in no chunk");
        }

        string? fault = null;
        for (int way = 0; way < ways; way++)
        {
            var data = new byte[super.NodeSize];
            if (!chunks.TryRead(address, data, way))
            {
                continue;
            }

            var block = new TreeBlock(address, data);
            fault = FindFault(block, generation);
            if (fault is null)
            {
                _young[address] = block;
                return block;
            }
        }

        throw fault is null ? chunks.Unreadable(address) : BtrfsErrors.Tree(address, fault);
    }

    private string? FindFault(TreeBlock block, ulong generation)
    {
        Span<byte> sum = stackalloc byte[32];
        BtrfsChecksum.Compute(super.ChecksumType, block.Data.AsSpan(32), sum);
        int size = BtrfsChecksum.SizeOf(super.ChecksumType);
        if (!sum[..size].SequenceEqual(block.Data.AsSpan(0, size)))
        {
            return "its checksum does not match";
        }

        if (!block.Data.AsSpan(32, 16).SequenceEqual(super.MetadataFsid))
        {
            return "it belongs to another file system";
        }

        return block.Generation != generation ? "it is not of the transaction that it should be of" : block.FindFault(super.SectorSize);
    }

    private void WriteDirty(Dictionary<long, TreeBlock> blocks)
    {
        foreach (TreeBlock block in blocks.Values)
        {
            if (block.Dirty)
            {
                BtrfsChecksum.Compute(super.ChecksumType, block.Data.AsSpan(32), block.Data.AsSpan(0, 32));
                chunks.Write(block.Address, block.Data);
                block.Dirty = false;
            }
        }
    }
}
