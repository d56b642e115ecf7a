using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace V2V.Storage.Qcow2;

/// <summary>
/// Writes a new qcow2 version 3 image (docs/interop/qcow2.txt of QEMU) in one go, from many threads at once: data clusters go
/// to the end of the file as they come, tables and refcounts follow, the header is written last, so that an image that was
/// interrupted is never taken for a whole one. Each cluster may be written once. Clusters of zeroes are left out.
/// </summary>
public sealed partial class Qcow2StreamWriter : IDisposable
{
    /// <summary>Size of a cluster in bytes, QEMU's own default.</summary>
    public const int ClusterSize = 1 << ClusterBits;

    private const int ClusterBits = 16;
    private const int EntriesPerTable = ClusterSize / 8;
    private const ulong Copied = 1UL << 63;

    /// <summary>The largest disk whose L1 table QEMU still loads (32 MiB of entries).</summary>
    private const long MaxVirtualSize = (32L << 20) / 8 * EntriesPerTable * ClusterSize;

    private readonly SafeFileHandle _file;
    private readonly Qcow2StreamLayout _layout;
    private readonly ulong[] _l1;
    private readonly ulong[]?[] _l2;
    private readonly Lock _allocationLock = new();
    private long _clusterCount = 1;
    private int _flushedTables;

    /// <param name="file">An empty file, open for writing; the caller closes it.</param>
    /// <param name="virtualSize">Size that the guest sees, in bytes; rounded up to whole sectors of 512 bytes.</param>
    /// <param name="layout">How clusters are stored.</param>
    /// <exception cref="V2VException"><c>Qcow2ImageTooLarge</c> if no qcow2 with clusters of 64 KiB can hold the disk.</exception>
    public Qcow2StreamWriter(SafeFileHandle file, long virtualSize, Qcow2StreamLayout layout)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(virtualSize);
        if (virtualSize > MaxVirtualSize)
        {
            throw V2VException.Unsupported(
                "Qcow2ImageTooLarge",
                FormattableString.Invariant($"A disk of {virtualSize} bytes does not fit into a qcow2 image with clusters of 64 KiB."),
                advice: "Export the disk as raw.");
        }

        _file = file;
        _layout = layout;
        VirtualSize = (virtualSize + 511) & ~511L;
        GuestClusters = (VirtualSize + ClusterSize - 1) >> ClusterBits;
        long tables = Math.Max(1, (GuestClusters + EntriesPerTable - 1) / EntriesPerTable);
        _l1 = new ulong[tables];
        _l2 = new ulong[tables][];
        if (layout == Qcow2StreamLayout.Preallocated)
        {
            _clusterCount += GuestClusters;
        }
        else if (IsCompressed)
        {
            _refcounts.Add(NewRefcountBlock());
            _refcounts[0][0] = 1;
        }
    }

    /// <summary>Size that the guest sees, in bytes.</summary>
    public long VirtualSize { get; }

    /// <summary>Bytes that the file takes so far, or in the end after <see cref="Complete"/>.</summary>
    public long FileLength => Interlocked.Read(ref _clusterCount) << ClusterBits;

    private long GuestClusters { get; }

    private bool IsCompressed => _layout is Qcow2StreamLayout.Zlib or Qcow2StreamLayout.Zstd;

    /// <summary>Bytes that an image of this layout takes at most for some amount of data, its tables included.</summary>
    /// <param name="virtualSize">Size that the guest sees.</param>
    /// <param name="dataClusters">Clusters that hold data.</param>
    public static long MaxFileLength(long virtualSize, long dataClusters)
    {
        long tables = (virtualSize / ClusterSize / EntriesPerTable) + 1;
        long clusters = 2 + dataClusters + Math.Min(tables, dataClusters) + (tables / EntriesPerTable) + 1;
        long blocks = (clusters / RefcountsPerBlock) + 2;
        return (clusters + blocks + (blocks / EntriesPerTable) + 1) << ClusterBits;
    }

    /// <summary>Stores whole clusters. Thread-safe for different clusters.</summary>
    /// <param name="offset">Offset on the disk, a multiple of <see cref="ClusterSize"/>.</param>
    /// <param name="data">A multiple of <see cref="ClusterSize"/> bytes, or fewer at the end of the disk.</param>
    /// <returns>Bytes that were not zero and are now stored, counted in whole clusters and before compression.</returns>
    public long Write(long offset, ReadOnlySpan<byte> data)
    {
        if ((offset & (ClusterSize - 1)) != 0 || offset < 0 || data.Length > VirtualSize - offset
            || ((data.Length & (ClusterSize - 1)) != 0 && VirtualSize - offset - data.Length >= 512))
        {
            throw new ArgumentException("Clusters must be written whole and inside the disk.", nameof(offset));
        }

        if (IsCompressed)
        {
            return WriteCompressed(offset, data);
        }

        long stored = 0;
        int position = 0;
        while (NextDataRun(data, ref position, out int start))
        {
            ReadOnlySpan<byte> run = data[start..position];
            int clusters = (run.Length + ClusterSize - 1) >> ClusterBits;
            long guest = (offset + start) >> ClusterBits;
            long host = _layout == Qcow2StreamLayout.Preallocated ? guest + 1 : Interlocked.Add(ref _clusterCount, clusters) - clusters;
            RandomAccess.Write(_file, run, host << ClusterBits);
            if (_layout != Qcow2StreamLayout.Preallocated)
            {
                for (int i = 0; i < clusters; i++)
                {
                    SetMapping(guest + i, Copied | (ulong)(host + i) << ClusterBits);
                }
            }

            stored += (long)clusters << ClusterBits;
        }

        return stored;
    }

    /// <summary>
    /// Writes the mapping tables of everything below an offset and drops them from memory. Nothing below it may be written
    /// afterwards. Not to be called from two threads at once.
    /// </summary>
    public void CompleteBefore(long offset)
    {
        long whole = Math.Min(offset >> ClusterBits, GuestClusters) / EntriesPerTable;
        for (; _flushedTables < whole; _flushedTables++)
        {
            FlushTable(_flushedTables);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_scratch.TryTake(out Scratch? scratch))
        {
            scratch.Dispose();
        }
    }

    /// <summary>The next run of clusters that are not all zero, from <paramref name="position"/>, which ends up behind it.</summary>
    private static bool NextDataRun(ReadOnlySpan<byte> data, ref int position, out int start)
    {
        while (position < data.Length && IsZero(ClusterAt(data, position)))
        {
            position = Math.Min(position + ClusterSize, data.Length);
        }

        start = position;
        while (position < data.Length && !IsZero(ClusterAt(data, position)))
        {
            position = Math.Min(position + ClusterSize, data.Length);
        }

        return position > start;
    }

    private static ReadOnlySpan<byte> ClusterAt(ReadOnlySpan<byte> data, int position) =>
        data.Slice(position, Math.Min(ClusterSize, data.Length - position));

    private static bool IsZero(ReadOnlySpan<byte> cluster) => !cluster.ContainsAnyExcept((byte)0);

    private void SetMapping(long guestCluster, ulong entry)
    {
        ref ulong[]? slot = ref _l2[guestCluster / EntriesPerTable];
        ulong[]? table = Volatile.Read(ref slot);
        if (table is null)
        {
            var fresh = new ulong[EntriesPerTable];
            table = Interlocked.CompareExchange(ref slot, fresh, null) ?? fresh;
        }

        table[guestCluster % EntriesPerTable] = entry;
    }

    private void FlushTable(int index)
    {
        ulong[]? table = _layout == Qcow2StreamLayout.Preallocated ? PreallocatedTable(index) : _l2[index];
        if (table is null)
        {
            return;
        }

        long host = AllocateClusters(1);
        WriteBigEndian(host << ClusterBits, table);
        _l1[index] = Copied | (ulong)host << ClusterBits;
        _l2[index] = null;
    }

    private ulong[]? PreallocatedTable(int index)
    {
        long first = (long)index * EntriesPerTable;
        int count = (int)Math.Min(EntriesPerTable, GuestClusters - first);
        if (count <= 0)
        {
            return null;
        }

        var table = new ulong[EntriesPerTable];
        for (int i = 0; i < count; i++)
        {
            table[i] = Copied | (ulong)(first + i + 1) << ClusterBits;
        }

        return table;
    }

    /// <summary>Writes 64-bit values in the byte order of the format; the array is used up.</summary>
    private void WriteBigEndian(long offset, ulong[] values)
    {
        if (BitConverter.IsLittleEndian)
        {
            BinaryPrimitives.ReverseEndianness(values, values);
        }

        RandomAccess.Write(_file, MemoryMarshal.AsBytes(values.AsSpan()), offset);
    }
}
