using System.Buffers.Binary;

namespace V2V.Storage.Qcow2;

/// <content>Refcounts, the L1 table and the header ("Header" and "Host cluster management" of the specification).</content>
public sealed partial class Qcow2StreamWriter
{
    private const int RefcountOrder = 4;
    private const int RefcountsPerBlock = ClusterSize * 8 >> RefcountOrder;
    private const int HeaderLength = 112;

    /// <summary>Refcounts of compressed images, where a host cluster holds pieces of many; all others are 1 throughout.</summary>
    private readonly List<ushort[]> _refcounts = [];

    /// <summary>Writes all tables and the header. The image is valid after it; the caller makes the file durable.</summary>
    public void Complete()
    {
        for (; _flushedTables < _l1.Length; _flushedTables++)
        {
            FlushTable(_flushedTables);
        }

        long l1Clusters = ((long)_l1.Length * 8 + ClusterSize - 1) >> ClusterBits;
        long l1Offset = AllocateClusters(l1Clusters) << ClusterBits;
        int l1Entries = _l1.Length;
        WriteBigEndian(l1Offset, _l1);

        (long blocks, long tableClusters) = RefcountSize(_clusterCount);
        long firstBlock = AllocateClusters(blocks + tableClusters);
        WriteRefcountBlocks(firstBlock, blocks);
        var table = new ulong[tableClusters * EntriesPerTable];
        for (long i = 0; i < blocks; i++)
        {
            table[i] = (ulong)(firstBlock + i) << ClusterBits;
        }

        long tableOffset = (firstBlock + blocks) << ClusterBits;
        WriteBigEndian(tableOffset, table);
        WriteHeader(l1Offset, l1Entries, tableOffset, (uint)tableClusters);
    }

    /// <summary>Clusters for refcount blocks and for their table, which count themselves too.</summary>
    private static (long Blocks, long TableClusters) RefcountSize(long clusters)
    {
        long blocks = 0;
        long tableClusters = 0;
        while (true)
        {
            long total = clusters + blocks + tableClusters;
            long neededBlocks = (total + RefcountsPerBlock - 1) / RefcountsPerBlock;
            long neededTable = (neededBlocks + EntriesPerTable - 1) / EntriesPerTable;
            if (neededBlocks == blocks && neededTable == tableClusters)
            {
                return (blocks, tableClusters);
            }

            blocks = neededBlocks;
            tableClusters = neededTable;
        }
    }

    private static ushort[] NewRefcountBlock() => new ushort[RefcountsPerBlock];

    private void WriteRefcountBlocks(long firstBlock, long blocks)
    {
        var bytes = new byte[ClusterSize];
        for (long block = 0; block < blocks; block++)
        {
            long first = block * RefcountsPerBlock;
            for (int i = 0; i < RefcountsPerBlock; i++)
            {
                ushort count = first + i >= _clusterCount ? (ushort)0 : IsCompressed ? _refcounts[(int)block][i] : (ushort)1;
                BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(i * 2), count);
            }

            RandomAccess.Write(_file, bytes, (firstBlock + block) << ClusterBits);
        }
    }

    /// <summary>Takes clusters at the end of the file, each used once.</summary>
    private long AllocateClusters(long count)
    {
        if (!IsCompressed)
        {
            return Interlocked.Add(ref _clusterCount, count) - count;
        }

        lock (_allocationLock)
        {
            long first = _clusterCount;
            Volatile.Write(ref _clusterCount, first + count);
            for (long cluster = first; cluster < first + count; cluster++)
            {
                CountReference(cluster);
            }

            return first;
        }
    }

    private void CountReference(long cluster)
    {
        int block = (int)(cluster / RefcountsPerBlock);
        while (_refcounts.Count <= block)
        {
            _refcounts.Add(NewRefcountBlock());
        }

        _refcounts[block][cluster % RefcountsPerBlock]++;
    }

    private void WriteHeader(long l1Offset, int l1Entries, long refcountTable, uint refcountTableClusters)
    {
        Span<byte> header = stackalloc byte[HeaderLength + 8];
        header.Clear();
        BinaryPrimitives.WriteUInt32BigEndian(header, 0x514649FB);
        BinaryPrimitives.WriteUInt32BigEndian(header[4..], 3);
        BinaryPrimitives.WriteUInt32BigEndian(header[20..], ClusterBits);
        BinaryPrimitives.WriteInt64BigEndian(header[24..], VirtualSize);
        BinaryPrimitives.WriteInt32BigEndian(header[36..], l1Entries);
        BinaryPrimitives.WriteInt64BigEndian(header[40..], l1Offset);
        BinaryPrimitives.WriteInt64BigEndian(header[48..], refcountTable);
        BinaryPrimitives.WriteUInt32BigEndian(header[56..], refcountTableClusters);

        // Incompatible bit 3: a compression type other than deflate. The end of the header extensions is eight zeroes.
        BinaryPrimitives.WriteUInt64BigEndian(header[72..], _layout == Qcow2StreamLayout.Zstd ? 1UL << 3 : 0);
        BinaryPrimitives.WriteUInt32BigEndian(header[96..], RefcountOrder);
        BinaryPrimitives.WriteUInt32BigEndian(header[100..], HeaderLength);
        header[104] = (byte)(_layout == Qcow2StreamLayout.Zstd ? 1 : 0);
        RandomAccess.Write(_file, header, 0);
    }
}
