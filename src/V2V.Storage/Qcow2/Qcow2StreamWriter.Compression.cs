using System.Collections.Concurrent;
using System.IO.Compression;
using ZstdSharp;

namespace V2V.Storage.Qcow2;

/// <content>
/// Compressed clusters ("Compressed Clusters Descriptor"): the threads compress side by side, then take their places in the
/// file one after the other, each piece right behind the one before. A cluster that does not shrink is stored as it is.
/// </content>
public sealed partial class Qcow2StreamWriter
{
    private const ulong CompressedFlag = 1UL << 62;
    private const int SectorCountShift = 62 - (ClusterBits - 8);
    private const int DeflateLevel = 6;
    private const int ZstdLevel = 3;

    private readonly ConcurrentBag<Scratch> _scratch = [];

    /// <summary>End of the packed pieces in their last cluster; 0 before the first piece.</summary>
    private long _packedEnd;

    private long WriteCompressed(long offset, ReadOnlySpan<byte> data)
    {
        if (!_scratch.TryTake(out Scratch? scratch))
        {
            scratch = new Scratch(_layout);
        }

        long stored = 0;
        scratch.Output.Reset();
        long pendingHost = -1;
        int pendingStart = 0;
        for (int position = 0; position < data.Length; position += ClusterSize)
        {
            ReadOnlySpan<byte> cluster = ClusterAt(data, position);
            if (IsZero(cluster))
            {
                continue;
            }

            stored += ClusterSize;
            long guest = (offset + position) >> ClusterBits;
            int start = scratch.Output.Count;
            if (!scratch.TryCompress(cluster))
            {
                long plain = AllocateClusters(1);
                RandomAccess.Write(_file, cluster, plain << ClusterBits);
                SetMapping(guest, Copied | (ulong)plain << ClusterBits);
                continue;
            }

            int length = scratch.Output.Count - start;
            long host = AllocatePiece(length);
            long sectors = ((host + length - 1) >> 9) - (host >> 9);
            SetMapping(guest, CompressedFlag | (ulong)sectors << SectorCountShift | (ulong)host);
            if (pendingHost < 0 || pendingHost + (start - pendingStart) != host || scratch.Output.Room < ClusterSize)
            {
                if (pendingHost >= 0)
                {
                    RandomAccess.Write(_file, scratch.Output.Written[pendingStart..start], pendingHost);
                }

                scratch.Output.KeepFrom(start);
                pendingStart = 0;
                pendingHost = host;
            }
        }

        if (pendingHost >= 0)
        {
            RandomAccess.Write(_file, scratch.Output.Written[pendingStart..], pendingHost);
        }

        _scratch.Add(scratch);
        return stored;
    }

    /// <summary>Takes bytes for a compressed piece: behind the one before if that is where the file ends or the piece fits its cluster.</summary>
    private long AllocatePiece(int length)
    {
        lock (_allocationLock)
        {
            long host = _packedEnd;
            long roomEnd = (host + ClusterSize - 1) >> ClusterBits << ClusterBits;
            long fileEnd = _clusterCount << ClusterBits;
            if (host + length > roomEnd && roomEnd != fileEnd)
            {
                host = fileEnd;
            }

            long last = (host + length - 1) >> ClusterBits;
            for (long cluster = host >> ClusterBits; cluster <= last; cluster++)
            {
                CountReference(cluster);
            }

            Volatile.Write(ref _clusterCount, Math.Max(_clusterCount, last + 1));
            _packedEnd = host + length;
            return host;
        }
    }

    /// <summary>What one thread needs to compress; lent out for one call of <see cref="Write"/>.</summary>
    private sealed class Scratch(Qcow2StreamLayout layout) : IDisposable
    {
        private readonly Compressor? _zstd = layout == Qcow2StreamLayout.Zstd ? new Compressor(ZstdLevel) : null;
        private readonly ZLibCompressionOptions _deflate = new() { CompressionLevel = DeflateLevel };
        private readonly byte[] _padded = new byte[ClusterSize];

        public PieceBuffer Output { get; } = new();

        /// <summary>Appends the compressed form of a cluster to <see cref="Output"/>; false, and nothing appended, if it does not shrink.</summary>
        public bool TryCompress(ReadOnlySpan<byte> cluster)
        {
            if (cluster.Length < ClusterSize)
            {
                // A reader expects a full cluster, also at the end of the disk.
                cluster.CopyTo(_padded);
                _padded.AsSpan(cluster.Length).Clear();
                cluster = _padded;
            }

            int start = Output.Count;
            Span<byte> room = Output.Free[..(ClusterSize - 512)];
            if (_zstd is not null)
            {
                if (_zstd.TryWrap(cluster, room, out int written))
                {
                    Output.Advance(written);
                    return true;
                }

                return false;
            }

            Output.Limit = room.Length;
            using (var deflate = new DeflateStream(Output, _deflate, leaveOpen: true))
            {
                deflate.Write(cluster);
            }

            if (!Output.Overflowed)
            {
                return true;
            }

            Output.Truncate(start);
            return false;
        }

        public void Dispose() => _zstd?.Dispose();
    }

    /// <summary>Compressed pieces, one behind the other, as the stream that the compressor writes to.</summary>
    private sealed class PieceBuffer : Stream
    {
        private readonly byte[] _bytes = new byte[16 * ClusterSize];
        private int _limit;

        public int Count { get; private set; }

        public int Room => _bytes.Length - Count;

        public bool Overflowed { get; private set; }

        public Span<byte> Free => _bytes.AsSpan(Count);

        public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Count);

        /// <summary>Bytes that may still be appended; what goes beyond is dropped and sets <see cref="Overflowed"/>.</summary>
        public int Limit
        {
            get => _limit;
            set
            {
                _limit = value;
                Overflowed = false;
            }
        }

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => Count;

        public override long Position
        {
            get => Count;
            set => throw new NotSupportedException();
        }

        public void Reset() => Truncate(0);

        public void Truncate(int count) => Count = count;

        public void Advance(int count) => Count += count;

        /// <summary>Drops everything before <paramref name="start"/> by moving the rest to the front.</summary>
        public void KeepFrom(int start)
        {
            _bytes.AsSpan(start..Count).CopyTo(_bytes);
            Count -= start;
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (Overflowed || buffer.Length > _limit)
            {
                Overflowed = true;
                return;
            }

            buffer.CopyTo(_bytes.AsSpan(Count));
            Count += buffer.Length;
            _limit -= buffer.Length;
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
