using System.Buffers;
using V2V.Storage.Images;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace V2V.Storage.Qcow2;

/// <summary>
/// Reads compressed clusters. The L2 entry has the host offset in its low 62 - (cluster bits - 8) bits and above that the number of
/// 512-byte sectors, less one, that the compressed data touches.
/// </summary>
internal sealed class Qcow2ClusterDecoder
{
    [ThreadStatic]
    private static Decompressor? s_zstandard;

    private readonly BlockDevice _file;
    private readonly string _name;
    private readonly Qcow2Compression _compression;
    private readonly int _offsetBits;
    private readonly int _clusterSize;
    private readonly DecodedBlockCache _cache;
    private readonly DecodedBlockCache.Decode _decode;

    public Qcow2ClusterDecoder(BlockDevice file, Qcow2Header header, string name)
    {
        _file = file;
        _name = name;
        _compression = header.Compression;
        _offsetBits = 62 - (header.ClusterBits - 8);
        _clusterSize = header.ClusterSize;
        _cache = new DecodedBlockCache(_clusterSize);
        _decode = Decode;
    }

    /// <summary>Host bytes that the cluster of an L2 entry touches.</summary>
    public (long Offset, int Length) Locate(ulong entry)
    {
        long offset = (long)(entry & ((1UL << _offsetBits) - 1));
        int sectors = (int)((entry & ~(Qcow2Format.Compressed | Qcow2Format.Copied)) >> _offsetBits) + 1;
        return (offset, (sectors * 512) - (int)(offset & 511));
    }

    /// <summary>Reads a part of a cluster.</summary>
    public void Read(long cluster, ulong entry, int within, Span<byte> buffer)
    {
        if (buffer.Length == _clusterSize)
        {
            Decode(cluster, (long)entry, buffer);
        }
        else
        {
            _cache.Read(cluster, (long)entry, within, buffer, _decode);
        }
    }

    private static unsafe int DecodeZstandard(byte[] stored, int length, Span<byte> cluster)
    {
        nuint frame;
        fixed (byte* start = stored)
        {
            frame = Methods.ZSTD_findFrameCompressedSize(start, (nuint)length);
        }

        if (Methods.ZSTD_isError(frame))
        {
            return -1;
        }

        try
        {
            return (s_zstandard ??= new Decompressor()).Unwrap(stored.AsSpan(0, (int)frame), cluster);
        }
        catch (ZstdException)
        {
            return -1;
        }
    }

    private void Decode(long cluster, long entry, Span<byte> destination)
    {
        (long offset, int length) = Locate((ulong)entry);
        if (offset >= _file.Length)
        {
            throw V2VException.Corrupt("Qcow2ClusterTruncated", FormattableString.Invariant($"The compressed cluster at byte {offset} lies behind the end of the file."), _name);
        }

        length = (int)Math.Min(length, _file.Length - offset);
        byte[] stored = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            _file.Read(offset, stored.AsSpan(0, length));
            int count = _compression == Qcow2Compression.Zstandard
                ? DecodeZstandard(stored, length, destination)
                : InflateDecoder.DecodeDeflate(stored, 0, length, destination);
            if (count != destination.Length)
            {
                throw V2VException.Corrupt("Qcow2ClusterDamaged", FormattableString.Invariant($"The compressed cluster at byte {offset} is damaged."), _name);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(stored);
        }
    }
}
