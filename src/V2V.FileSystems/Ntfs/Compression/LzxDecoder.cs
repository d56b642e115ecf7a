using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>LZX as WIM archives and the overlay filter use it ([MS-PATCH] with a window of 32 KiB): each chunk on its own.</summary>
internal sealed class LzxDecoder : ChunkDecoder
{
    private const int DefaultBlockSize = 32768;
    private const int SlotCount = 30;
    private const int MainSymbols = 256 + (SlotCount * 8);
    private const int LengthSymbols = 249;
    private const int PreSymbols = 20;
    private const int AlignedSymbols = 8;

    /// <summary>Calls (0xE8) are translated as if the file had this size.</summary>
    private const int CallFileSize = 12000000;

    private readonly HuffmanCode _main = new(MainSymbols);
    private readonly HuffmanCode _lengths = new(LengthSymbols);
    private readonly HuffmanCode _aligned = new(AlignedSymbols);
    private readonly HuffmanCode _pre = new(PreSymbols);
    private readonly byte[] _mainLengths = new byte[MainSymbols];
    private readonly byte[] _lengthLengths = new byte[LengthSymbols];
    private readonly int[] _recent = new int[3];

    public override void Decompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        Array.Clear(_mainLengths);
        Array.Clear(_lengthLengths);
        Array.Fill(_recent, 1);
        var reader = new BitReader(source);
        for (int at = 0; at < target.Length;)
        {
            int type = reader.Read(3);
            int size = reader.Read(1) == 1 ? DefaultBlockSize : reader.Read(16);
            if (size == 0 || size > target.Length - at)
            {
                throw NtfsErrors.Compressed("a block has an impossible size");
            }

            switch (type)
            {
                case 1 or 2:
                    ReadCodes(ref reader, type == 2);
                    ReadBlock(ref reader, target[..(at + size)], at, type == 2);
                    break;
                case 3:
                    ReadStored(ref reader, target.Slice(at, size));
                    break;
                default:
                    throw NtfsErrors.Compressed("a block is of an unknown kind");
            }

            at += size;
        }

        UndoCalls(target);
    }

    private void ReadCodes(ref BitReader reader, bool aligned)
    {
        if (aligned)
        {
            Span<byte> lengths = stackalloc byte[AlignedSymbols];
            for (int i = 0; i < AlignedSymbols; i++)
            {
                lengths[i] = (byte)reader.Read(3);
            }

            _aligned.Build(lengths);
        }

        ReadLengths(ref reader, _mainLengths.AsSpan(0, 256));
        ReadLengths(ref reader, _mainLengths.AsSpan(256));
        _main.Build(_mainLengths);
        ReadLengths(ref reader, _lengthLengths);
        _lengths.Build(_lengthLengths);
    }

    /// <summary>Lengths of words are stored as differences from those of the block before, by a code of their own.</summary>
    private void ReadLengths(ref BitReader reader, Span<byte> lengths)
    {
        Span<byte> pre = stackalloc byte[PreSymbols];
        for (int i = 0; i < PreSymbols; i++)
        {
            pre[i] = (byte)reader.Read(4);
        }

        _pre.Build(pre);
        for (int i = 0; i < lengths.Length;)
        {
            int symbol = _pre.Read(ref reader);
            int run = 1;
            byte value = 0;
            switch (symbol)
            {
                case 17:
                    run = 4 + reader.Read(4);
                    break;
                case 18:
                    run = 20 + reader.Read(5);
                    break;
                case 19:
                    run = 4 + reader.Read(1);
                    value = Difference(lengths[i], _pre.Read(ref reader));
                    break;
                default:
                    value = Difference(lengths[i], symbol);
                    break;
            }

            run = Math.Min(run, lengths.Length - i);
            lengths.Slice(i, run).Fill(value);
            i += run;
        }
    }

    private static byte Difference(byte before, int symbol) =>
        symbol <= 16 ? (byte)((before - symbol + 17) % 17) : throw NtfsErrors.Compressed("a prefix code is damaged");

    private void ReadBlock(ref BitReader reader, Span<byte> target, int at, bool aligned)
    {
        while (at < target.Length)
        {
            int symbol = _main.Read(ref reader);
            if (symbol < 256)
            {
                target[at++] = (byte)symbol;
                continue;
            }

            int length = symbol & 7;
            int slot = (symbol - 256) >> 3;
            length += length == 7 ? _lengths.Read(ref reader) : 0;
            int distance;
            if (slot < 3)
            {
                distance = _recent[slot];
                _recent[slot] = _recent[0];
            }
            else
            {
                int extra = slot < 4 ? 0 : (slot / 2) - 1;
                int start = slot < 4 ? slot : (2 + (slot & 1)) << extra;
                int low = aligned && extra >= 3 ? (reader.Read(extra - 3) << 3) + _aligned.Read(ref reader) : reader.Read(extra);
                distance = start + low - 2;
                _recent[2] = _recent[1];
                _recent[1] = _recent[0];
            }

            _recent[0] = distance;
            at = Copy(target, at, distance, length + 2);
        }
    }

    private void ReadStored(ref BitReader reader, Span<byte> target)
    {
        reader.Align();
        for (int i = 0; i < 3; i++)
        {
            _recent[i] = reader.ReadInt32();
        }

        reader.ReadBytes(target);
        if (target.Length % 2 != 0)
        {
            reader.ReadByte();
        }
    }

    private static void UndoCalls(Span<byte> target)
    {
        for (int i = 0; i < target.Length - 10; i++)
        {
            if (target[i] != 0xE8)
            {
                continue;
            }

            Span<byte> operand = target.Slice(i + 1, 4);
            int absolute = ReadInt32LittleEndian(operand);
            if (absolute >= -i && absolute < CallFileSize)
            {
                WriteInt32LittleEndian(operand, absolute >= 0 ? absolute - i : absolute + CallFileSize);
            }

            i += 4;
        }
    }
}
