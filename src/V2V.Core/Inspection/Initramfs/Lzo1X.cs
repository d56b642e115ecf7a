using V2V.Storage;

namespace V2V.Core.Inspection.Initramfs;

/// <summary>Decoder of LZO1X (kernel, Documentation/staging/lzo.rst: "LZO stream format as understood by Linux' LZO decompressor").</summary>
internal static class Lzo1X
{
    /// <summary>Decodes one block.</summary>
    /// <exception cref="V2VException"><c>InitramfsDamaged</c> unless it decodes to exactly the length of <paramref name="output"/>.</exception>
    internal static void Decode(ReadOnlySpan<byte> input, Span<byte> output)
    {
        int at = 0, written = 0, state = 0;
        if (input.Length > 0 && input[0] > 17)
        {
            int run = input[at++] - 17;
            CopyLiterals(input, ref at, output, ref written, run);
            state = run < 4 ? run : 4;
        }

        while (true)
        {
            int code = Next(input, ref at), length, distance, trailing;
            if (code < 16 && state == 0)
            {
                CopyLiterals(input, ref at, output, ref written, 3 + Length(input, ref at, code, 15));
                state = 4;
                continue;
            }

            if (code < 16)
            {
                length = state == 4 ? 3 : 2;
                distance = (Next(input, ref at) << 2) + (code >> 2) + (state == 4 ? 2049 : 1);
                trailing = code & 3;
            }
            else if (code < 64)
            {
                length = 2 + (code < 32 ? Length(input, ref at, code & 7, 7) : Length(input, ref at, code & 31, 31));
                int pair = Next(input, ref at);
                pair |= Next(input, ref at) << 8;
                distance = code < 32 ? 16384 + ((code & 8) << 11) + (pair >> 2) : (pair >> 2) + 1;
                trailing = pair & 3;
                if (code < 32 && distance == 16384)
                {
                    break;
                }
            }
            else
            {
                length = code < 128 ? 3 + ((code >> 5) & 1) : 5 + ((code >> 5) & 3);
                distance = (Next(input, ref at) << 3) + ((code >> 2) & 7) + 1;
                trailing = code & 3;
            }

            CopyMatch(output, ref written, distance, length);
            CopyLiterals(input, ref at, output, ref written, trailing);
            state = trailing;
        }

        if (written != output.Length)
        {
            throw Damaged();
        }
    }

    private static int Length(ReadOnlySpan<byte> input, ref int at, int bits, int full)
    {
        if (bits != 0)
        {
            return bits;
        }

        int length = full;
        int next;
        while ((next = Next(input, ref at)) == 0)
        {
            length += 255;
        }

        return length + next;
    }

    private static int Next(ReadOnlySpan<byte> input, ref int at) => at < input.Length ? input[at++] : throw Damaged();

    private static void CopyLiterals(ReadOnlySpan<byte> input, ref int at, Span<byte> output, ref int written, int count)
    {
        if (count > input.Length - at || count > output.Length - written)
        {
            throw Damaged();
        }

        input.Slice(at, count).CopyTo(output[written..]);
        at += count;
        written += count;
    }

    private static void CopyMatch(Span<byte> output, ref int written, int distance, int length)
    {
        if (distance > written || length > output.Length - written)
        {
            throw Damaged();
        }

        for (int i = 0; i < length; i++, written++)
        {
            output[written] = output[written - distance];
        }
    }

    private static V2VException Damaged() => V2VException.Corrupt("InitramfsDamaged", "The initramfs is damaged: an LZO block cannot be decoded.");
}
