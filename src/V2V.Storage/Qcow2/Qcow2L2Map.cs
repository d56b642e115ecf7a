using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using V2V.Storage.Images;

namespace V2V.Storage.Qcow2;

/// <summary>
/// The two levels of tables from guest offsets to host offsets, with normal entries (8 bytes, one cluster) and extended ones
/// (16 bytes, a bitmap of 32 subclusters). Not thread-safe: the image's lock protects it.
/// </summary>
internal sealed class Qcow2L2Map
{
    /// <summary>No compressor makes less than this of a cluster.</summary>
    private const int MinimumStored = 8;

    private readonly Qcow2Header _header;
    private readonly Qcow2TableCache _cache;
    private readonly BlockDevice _file;
    private readonly string _name;
    private readonly long _dataLength;
    private readonly ulong[] _l1;
    private readonly StoredClaims? _claims;
    private int _firstChanged = int.MaxValue;
    private int _lastChanged = -1;

    /// <param name="file">The image file.</param>
    /// <param name="dataFile">The external data file, or null.</param>
    /// <param name="header">The header.</param>
    /// <param name="cache">Holds the L2 tables.</param>
    /// <param name="name">Name of the image, for messages.</param>
    /// <param name="checksClaims">True to refuse tables that refer to more data than is stored. An image that is written grows under its tables.</param>
    public Qcow2L2Map(BlockDevice file, BlockDevice? dataFile, Qcow2Header header, Qcow2TableCache cache, string name, bool checksClaims)
    {
        _file = file;
        _header = header;
        _cache = cache;
        _name = name;
        _dataLength = dataFile?.Length ?? -1;
        _l1 = new ulong[header.L1Entries];
        file.Read(header.L1Offset, MemoryMarshal.AsBytes(_l1.AsSpan()));
        if (BitConverter.IsLittleEndian)
        {
            BinaryPrimitives.ReverseEndianness(_l1, _l1);
        }

        if (checksClaims)
        {
            long tables = _l1.LongCount(e => (e & Qcow2Format.OffsetMask) != 0);
            _claims = tables <= file.Length / header.ClusterSize ? new StoredClaims(dataFile?.Length ?? file.Length, _l1.Length, MinimumStored, slack: header.ClusterSize) : throw Shared();
        }
    }

    private int ClusterSize => _header.ClusterSize;

    private V2VException Shared() => V2VException.Corrupt(
        "Qcow2ClustersShared", "The tables of the qcow2 image refer to more data than its file holds: clusters share what is stored, as no program writes them.", _name);

    /// <summary>What a table refers to in units of <see cref="MinimumStored"/>: whole clusters, and compressed ones, which may be that small.</summary>
    private long CountStored(byte[] table)
    {
        long units = 0;
        for (int at = 0; at < table.Length; at += _header.L2EntrySize)
        {
            ulong entry = BinaryPrimitives.ReadUInt64BigEndian(table.AsSpan(at));
            units += (entry & Qcow2Format.Compressed) != 0 ? 1
                : (entry & Qcow2Format.OffsetMask) != 0 ? ClusterSize / MinimumStored
                : 0;
        }

        return units;
    }

    /// <summary>How the range from an offset on is stored, as far as it is stored in one piece.</summary>
    public Qcow2Mapping Map(long offset, long length)
    {
        Qcow2Mapping first = MapUnit(offset);
        long total = first.Length;
        while (total < length && first.Kind != Qcow2MappingKind.Compressed)
        {
            Qcow2Mapping next = MapUnit(offset + total);
            if (next.Kind != first.Kind || (first.Kind == Qcow2MappingKind.Data && next.Host != first.Host + total))
            {
                break;
            }

            total += next.Length;
        }

        return first with { Length = Math.Min(total, length) };
    }

    /// <summary>Host offset of a range that can be written in place, and how much of it; a length of 0 if the first cluster cannot.</summary>
    public (long Host, long Length) MapInPlace(long offset, long length)
    {
        long host = 0;
        long total = 0;
        while (total < length)
        {
            (ulong entry, ulong bitmap) = Entry(offset + total);
            bool isWhole = (entry & (Qcow2Format.Copied | Qcow2Format.Compressed)) == Qcow2Format.Copied
                && (_header.HasExtendedL2 ? bitmap == uint.MaxValue : (entry & Qcow2Format.ZeroCluster) == 0);
            if (!isWhole)
            {
                break;
            }

            long within = (offset + total) % ClusterSize;
            long at = DataOffset(entry) + within;
            if (total > 0 && at != host + total)
            {
                break;
            }

            host = total == 0 ? at : host;
            total += ClusterSize - within;
        }

        return (host, Math.Min(total, length));
    }

    /// <summary>The L2 entry of a guest offset and its bitmap of subclusters; zeroes where there is no table.</summary>
    public (ulong Entry, ulong Bitmap) Entry(long offset)
    {
        long table = TableOffset(offset);
        if (table == 0)
        {
            return (0, 0);
        }

        byte[] content = _cache.Get(table);
        int index = (int)(offset / _header.L2Coverage);
        if (_claims is not null && !_claims.IsCounted(index) && !_claims.TryCount(index, CountStored(content)))
        {
            throw Shared();
        }

        ReadOnlySpan<byte> entry = content.AsSpan(EntryIndex(offset) * _header.L2EntrySize);
        ulong first = BinaryPrimitives.ReadUInt64BigEndian(entry);
        return (first, _header.HasExtendedL2 ? BinaryPrimitives.ReadUInt64BigEndian(entry[8..]) : 0);
    }

    /// <summary>Changes the L2 entry of a guest offset, making or copying the table where that is needed.</summary>
    public void SetEntry(long offset, ulong entry, ulong bitmap, Qcow2Refcounts refcounts)
    {
        long table = OwnTable(offset, refcounts);
        Span<byte> bytes = _cache.Get(table).AsSpan(EntryIndex(offset) * _header.L2EntrySize);
        BinaryPrimitives.WriteUInt64BigEndian(bytes, entry);
        if (_header.HasExtendedL2)
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], bitmap);
        }

        _cache.MarkDirty(table);
    }

    /// <summary>Writes the changed part of the L1 table; the L2 tables are the cache's.</summary>
    public void Flush()
    {
        if (_lastChanged < _firstChanged)
        {
            return;
        }

        var bytes = new byte[(_lastChanged - _firstChanged + 1) * sizeof(ulong)];
        for (int i = _firstChanged; i <= _lastChanged; i++)
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan((i - _firstChanged) * sizeof(ulong)), _l1[i]);
        }

        _file.Write(_header.L1Offset + ((long)_firstChanged * sizeof(ulong)), bytes);
        (_firstChanged, _lastChanged) = (int.MaxValue, -1);
    }

    private Qcow2Mapping MapUnit(long offset)
    {
        if (TableOffset(offset) == 0)
        {
            return new Qcow2Mapping(Qcow2MappingKind.Absent, _header.L2Coverage - (offset % _header.L2Coverage), 0);
        }

        (ulong entry, ulong bitmap) = Entry(offset);
        long within = offset % ClusterSize;
        long rest = ClusterSize - within;
        if ((entry & Qcow2Format.Compressed) != 0)
        {
            return new Qcow2Mapping(Qcow2MappingKind.Compressed, rest, (long)entry);
        }

        if (_header.HasExtendedL2)
        {
            return MapSubclusters(entry, bitmap, within);
        }

        if (_header.Version >= 3 && (entry & Qcow2Format.ZeroCluster) != 0)
        {
            return new Qcow2Mapping(Qcow2MappingKind.Zero, rest, 0);
        }

        // In an external data file offset 0 is a cluster like any other; the copied flag tells it.
        return (entry & Qcow2Format.OffsetMask) == 0 && !(_header.HasDataFile && (entry & Qcow2Format.Copied) != 0)
            ? new Qcow2Mapping(Qcow2MappingKind.Absent, rest, 0)
            : new Qcow2Mapping(Qcow2MappingKind.Data, rest, DataOffset(entry) + within);
    }

    private Qcow2Mapping MapSubclusters(ulong entry, ulong bitmap, long within)
    {
        int size = ClusterSize / Qcow2Format.Subclusters;
        int index = (int)(within / size);
        uint stored = (uint)bitmap >> index;
        uint zero = (uint)(bitmap >> 32) >> index;
        if ((stored & zero) != 0)
        {
            throw V2VException.Corrupt("Qcow2EntryInvalid", "An L2 entry of the qcow2 image says of a subcluster that it is both stored and zero.", _name);
        }

        (Qcow2MappingKind kind, int run) = (stored & 1, zero & 1) switch
        {
            (1, _) => (Qcow2MappingKind.Data, BitOperations.TrailingZeroCount(~stored)),
            (_, 1) => (Qcow2MappingKind.Zero, BitOperations.TrailingZeroCount(~zero)),
            _ => (Qcow2MappingKind.Absent, BitOperations.TrailingZeroCount(stored | zero)),
        };
        long end = Math.Min((long)(index + run) * size, ClusterSize);
        return new Qcow2Mapping(kind, end - within, kind == Qcow2MappingKind.Data ? DataOffset(entry) + within : 0);
    }

    private long DataOffset(ulong entry)
    {
        long offset = (long)(entry & Qcow2Format.OffsetMask);
        long fileLength = _dataLength >= 0 ? _dataLength : _file.Length;
        return offset % ClusterSize != 0 || (offset == 0 && _dataLength < 0)
            ? throw V2VException.Corrupt("Qcow2EntryInvalid", FormattableString.Invariant($"An L2 entry of the qcow2 image leads to byte {offset}, where no cluster begins."), _name)
            : offset < fileLength
                ? offset
                : throw V2VException.Corrupt("Qcow2ClusterTruncated", FormattableString.Invariant($"The cluster at byte {offset} lies behind the end of the qcow2 image."), _name);
    }

    private int EntryIndex(long offset) => (int)((offset >> _header.ClusterBits) % _header.L2Entries);

    private long TableOffset(long offset)
    {
        long table = (long)(_l1[offset / _header.L2Coverage] & Qcow2Format.OffsetMask);
        return table % ClusterSize == 0
            ? table
            : throw V2VException.Corrupt("Qcow2EntryInvalid", "An L1 entry of the qcow2 image is not aligned to a cluster.", _name);
    }

    /// <summary>The L2 table of a guest offset, to be written: made if it is missing, copied if it is shared.</summary>
    private long OwnTable(long offset, Qcow2Refcounts refcounts)
    {
        int index = (int)(offset / _header.L2Coverage);
        long old = TableOffset(offset);
        if (old != 0 && (_l1[index] & Qcow2Format.Copied) != 0)
        {
            return old;
        }

        long table = refcounts.Allocate(1);
        if (old == 0)
        {
            _cache.Add(table);
        }
        else
        {
            byte[] content = [.. _cache.Get(old)];
            content.CopyTo(_cache.Add(table), 0);
            refcounts.Release(old, ClusterSize);
        }

        _l1[index] = (ulong)table | Qcow2Format.Copied;
        _firstChanged = Math.Min(_firstChanged, index);
        _lastChanged = Math.Max(_lastChanged, index);
        return table;
    }
}
