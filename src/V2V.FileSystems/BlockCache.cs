using System.Buffers;
using V2V.Storage;

namespace V2V.FileSystems;

/// <summary>A metadata block in memory.</summary>
internal sealed class CachedBlock(long number, byte[] data)
{
    /// <summary>Block number in the file system.</summary>
    public long Number { get; } = number;

    /// <summary>The block's bytes; after a change the cache must be told with <see cref="BlockCache.MarkDirty"/>.</summary>
    public byte[] Data { get; } = data;

    /// <summary>Where <see cref="BlockCache.Seal"/> is to store the checksum over the whole block; -1 for none.</summary>
    public int CrcOffset { get; set; } = -1;

    /// <summary>True once its checksum has been verified, or it has been written here.</summary>
    public bool Verified { get; set; }

    internal bool Dirty { get; set; }

    internal LinkedListNode<CachedBlock>? Node { get; set; }
}

/// <summary>
/// Metadata blocks, least recently used first out. Nothing is dropped while an operation may hold on to a block: <see cref="Trim"/>
/// is called between operations. Changed blocks are sealed and written by <see cref="Flush"/> in ascending order, neighbours in one piece.
/// </summary>
internal class BlockCache(BlockDevice device, int blockSize)
{
    private const int Capacity = 16 << 20;
    private const int WriteSize = 1 << 20;

    private readonly Dictionary<long, CachedBlock> _blocks = [];
    private readonly LinkedList<CachedBlock> _order = new();
    private int _dirtyCount;

    /// <summary>A block as it is on the device, or as it was last changed.</summary>
    public CachedBlock Get(long number)
    {
        if (_blocks.TryGetValue(number, out CachedBlock? block))
        {
            if (_order.Last != block.Node)
            {
                _order.Remove(block.Node!);
                _order.AddLast(block.Node!);
            }

            return block;
        }

        var data = new byte[blockSize];
        device.Read(number * blockSize, data);
        return Add(new CachedBlock(number, data));
    }

    /// <summary>A newly allocated block: zero, and to be written.</summary>
    public CachedBlock GetNew(long number)
    {
        Forget(number);
        CachedBlock block = Add(new CachedBlock(number, new byte[blockSize]));
        MarkDirty(block);
        return block;
    }

    /// <summary>Notes that a block was changed.</summary>
    public void MarkDirty(CachedBlock block)
    {
        block.Verified = true;
        if (!block.Dirty)
        {
            block.Dirty = true;
            _dirtyCount++;
        }
    }

    /// <summary>Drops a block that has been freed, with its changes.</summary>
    public void Forget(long number)
    {
        if (_blocks.Remove(number, out CachedBlock? block))
        {
            _order.Remove(block.Node!);
            if (block.Dirty)
            {
                _dirtyCount--;
            }
        }
    }

    /// <summary>Drops a range of blocks that has been freed.</summary>
    public void Forget(long number, long count)
    {
        if (count > _blocks.Count)
        {
            foreach (long cached in _blocks.Keys.Where(n => n >= number && n - number < count).ToArray())
            {
                Forget(cached);
            }

            return;
        }

        for (long i = 0; i < count; i++)
        {
            Forget(number + i);
        }
    }

    /// <summary>Keeps memory bounded. No caller may hold a block across this call.</summary>
    public void Trim()
    {
        int limit = Capacity / blockSize;
        if (_blocks.Count <= limit)
        {
            return;
        }

        if (_dirtyCount > limit / 2)
        {
            Flush();
        }

        LinkedListNode<CachedBlock>? node = _order.First;
        while (node is not null && _blocks.Count > limit * 3 / 4)
        {
            LinkedListNode<CachedBlock>? next = node.Next;
            if (!node.Value.Dirty)
            {
                _blocks.Remove(node.Value.Number);
                _order.Remove(node);
            }

            node = next;
        }
    }

    /// <summary>Writes every changed block.</summary>
    public void Flush()
    {
        if (_dirtyCount == 0)
        {
            return;
        }

        CachedBlock[] dirty = [.. _blocks.Values.Where(b => b.Dirty).OrderBy(b => b.Number)];
        byte[] buffer = ArrayPool<byte>.Shared.Rent(WriteSize);
        try
        {
            for (int i = 0; i < dirty.Length;)
            {
                int run = 1;
                while (i + run < dirty.Length && dirty[i + run].Number == dirty[i].Number + run && (run + 1) * blockSize <= WriteSize)
                {
                    run++;
                }

                for (int k = 0; k < run; k++)
                {
                    Seal(dirty[i + k]);
                    dirty[i + k].Data.CopyTo(buffer, k * blockSize);
                }

                device.Write(dirty[i].Number * blockSize, buffer.AsSpan(0, run * blockSize));
                i += run;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        foreach (CachedBlock block in dirty)
        {
            block.Dirty = false;
        }

        _dirtyCount = 0;
    }

    /// <summary>Completes a block that is about to be written.</summary>
    protected virtual void Seal(CachedBlock block)
    {
    }

    private CachedBlock Add(CachedBlock block)
    {
        _blocks.Add(block.Number, block);
        block.Node = _order.AddLast(block);
        return block;
    }
}
