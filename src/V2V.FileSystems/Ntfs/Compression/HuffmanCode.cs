namespace V2V.FileSystems.Ntfs;

/// <summary>A canonical prefix code with words of up to 16 bits.</summary>
internal sealed class HuffmanCode(int symbolCount)
{
    private const int MaxLength = 16;
    private const int TableBits = 10;

    // Symbol and length of every word that begins with these bits; length 0 where the word is longer or there is none.
    private readonly ushort[] _symbols = new ushort[1 << TableBits];
    private readonly byte[] _lengths = new byte[1 << TableBits];
    private readonly ushort[] _sorted = new ushort[symbolCount];
    private readonly int[] _counts = new int[MaxLength + 1];

    /// <summary>Makes the code from the lengths of its words; 0 is a symbol that does not occur.</summary>
    public void Build(ReadOnlySpan<byte> lengths)
    {
        Array.Clear(_counts);
        Array.Clear(_lengths);
        foreach (byte length in lengths)
        {
            _counts[length]++;
        }

        _counts[0] = 0;
        Span<int> next = stackalloc int[MaxLength + 2];
        int space = 1 << MaxLength;
        for (int length = 1; length <= MaxLength; length++)
        {
            next[length + 1] = next[length] + _counts[length];
            space -= _counts[length] << (MaxLength - length);
        }

        if (space < 0)
        {
            throw NtfsErrors.Compressed("a prefix code has too many words");
        }

        for (int symbol = 0; symbol < lengths.Length; symbol++)
        {
            if (lengths[symbol] != 0)
            {
                _sorted[next[lengths[symbol]]++] = (ushort)symbol;
            }
        }

        int code = 0;
        int index = 0;
        for (int length = 1; length <= TableBits; length++, code <<= 1)
        {
            for (int i = 0; i < _counts[length]; i++, code++, index++)
            {
                int start = code << (TableBits - length);
                _symbols.AsSpan(start, 1 << (TableBits - length)).Fill(_sorted[index]);
                _lengths.AsSpan(start, 1 << (TableBits - length)).Fill((byte)length);
            }
        }
    }

    /// <summary>Takes one symbol.</summary>
    public int Read(ref BitReader reader)
    {
        reader.Ensure(MaxLength);
        int head = reader.Peek(TableBits);
        int known = _lengths[head];
        if (known != 0)
        {
            reader.Skip(known);
            return _symbols[head];
        }

        int bits = reader.Peek(MaxLength);
        int first = 0;
        int index = 0;
        for (int length = 1; length <= MaxLength; length++)
        {
            int offset = (bits >> (MaxLength - length)) - first;
            if (offset < _counts[length])
            {
                reader.Skip(length);
                return _sorted[index + offset];
            }

            index += _counts[length];
            first = (first + _counts[length]) << 1;
        }

        throw NtfsErrors.Compressed("a word is not in the prefix code");
    }
}
