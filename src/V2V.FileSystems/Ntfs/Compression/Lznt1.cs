using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>LZNT1 ([MS-XCA] 2.5), by which NTFS compresses files: chunks of 4096 bytes, each on its own.</summary>
internal static class Lznt1
{
    private const int ChunkSize = 4096;

    /// <summary>Fills the target from compressed bytes; what they do not cover is zero.</summary>
    public static void Decompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        while (source.Length >= 2 && !target.IsEmpty)
        {
            int header = ReadUInt16LittleEndian(source);
            if (header == 0)
            {
                break;
            }

            int length = (header & 0xFFF) + 1;
            if (length > source.Length - 2)
            {
                throw NtfsErrors.Compressed("a chunk reaches past the end");
            }

            Span<byte> chunk = target[..Math.Min(ChunkSize, target.Length)];
            ReadOnlySpan<byte> content = source.Slice(2, length);
            if ((header & 0x8000) != 0)
            {
                DecompressChunk(content, chunk);
            }
            else
            {
                content[..Math.Min(length, chunk.Length)].CopyTo(chunk);
                chunk[Math.Min(length, chunk.Length)..].Clear();
            }

            source = source[(2 + length)..];
            target = target[chunk.Length..];
        }

        target.Clear();
    }

    private static void DecompressChunk(ReadOnlySpan<byte> source, Span<byte> target)
    {
        int at = 0;
        int written = 0;
        while (at < source.Length && written < target.Length)
        {
            int flags = source[at++];
            for (int bit = 0; bit < 8 && at < source.Length && written < target.Length; bit++, flags >>= 1)
            {
                if ((flags & 1) == 0)
                {
                    target[written++] = source[at++];
                    continue;
                }

                if (at + 2 > source.Length)
                {
                    throw NtfsErrors.Compressed("a back reference is cut off");
                }

                int token = ReadUInt16LittleEndian(source[at..]);
                at += 2;

                // The further on, the more bits the distance takes from the length.
                int lengthBits = 12;
                for (int limit = written - 1; limit >= 16; limit >>= 1)
                {
                    lengthBits--;
                }

                int distance = (token >> lengthBits) + 1;
                int length = Math.Min((token & ((1 << lengthBits) - 1)) + 3, target.Length - written);
                if (distance > written)
                {
                    throw NtfsErrors.Compressed("a back reference leads before the chunk");
                }

                for (int i = 0; i < length; i++, written++)
                {
                    target[written] = target[written - distance];
                }
            }
        }

        target[written..].Clear();
    }
}
