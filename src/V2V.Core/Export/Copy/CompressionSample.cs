using System.Buffers;
using System.IO.Compression;
using V2V.Storage;

namespace V2V.Core.Export.Copy;

/// <summary>Foresees how far the data of a disk compresses, from clusters taken at even distances.</summary>
internal static class CompressionSample
{
    private const int Clusters = 256;

    /// <summary>Compresses some of the disk.</summary>
    /// <param name="device">The disk.</param>
    /// <param name="dataBytes">Its data in bytes.</param>
    /// <param name="clusterSize">What is compressed at once, in bytes.</param>
    /// <param name="cancellation">Stops reading.</param>
    /// <returns>The part of the data that remains, 0 to 1. Clusters of zeroes take nothing; those that do not shrink are stored as they are.</returns>
    public static double Ratio(BlockDevice device, long dataBytes, int clusterSize, CancellationToken cancellation)
    {
        long step = Math.Max(clusterSize, dataBytes / Clusters);
        long passed = 0, next = 0, read = 0, stored = 0;
        byte[] cluster = ArrayPool<byte>.Shared.Rent(clusterSize);
        using var compressed = new MemoryStream(clusterSize);
        try
        {
            foreach (BlockExtent extent in device.GetExtents(0, device.Length))
            {
                if (extent.Kind != BlockExtentKind.Data)
                {
                    continue;
                }

                for (; next < passed + extent.Length; next += step)
                {
                    cancellation.ThrowIfCancellationRequested();
                    long offset = extent.Offset + next - passed;
                    Span<byte> data = cluster.AsSpan(0, (int)Math.Min(clusterSize, extent.End - offset));
                    device.Read(offset, data);
                    read += data.Length;
                    stored += Stored(data, compressed);
                }

                passed += extent.Length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(cluster);
        }

        return read == 0 ? 0 : (double)stored / read;
    }

    private static long Stored(ReadOnlySpan<byte> data, MemoryStream compressed)
    {
        if (!data.ContainsAnyExcept((byte)0))
        {
            return 0;
        }

        compressed.SetLength(0);
        using (var deflate = new DeflateStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
        {
            deflate.Write(data);
        }

        return Math.Min(compressed.Length, data.Length);
    }
}
