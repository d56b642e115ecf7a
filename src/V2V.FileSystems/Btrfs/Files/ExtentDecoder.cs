using System.IO.Compression;
using System.Runtime.CompilerServices;
using V2V.Storage;

namespace V2V.FileSystems.Btrfs.Files;

/// <summary>Decompression of extents: zlib, LZO in segments of a sector, zstd. What is missing at the end is zero.</summary>
internal static class ExtentDecoder
{
    private const byte Zlib = 1;
    private const byte Lzo = 2;

    /// <summary>Decodes a whole extent, or as much of it as <paramref name="target"/> takes.</summary>
    /// <param name="compression">1 zlib, 2 LZO, 3 zstd.</param>
    /// <param name="stored">Stored bytes.</param>
    /// <param name="target">Takes the content.</param>
    /// <param name="sectorSize">Sector size, which LZO segments depend on.</param>
    /// <param name="inode">For the error.</param>
    /// <exception cref="V2VException"><c>BtrfsCompressedDataCorrupt</c>.</exception>
    public static void Decode(byte compression, byte[] stored, Span<byte> target, int sectorSize, ulong inode)
    {
        try
        {
            int length = compression switch
            {
                Zlib => Inflate(stored, target),
                Lzo => DecodeLzo(stored, target, sectorSize, inode),
                _ => DecodeZstd(stored, target),
            };
            target[length..].Clear();
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException || e.GetType().Name == "ZstdException")
        {
            throw BtrfsErrors.Compression(inode);
        }
    }

    private static int Inflate(byte[] stored, Span<byte> target)
    {
        using var stream = new ZLibStream(new MemoryStream(stored, writable: false), CompressionMode.Decompress);
        return stream.ReadAtLeast(target, target.Length, throwOnEndOfStream: false);
    }

    // A method of its own, so that the library is loaded only when a zstd extent is met.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static unsafe int DecodeZstd(byte[] stored, Span<byte> target)
    {
        // The frame is followed by zeroes up to the end of its sector.
        nuint length;
        fixed (byte* start = stored)
        {
            length = ZstdSharp.Unsafe.Methods.ZSTD_findFrameCompressedSize(start, (nuint)stored.Length);
        }

        if (ZstdSharp.Unsafe.Methods.ZSTD_isError(length))
        {
            throw new InvalidDataException();
        }

        using var stream = new ZstdSharp.DecompressionStream(new MemoryStream(stored, 0, (int)length, writable: false));
        return stream.ReadAtLeast(target, target.Length, throwOnEndOfStream: false);
    }

    /// <summary>A length of all, then segments, each with its length; no length is split by the end of a sector.</summary>
    private static int DecodeLzo(ReadOnlySpan<byte> stored, Span<byte> target, int sectorSize, ulong inode)
    {
        if (stored.Length < 8 || Le.U32(stored, 0) > stored.Length)
        {
            throw BtrfsErrors.Compression(inode);
        }

        int total = (int)Le.U32(stored, 0);
        int at = 4;
        int written = 0;
        byte[] segment = new byte[sectorSize];
        while (at < total && written < target.Length)
        {
            int left = sectorSize - (at % sectorSize);
            at += left < 4 ? left : 0;
            if (at + 4 > total)
            {
                break;
            }

            uint length = Le.U32(stored, at);
            at += 4;
            if (length == 0 || length > total - at)
            {
                throw BtrfsErrors.Compression(inode);
            }

            int decoded = Lzo1X.Decode(stored.Slice(at, (int)length), segment);
            if (decoded < 0)
            {
                throw BtrfsErrors.Compression(inode);
            }

            int copied = Math.Min(decoded, target.Length - written);
            segment.AsSpan(0, copied).CopyTo(target[written..]);
            written += copied;
            at += (int)length;
        }

        return written;
    }
}
