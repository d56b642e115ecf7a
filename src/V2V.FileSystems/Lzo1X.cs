namespace V2V.FileSystems;

/// <summary>Decoder of LZO1X (kernel, Documentation/staging/lzo.rst: "LZO stream format as understood by Linux' LZO decompressor").</summary>
public ref struct Lzo1X
{
    private readonly ReadOnlySpan<byte> _input;
    private readonly Span<byte> _output;
    private int _at;
    private int _written;
    private bool _failed;

    private Lzo1X(ReadOnlySpan<byte> input, Span<byte> output)
    {
        _input = input;
        _output = output;
    }

    /// <summary>Decodes one block.</summary>
    /// <returns>Bytes written, or -1 if the block is damaged or does not fit.</returns>
    public static int Decode(ReadOnlySpan<byte> input, Span<byte> output)
    {
        var decoder = new Lzo1X(input, output);
        decoder.Run();
        return decoder._failed ? -1 : decoder._written;
    }

    private void Run()
    {
        // State: how many literals came before, 4 standing for a run of its own.
        int state = 0;
        if (_input.Length > 0 && _input[0] > 17)
        {
            int run = Next() - 17;
            Literals(run);
            state = Math.Min(run, 4);
        }

        while (!_failed)
        {
            int code = Next();
            int trailing = code & 3;
            if (code >= 64)
            {
                int length = code >= 128 ? 5 + ((code >> 5) & 3) : 3 + ((code >> 5) & 1);
                trailing = code & 3;
                Match((Next() << 3) + ((code >> 2) & 7) + 1, length);
            }
            else if (code >= 16)
            {
                int bits = code >= 32 ? 31 : 7;
                int length = 2 + Length(code & bits, bits);
                int pair = Next() | (Next() << 8);
                int distance = code >= 32 ? (pair >> 2) + 1 : 16384 + ((code & 8) << 11) + (pair >> 2);
                trailing = pair & 3;
                if (code < 32 && distance == 16384)
                {
                    return;
                }

                Match(distance, length);
            }
            else if (state == 0)
            {
                Literals(3 + Length(code, 15));
                state = 4;
                continue;
            }
            else
            {
                int distance = (Next() << 2) + (code >> 2) + (state == 4 ? 2049 : 1);
                Match(distance, state == 4 ? 3 : 2);
            }

            Literals(trailing);
            state = trailing;
        }
    }

    private int Length(int bits, int full)
    {
        if (bits != 0)
        {
            return bits;
        }

        int length = full;
        int next;
        while ((next = Next()) == 0 && !_failed)
        {
            length += 255;
        }

        return length + next;
    }

    private int Next()
    {
        if (_at < _input.Length)
        {
            return _input[_at++];
        }

        _failed = true;
        return 0;
    }

    private void Literals(int count)
    {
        if (_failed || count > _input.Length - _at || count > _output.Length - _written)
        {
            _failed = true;
            return;
        }

        _input.Slice(_at, count).CopyTo(_output[_written..]);
        _at += count;
        _written += count;
    }

    private void Match(int distance, int length)
    {
        if (_failed || distance > _written || length > _output.Length - _written)
        {
            _failed = true;
            return;
        }

        for (int i = 0; i < length; i++, _written++)
        {
            _output[_written] = _output[_written - distance];
        }
    }
}
