using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>Bits out of little-endian words of 16 bits, highest bit first, as XPRESS and LZX store them. Past the end they are zero.</summary>
internal ref struct BitReader(ReadOnlySpan<byte> source)
{
    private readonly ReadOnlySpan<byte> _source = source;
    private int _at;
    private uint _bits;
    private int _count;

    /// <summary>Makes sure that the next <paramref name="count"/> bits, 17 at most, are at hand.</summary>
    public void Ensure(int count)
    {
        while (_count < count)
        {
            uint word = 0;
            if (_at + 2 <= _source.Length)
            {
                word = ReadUInt16LittleEndian(_source[_at..]);
            }

            _at += 2;
            if (_at > _source.Length + 64)
            {
                throw NtfsErrors.Compressed("it ends too early");
            }

            _bits |= word << (16 - _count);
            _count += 16;
        }
    }

    /// <summary>The next bits without taking them; they must be at hand.</summary>
    public readonly int Peek(int count) => count == 0 ? 0 : (int)(_bits >> (32 - count));

    public void Skip(int count)
    {
        _bits <<= count;
        _count -= count;
    }

    /// <summary>Takes bits, 17 at most.</summary>
    public int Read(int count)
    {
        Ensure(count);
        int value = Peek(count);
        Skip(count);
        return value;
    }

    /// <summary>A byte from behind the words that were taken so far.</summary>
    public byte ReadByte() => _at < _source.Length ? _source[_at++] : throw NtfsErrors.Compressed("it ends too early");

    /// <summary>A number of 16 bits from behind the words that were taken so far.</summary>
    public int ReadUInt16()
    {
        int low = ReadByte();
        return low | (ReadByte() << 8);
    }

    /// <summary>A number of 32 bits from behind the words that were taken so far.</summary>
    public int ReadInt32()
    {
        int low = ReadUInt16();
        return low | (ReadUInt16() << 16);
    }

    /// <summary>Drops bits up to the next word; a whole word if there is nothing to drop.</summary>
    public void Align()
    {
        Ensure(1);
        _bits = 0;
        _count = 0;
    }

    /// <summary>Copies bytes from behind the words that were taken so far.</summary>
    public void ReadBytes(Span<byte> target)
    {
        if (target.Length > _source.Length - _at)
        {
            throw NtfsErrors.Compressed("it ends too early");
        }

        _source.Slice(_at, target.Length).CopyTo(target);
        _at += target.Length;
    }
}
