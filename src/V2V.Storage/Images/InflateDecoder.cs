using System.IO.Compression;

namespace V2V.Storage.Images;

/// <summary>Decompresses single blocks (RFC 1950 and RFC 1951) from memory to memory with the platform's zlib.</summary>
internal static class InflateDecoder
{
    [ThreadStatic]
    private static Source? s_source;

    /// <summary>Inflates a zlib stream whose checksum is verified; fails if it holds more than fits.</summary>
    /// <returns>Bytes written, or -1 if the stream is damaged or too long.</returns>
    public static int DecodeZlib(byte[] source, int offset, int count, Span<byte> destination)
    {
        Source input = Take(source, offset, count);
        try
        {
            using var stream = new ZLibStream(input, CompressionMode.Decompress, leaveOpen: true);
            int total = stream.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false);

            // One more read makes zlib look at the checksum, and tells a stream that is longer than the block.
            Span<byte> excess = stackalloc byte[1];
            return stream.Read(excess) == 0 ? total : -1;
        }
        catch (InvalidDataException)
        {
            return -1;
        }
        finally
        {
            input.Clear();
        }
    }

    /// <summary>Inflates a bare deflate stream, which may be followed by anything.</summary>
    /// <returns>Bytes written, or -1 if the stream is damaged.</returns>
    public static int DecodeDeflate(byte[] source, int offset, int count, Span<byte> destination)
    {
        Source input = Take(source, offset, count);
        try
        {
            using var stream = new DeflateStream(input, CompressionMode.Decompress, leaveOpen: true);
            return stream.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false);
        }
        catch (InvalidDataException)
        {
            return -1;
        }
        finally
        {
            input.Clear();
        }
    }

    private static Source Take(byte[] source, int offset, int count)
    {
        Source input = s_source ??= new Source();
        input.Set(source, offset, count);
        return input;
    }

    /// <summary>A reusable stream over a part of an array: MemoryStream cannot be pointed at other bytes.</summary>
    private sealed class Source : ForwardStream
    {
        private byte[] _bytes = [];
        private int _position;
        private int _end;

        public void Set(byte[] bytes, int offset, int count)
        {
            _bytes = bytes;
            _position = offset;
            _end = offset + count;
        }

        public void Clear() => Set([], 0, 0);

        public override int Read(Span<byte> buffer)
        {
            int count = Math.Min(buffer.Length, _end - _position);
            _bytes.AsSpan(_position, count).CopyTo(buffer);
            _position += count;
            return count;
        }
    }
}
