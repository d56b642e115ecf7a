using System.Buffers.Binary;
using V2V.Storage;

namespace V2V.FileSystems.Fat;

/// <summary>
/// The allocation table (Microsoft FAT specification 1.03, section 4) through a bounded cache of pages. Changes reach every
/// copy of the table, or the active one alone where mirroring is off, when they are flushed or pushed out.
/// </summary>
internal sealed class FatTable
{
    // No table of 12-bit entries is larger than a page, so that none of them lies across two.
    private const int PageSize = 32 << 10;
    private const int MaximumPages = 128;
    private const uint EndOfChain = 0x0FFFFFFF;

    private readonly BlockDevice _device;
    private readonly FatGeometry _geometry;
    private readonly Dictionary<long, Page> _pages = [];
    private readonly Queue<long> _order = new();
    private long _lastIndex = -1;
    private Page? _last;
    private long _free = -1;
    private uint _hint = 2;

    public FatTable(BlockDevice device, FatGeometry geometry)
    {
        _device = device;
        _geometry = geometry;
    }

    /// <summary>Number of free clusters; counted once, then kept.</summary>
    public long FreeClusters
    {
        get
        {
            if (_free < 0)
            {
                long free = 0;
                for (uint cluster = 2; cluster < _geometry.EndCluster; cluster++)
                {
                    free += this[cluster] == 0 ? 1 : 0;
                }

                _free = free;
            }

            return _free;
        }
    }

    /// <summary>Where the next search for a free cluster starts.</summary>
    public uint NextFree => _hint;

    /// <summary>True if an entry was changed since the table was opened.</summary>
    public bool IsChanged { get; private set; }

    /// <summary>The entry of a cluster, without the reserved bits of FAT32.</summary>
    private uint this[uint cluster]
    {
        get
        {
            switch (_geometry.Bits)
            {
                case 32:
                    return BinaryPrimitives.ReadUInt32LittleEndian(At(cluster * 4L, out _)) & 0x0FFFFFFF;
                case 16:
                    return BinaryPrimitives.ReadUInt16LittleEndian(At(cluster * 2L, out _));
                default:
                    uint pair = BinaryPrimitives.ReadUInt16LittleEndian(At(cluster + (cluster / 2), out _));
                    return (cluster & 1) != 0 ? pair >> 4 : pair & 0xFFF;
            }
        }

        set
        {
            if (_free >= 0)
            {
                _free += (value == 0 ? 1 : 0) - (this[cluster] == 0 ? 1 : 0);
            }

            IsChanged = true;
            Page page;
            Span<byte> raw;
            switch (_geometry.Bits)
            {
                case 32:
                    raw = At(cluster * 4L, out page);
                    BinaryPrimitives.WriteUInt32LittleEndian(raw, (BinaryPrimitives.ReadUInt32LittleEndian(raw) & 0xF0000000) | value);
                    break;
                case 16:
                    raw = At(cluster * 2L, out page);
                    BinaryPrimitives.WriteUInt16LittleEndian(raw, (ushort)value);
                    break;
                default:
                    raw = At(cluster + (cluster / 2), out page);
                    uint pair = BinaryPrimitives.ReadUInt16LittleEndian(raw);
                    pair = (cluster & 1) != 0 ? (pair & 0xF) | ((value & 0xFFF) << 4) : (pair & 0xF000) | (value & 0xFFF);
                    BinaryPrimitives.WriteUInt16LittleEndian(raw, (ushort)pair);
                    break;
            }

            page.IsDirty = true;
        }
    }

    /// <summary>The cluster after one, or 0 at the end of the chain.</summary>
    /// <exception cref="V2VException"><c>FatChainCorrupt</c> if the chain leads into a free, reserved or bad cluster.</exception>
    public uint Next(uint cluster)
    {
        CheckCluster(cluster);
        uint next = this[cluster];
        if (next >= (EndOfChain & Mask) - 7)
        {
            return 0;
        }

        CheckCluster(next);
        return next;
    }

    /// <summary>Reads a chain as runs of consecutive clusters.</summary>
    /// <param name="first">First cluster.</param>
    /// <param name="limit">Most clusters to read; the rest of the chain is not looked at.</param>
    /// <exception cref="V2VException"><c>FatChainCorrupt</c>, also for a chain that is a loop.</exception>
    public List<FatRun> ReadChain(uint first, long limit)
    {
        var runs = new List<FatRun>();
        uint start = first;
        uint count = 0;
        long index = 0;
        for (uint cluster = first; cluster != 0 && index + count < limit;)
        {
            CheckCluster(cluster);
            count++;
            if (index + count > _geometry.ClusterCount)
            {
                throw FatErrors.Chain(FormattableString.Invariant($"the chain of cluster {first} is a loop"));
            }

            uint next = Next(cluster);
            if (next != cluster + 1)
            {
                runs.Add(new FatRun(index, start, count));
                index += count;
                start = next;
                count = 0;
            }

            cluster = next;
        }

        if (count > 0)
        {
            runs.Add(new FatRun(index, start, count));
        }

        return runs;
    }

    /// <summary>Reads the whole chain of a file.</summary>
    /// <exception cref="V2VException"><c>FatChainCorrupt</c>, also for a chain longer than any file.</exception>
    public List<FatRun> ReadFileChain(uint first)
    {
        long longest = (uint.MaxValue / (uint)_geometry.ClusterSize) + 1L;
        List<FatRun> runs = ReadChain(first, longest + 1);
        return runs[^1].Index + runs[^1].Count <= longest
            ? runs
            : throw FatErrors.Chain(FormattableString.Invariant($"the chain of cluster {first} is longer than a file can be"));
    }

    /// <summary>Allocates clusters and chains them after <paramref name="previous"/> (0 starts a chain). All or nothing.</summary>
    /// <returns>The new clusters as runs, their indexes counted from <paramref name="index"/>.</returns>
    /// <exception cref="V2VException"><c>FatNoSpace</c>.</exception>
    public List<FatRun> Allocate(long count, uint previous, long index)
    {
        if (count > FreeClusters)
        {
            throw FatErrors.NoSpace(count, FreeClusters);
        }

        var runs = new List<FatRun>();
        uint cluster = previous != 0 && previous + 1 < _geometry.EndCluster ? previous + 1 : Math.Clamp(_hint, 2, _geometry.EndCluster - 1);
        for (long left = count; left > 0;)
        {
            if (this[cluster] == 0)
            {
                this[cluster] = EndOfChain & Mask;
                if (previous != 0)
                {
                    this[previous] = cluster;
                }

                if (runs.Count > 0 && runs[^1].Start + runs[^1].Count == cluster)
                {
                    runs[^1] = runs[^1] with { Count = runs[^1].Count + 1 };
                }
                else
                {
                    runs.Add(new FatRun(index, cluster, 1));
                }

                previous = cluster;
                index++;
                left--;
            }

            cluster = cluster + 1 < _geometry.EndCluster ? cluster + 1 : 2;
        }

        _hint = cluster;
        return runs;
    }

    /// <summary>Frees a chain.</summary>
    public void FreeChain(uint first)
    {
        foreach (FatRun run in ReadFileChain(first))
        {
            for (uint i = 0; i < run.Count; i++)
            {
                this[run.Start + i] = 0;
            }

            _hint = Math.Min(_hint, run.Start);
        }
    }

    /// <summary>Makes a cluster the last one of its chain and frees what follows.</summary>
    public void EndChainAt(uint cluster)
    {
        uint next = Next(cluster);
        if (next != 0)
        {
            FreeChain(next);
            this[cluster] = EndOfChain & Mask;
        }
    }

    /// <summary>Runs of free clusters, ascending.</summary>
    public IEnumerable<FatRun> FreeRuns()
    {
        uint start = 0;
        for (uint cluster = 2; cluster <= _geometry.EndCluster; cluster++)
        {
            bool free = cluster < _geometry.EndCluster && this[cluster] == 0;
            if (free && start == 0)
            {
                start = cluster;
            }
            else if (!free && start != 0)
            {
                yield return new FatRun(0, start, cluster - start);
                start = 0;
            }
        }
    }

    /// <summary>Writes changed pages to all copies of the table.</summary>
    public void Flush()
    {
        foreach ((long index, Page page) in _pages)
        {
            WritePage(index, page);
        }
    }

    private uint Mask => _geometry.Bits == 32 ? 0x0FFFFFFF : _geometry.Bits == 16 ? 0xFFFFu : 0xFFF;

    private void CheckCluster(uint cluster)
    {
        if (cluster < 2 || cluster >= _geometry.EndCluster)
        {
            throw FatErrors.Chain(FormattableString.Invariant($"a chain leads to cluster {cluster} of {_geometry.ClusterCount}"));
        }
    }

    private Span<byte> At(long offset, out Page page)
    {
        long index = offset / PageSize;
        if (index != _lastIndex)
        {
            _last = GetPage(index);
            _lastIndex = index;
        }

        page = _last!;
        return page.Data.AsSpan((int)(offset % PageSize));
    }

    private Page GetPage(long index)
    {
        if (_pages.TryGetValue(index, out Page? page))
        {
            return page;
        }

        if (_pages.Count >= MaximumPages)
        {
            long oldest = _order.Dequeue();
            WritePage(oldest, _pages[oldest]);
            _pages.Remove(oldest);
        }

        // Two bytes more than a page: an entry of 12 bits at the very end is read as 16.
        page = new Page(new byte[PageSize + 2]);
        int length = (int)Math.Min(PageSize, _geometry.FatLength - (index * PageSize));
        _device.Read(_geometry.FatStart + (Math.Max(0, _geometry.ActiveFat) * _geometry.FatLength) + (index * PageSize), page.Data.AsSpan(0, length));
        _pages.Add(index, page);
        _order.Enqueue(index);
        return page;
    }

    private void WritePage(long index, Page page)
    {
        if (!page.IsDirty)
        {
            return;
        }

        int length = (int)Math.Min(PageSize, _geometry.FatLength - (index * PageSize));
        for (int copy = 0; copy < _geometry.FatCount; copy++)
        {
            if (_geometry.ActiveFat < 0 || _geometry.ActiveFat == copy)
            {
                _device.Write(_geometry.FatStart + (copy * _geometry.FatLength) + (index * PageSize), page.Data.AsSpan(0, length));
            }
        }

        page.IsDirty = false;
    }

    private sealed class Page(byte[] data)
    {
        public byte[] Data { get; } = data;

        public bool IsDirty { get; set; }
    }
}

/// <summary>Consecutive clusters of a chain.</summary>
/// <param name="Index">Position of the first in the chain.</param>
/// <param name="Start">Number of the first cluster.</param>
/// <param name="Count">Number of clusters.</param>
internal readonly record struct FatRun(long Index, uint Start, uint Count);
