namespace V2V.FileSystems.Ntfs;

/// <summary>XPRESS with Huffman coding ([MS-XCA] 2.2) of one chunk.</summary>
internal sealed class XpressDecoder : ChunkDecoder
{
    private const int SymbolCount = 512;

    private readonly HuffmanCode _code = new(SymbolCount);

    public override void Decompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        if (source.Length < SymbolCount / 2)
        {
            throw NtfsErrors.Compressed("a chunk has no prefix code");
        }

        Span<byte> lengths = stackalloc byte[SymbolCount];
        for (int i = 0; i < SymbolCount / 2; i++)
        {
            lengths[i * 2] = (byte)(source[i] & 15);
            lengths[(i * 2) + 1] = (byte)(source[i] >> 4);
        }

        _code.Build(lengths);
        var reader = new BitReader(source[(SymbolCount / 2)..]);
        for (int at = 0; at < target.Length;)
        {
            int symbol = _code.Read(ref reader);
            if (symbol < 256)
            {
                target[at++] = (byte)symbol;
                continue;
            }

            int length = symbol & 15;
            int distanceBits = (symbol >> 4) & 15;
            reader.Ensure(16);
            int distance = (1 << distanceBits) | reader.Peek(distanceBits);
            reader.Skip(distanceBits);
            if (length == 15)
            {
                length += reader.ReadByte();
                length = length == 15 + 255 ? reader.ReadUInt16() : length;
            }

            at = Copy(target, at, distance, length + 3);
        }
    }
}
