using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace V2V.Storage.Qcow2;

/// <summary>
/// Which clusters of the file are in use and how often: a table of blocks of counters, 1 to 64 bits wide. Gives out clusters,
/// and makes the table larger where that is needed. Not thread-safe: the image's lock protects it.
/// </summary>
internal sealed class Qcow2Refcounts
{
    private const long MaximumFileSize = 1L << 55;

    private readonly BlockDevice _file;
    private readonly Qcow2TableCache _cache;
    private readonly string _name;
    private readonly int _clusterBits;
    private readonly int _order;
    private readonly int _perBlock;
    private readonly SortedSet<int> _changedTableClusters = [];
    private ulong[] _table;
    private long _tableOffset;
    private long _firstFree;
    private long _appendAt;

    /// <param name="file">The image file.</param>
    /// <param name="header">Its header.</param>
    /// <param name="cache">Holds the blocks.</param>
    /// <param name="name">Name of the image, for messages.</param>
    public Qcow2Refcounts(BlockDevice file, Qcow2Header header, Qcow2TableCache cache, string name)
    {
        _file = file;
        _cache = cache;
        _name = name;
        _clusterBits = header.ClusterBits;
        _order = header.RefcountOrder;
        _perBlock = (int)(header.ClusterSize * 8L >> _order);
        _tableOffset = header.RefcountTableOffset;
        _table = ReadTable(file, _tableOffset, header.RefcountTableClusters << header.ClusterBits, name);
        _appendAt = Clusters(file.Length);
    }

    private int ClusterSize => 1 << _clusterBits;

    private ulong MaximumCount => _order == 6 ? ulong.MaxValue : (1UL << (1 << _order)) - 1;

    /// <summary>Gives out neighbouring clusters, with a count of one each.</summary>
    /// <returns>Byte offset of the first.</returns>
    public long Allocate(int count)
    {
        while (true)
        {
            long first = FindFree(count);
            if (first + count > MaximumFileSize >> _clusterBits)
            {
                throw new V2VException("Qcow2TooLarge", V2VErrorKind.Limit, "The qcow2 image would become too large for its format.", _name);
            }

            if (AddMissingBlock(first, first + count - 1))
            {
                continue;
            }

            for (int i = 0; i < count; i++)
            {
                Set(first + i, 1);
            }

            if (count == 1)
            {
                _firstFree = first + 1;
            }

            _appendAt = Math.Max(_appendAt, first + count);
            return first << _clusterBits;
        }
    }

    /// <summary>Counts a cluster of a new image as used once; its block exists.</summary>
    public void Use(long cluster) => Set(cluster, 1);

    /// <summary>Takes one reference away from each cluster that a range of bytes touches.</summary>
    public void Release(long offset, long length)
    {
        long last = (offset + length - 1) >> _clusterBits;
        for (long cluster = offset >> _clusterBits; cluster <= last; cluster++)
        {
            ulong count = Get(cluster);
            if (count == 0)
            {
                throw V2VException.Corrupt(
                    "Qcow2RefcountInvalid", FormattableString.Invariant($"Cluster {cluster} of the qcow2 image is used, but counted as free."), _name);
            }

            Set(cluster, count - 1);
            if (count == 1)
            {
                _firstFree = Math.Min(_firstFree, cluster);
                _cache.Drop(cluster << _clusterBits);
            }
        }
    }

    /// <summary>Writes the changed parts of the table; the blocks are the cache's.</summary>
    public void Flush()
    {
        int perCluster = ClusterSize / sizeof(ulong);
        var bytes = new byte[ClusterSize];
        foreach (int cluster in _changedTableClusters)
        {
            for (int i = 0; i < perCluster; i++)
            {
                BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(i * sizeof(ulong)), _table[(cluster * perCluster) + i]);
            }

            _file.Write(_tableOffset + ((long)cluster << _clusterBits), bytes);
        }

        _changedTableClusters.Clear();
    }

    private static ulong[] ReadTable(BlockDevice file, long offset, int bytes, string name)
    {
        if (bytes == 0 || offset <= 0 || offset > file.Length - bytes)
        {
            throw V2VException.Corrupt("Qcow2HeaderInvalid", "The header of the qcow2 image is not valid: the refcount table leads outside the file.", name);
        }

        var table = new ulong[bytes / sizeof(ulong)];
        file.Read(offset, MemoryMarshal.AsBytes(table.AsSpan()));
        if (BitConverter.IsLittleEndian)
        {
            BinaryPrimitives.ReverseEndianness(table, table);
        }

        return table;
    }

    private long Clusters(long bytes) => (bytes + ClusterSize - 1) >> _clusterBits;

    /// <summary>First of so many neighbouring free clusters. Single ones fill gaps; runs only look behind what was given out last.</summary>
    private long FindFree(int count)
    {
        long candidate = count == 1 ? _firstFree : _appendAt;
        long run = 0;
        while (run < count)
        {
            if (Get(candidate + run) == 0)
            {
                run++;
            }
            else
            {
                candidate += run + 1;
                run = 0;
            }
        }

        return candidate;
    }

    /// <summary>Makes one block that is missing for a range of clusters; false if there is none.</summary>
    private bool AddMissingBlock(long first, long last)
    {
        for (long block = first / _perBlock; block <= last / _perBlock; block++)
        {
            if (block >= _table.Length)
            {
                GrowTable(last);
                return true;
            }

            if (_table[block] != 0)
            {
                continue;
            }

            // The first missing block covers the first cluster of the range, or that one's block exists: it can be counted either way.
            long offset = first << _clusterBits;
            _cache.Add(offset);
            SetTableEntry((int)block, offset);
            Set(first, 1);
            _appendAt = Math.Max(_appendAt, first + 1);
            return true;
        }

        return false;
    }

    /// <summary>Puts a larger table, and the blocks that count it, behind everything else; frees the old one.</summary>
    private void GrowTable(long lastCluster)
    {
        int perTableCluster = ClusterSize / sizeof(ulong);
        long start = Math.Max(lastCluster + 1, _appendAt);
        long firstBlock = start / _perBlock;
        long blocks = 1;
        long tableClusters = (_table.Length * 3L / 2 / perTableCluster) + 1;
        while (true)
        {
            long end = start + tableClusters + blocks;
            long neededBlocks = ((end - 1) / _perBlock) - firstBlock + 1;
            long neededTable = ((end - 1) / _perBlock / perTableCluster) + 1;
            if (neededBlocks <= blocks && neededTable <= tableClusters)
            {
                break;
            }

            blocks = Math.Max(blocks, neededBlocks);
            tableClusters = Math.Max(tableClusters, neededTable);
        }

        if (tableClusters << _clusterBits > Qcow2Format.MaximumRefcountTableBytes)
        {
            throw new V2VException(
                "Qcow2TooLarge", V2VErrorKind.Limit, "The qcow2 image would become too large for its cluster size.", _name, "Use larger clusters.");
        }

        var table = new ulong[tableClusters * perTableCluster];
        _table.CopyTo(table, 0);
        long oldOffset = _tableOffset;
        long oldBytes = (long)_table.Length * sizeof(ulong);
        _table = table;
        _tableOffset = start << _clusterBits;
        _changedTableClusters.Clear();
        _changedTableClusters.UnionWith(Enumerable.Range(0, (int)tableClusters));

        long next = start + tableClusters;
        for (long block = firstBlock; block < firstBlock + blocks; block++)
        {
            if (_table[block] == 0)
            {
                _cache.Add(next << _clusterBits);
                SetTableEntry((int)block, next << _clusterBits);
                next++;
            }
        }

        for (long cluster = start; cluster < next; cluster++)
        {
            Set(cluster, 1);
        }

        _appendAt = next;
        Flush();
        Span<byte> field = stackalloc byte[12];
        BinaryPrimitives.WriteInt64BigEndian(field, _tableOffset);
        BinaryPrimitives.WriteInt32BigEndian(field[8..], (int)tableClusters);
        _file.Write(Qcow2Header.RefcountTableField, field);
        Release(oldOffset, oldBytes);
    }

    private void SetTableEntry(int block, long offset)
    {
        _table[block] = (ulong)offset;
        _changedTableClusters.Add(block / (ClusterSize / sizeof(ulong)));
    }

    private ulong Get(long cluster)
    {
        long block = cluster / _perBlock;
        if (block >= _table.Length || _table[block] == 0)
        {
            return 0;
        }

        byte[] counts = _cache.Get((long)_table[block]);
        int index = (int)(cluster % _perBlock);
        return _order switch
        {
            < 3 => (ulong)(counts[(index << _order) >> 3] >> ((index << _order) & 7)) & MaximumCount,
            3 => counts[index],
            4 => BinaryPrimitives.ReadUInt16BigEndian(counts.AsSpan(index * 2)),
            5 => BinaryPrimitives.ReadUInt32BigEndian(counts.AsSpan(index * 4)),
            _ => BinaryPrimitives.ReadUInt64BigEndian(counts.AsSpan(index * 8)),
        };
    }

    private void Set(long cluster, ulong count)
    {
        long offset = (long)_table[cluster / _perBlock];
        byte[] counts = _cache.Get(offset);
        int index = (int)(cluster % _perBlock);
        switch (_order)
        {
            case < 3:
                int bit = index << _order;
                int mask = (int)MaximumCount << (bit & 7);
                counts[bit >> 3] = (byte)((counts[bit >> 3] & ~mask) | ((int)count << (bit & 7)));
                break;
            case 3:
                counts[index] = (byte)count;
                break;
            case 4:
                BinaryPrimitives.WriteUInt16BigEndian(counts.AsSpan(index * 2), (ushort)count);
                break;
            case 5:
                BinaryPrimitives.WriteUInt32BigEndian(counts.AsSpan(index * 4), (uint)count);
                break;
            default:
                BinaryPrimitives.WriteUInt64BigEndian(counts.AsSpan(index * 8), count);
                break;
        }

        _cache.MarkDirty(offset);
    }
}
