using System.Buffers.Binary;
using K4os.Compression.LZ4;

namespace V2V.Core.Conversion.Linux.Initramfs;

/// <summary>
/// The legacy frame of LZ4 (lz4_Frame_format.md, "Legacy frame"), the only one that the kernel reads: a magic number, then blocks, each with
/// its compressed size before it and at most 8 MiB of content. It has no end mark, so a kernel before 5.10 takes whatever follows for a
/// block, zeros included; what is to follow an LZ4 archive there must be blocks of it.
/// </summary>
internal static class Lz4LegacyFrame
{
    private const uint Magic = 0x184C2102;
    private const int BlockLength = 8 << 20;
    private const int MaxCompressedBlock = BlockLength + (BlockLength / 255) + 16;

    /// <summary>True if the frame that begins at an offset ends exactly with the file, with no zeros behind it.</summary>
    internal static bool EndsWithFile(Stream file, long start)
    {
        Span<byte> word = stackalloc byte[4];
        for (long at = start; at < file.Length;)
        {
            if (file.Length - at < 4)
            {
                return false;
            }

            file.Position = at;
            file.ReadExactly(word);
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(word);
            if (size == Magic)
            {
                at += 4;
                continue;
            }

            if (size is 0 or > MaxCompressedBlock)
            {
                return false;
            }

            at += 4 + (long)size;
            if (at > file.Length)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Compresses bytes as blocks that continue a frame.</summary>
    internal static byte[] Continue(ReadOnlySpan<byte> content)
    {
        using var output = new MemoryStream();
        Span<byte> size = stackalloc byte[4];
        var block = new byte[LZ4Codec.MaximumOutputSize(Math.Min(content.Length, BlockLength))];
        while (!content.IsEmpty)
        {
            ReadOnlySpan<byte> part = content[..Math.Min(content.Length, BlockLength)];
            int length = LZ4Codec.Encode(part, block, LZ4Level.L00_FAST);
            BinaryPrimitives.WriteInt32LittleEndian(size, length);
            output.Write(size);
            output.Write(block, 0, length);
            content = content[part.Length..];
        }

        return output.ToArray();
    }
}
