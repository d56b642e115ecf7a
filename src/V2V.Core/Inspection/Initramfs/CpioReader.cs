using System.Buffers;
using V2V.Storage;

namespace V2V.Core.Inspection.Initramfs;

/// <summary>What <see cref="CpioReader.Next"/> met.</summary>
internal enum CpioItem
{
    /// <summary>A file; its header and name are valid until the next call.</summary>
    Entry,

    /// <summary>The entry that ends an archive; another archive may follow.</summary>
    Trailer,

    /// <summary>Bytes that are no cpio header: another format begins here.</summary>
    Foreign,

    /// <summary>The end of the stream.</summary>
    End,
}

/// <summary>
/// Reads the headers and names of concatenated cpio archives in the "newc" form, with or without checksum, as the kernel does
/// (Documentation/driver-api/early-userspace/buffer-format.rst): 6 bytes magic, 13 fields of 8 hexadecimal digits, the name, the content,
/// each padded to 4 bytes. Contents are skipped; zeros between archives are passed over.
/// </summary>
internal sealed class CpioReader : IDisposable
{
    private const int HeaderLength = 110;
    private const int MaxNameLength = 4096;
    private const int BufferLength = 128 << 10;

    // Below this, reading on costs less than a read elsewhere.
    private const int MinSeek = 512 << 10;

    private static readonly SearchValues<byte> s_digits = SearchValues.Create("0123456789abcdefABCDEF"u8);

    private readonly Stream _stream;
    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
    private int _start;
    private int _end;
    private long _skip;

    /// <param name="stream">Positioned at a multiple of 4 from where the initramfs begins.</param>
    internal CpioReader(Stream stream) => _stream = stream;

    /// <summary>Bytes consumed so far. At <see cref="CpioItem.Foreign"/> it is where the other format begins.</summary>
    internal long Position { get; private set; }

    /// <summary>The current entry's name without its NUL.</summary>
    internal ReadOnlySpan<byte> Name => _buffer.AsSpan(_nameStart, _nameLength);

    private int _nameStart;
    private int _nameLength;

    /// <summary>The current entry's mode with type bits.</summary>
    internal uint Mode { get; private set; }

    /// <summary>Length of the current entry's content.</summary>
    internal uint Length { get; private set; }

    /// <summary>Goes to the next header.</summary>
    /// <exception cref="V2VException"><c>InitramfsDamaged</c>.</exception>
    internal CpioItem Next()
    {
        SkipContent();
        if (!SkipZeros())
        {
            return CpioItem.End;
        }

        if (!Fill(6) || !IsMagic(_buffer.AsSpan(_start)))
        {
            return CpioItem.Foreign;
        }

        if (!Fill(HeaderLength))
        {
            throw Damaged("a header is cut off");
        }

        ReadOnlySpan<byte> header = _buffer.AsSpan(_start, HeaderLength);
        Mode = Field(header, 1);
        Length = Field(header, 6);
        uint nameLength = Field(header, 11);
        if (nameLength is 0 or > MaxNameLength)
        {
            throw Damaged($"a name is {nameLength} bytes long");
        }

        int padded = (HeaderLength + (int)nameLength + 3) & ~3;
        if (!Fill(HeaderLength + (int)nameLength))
        {
            throw Damaged("a name is cut off");
        }

        _nameStart = _start + HeaderLength;
        _nameLength = (int)nameLength - 1;
        Consume(HeaderLength + (int)nameLength);
        _skip = padded - HeaderLength - (int)nameLength + (((long)Length + 3) & ~3L);
        return Name.SequenceEqual("TRAILER!!!"u8) ? CpioItem.Trailer : CpioItem.Entry;
    }

    /// <summary>Reads the content of the current entry, whose name is not valid any more after it.</summary>
    /// <param name="max">Largest length; a longer entry gives null and is passed over as ever.</param>
    internal byte[]? ReadContent(int max)
    {
        if (Length > max)
        {
            return null;
        }

        // What is between the name and the content is padding.
        int padding = (int)(_skip - (((long)Length + 3) & ~3L));
        if (!Fill(padding))
        {
            throw Damaged("a name is cut off");
        }

        Consume(padding);
        var content = new byte[Length];
        for (int done = 0; done < content.Length;)
        {
            if (!Fill(1))
            {
                throw Damaged("a file is cut off");
            }

            int step = Math.Min(content.Length - done, _end - _start);
            _buffer.AsSpan(_start, step).CopyTo(content.AsSpan(done));
            Consume(step);
            done += step;
        }

        _skip = -content.Length & 3;
        return content;
    }

    /// <summary>True if a header that could be cpio's begins here: magic and hexadecimal digits only.</summary>
    internal static bool IsHeader(ReadOnlySpan<byte> bytes) =>
        bytes.Length >= HeaderLength && IsMagic(bytes) && !bytes[6..HeaderLength].ContainsAnyExcept(s_digits);

    /// <inheritdoc/>
    public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);

    private static bool IsMagic(ReadOnlySpan<byte> bytes) => bytes.StartsWith("070701"u8) || bytes.StartsWith("070702"u8);

    private static uint Field(ReadOnlySpan<byte> header, int index)
    {
        ReadOnlySpan<byte> digits = header.Slice(6 + (index * 8), 8);
        return uint.TryParse(digits, System.Globalization.NumberStyles.AllowHexSpecifier, System.Globalization.CultureInfo.InvariantCulture, out uint value)
            ? value
            : throw Damaged("a header's field is no number");
    }

    private static V2VException Damaged(FormattableString what) => Damaged(FormattableString.Invariant(what));

    private static V2VException Damaged(string what) => V2VException.Corrupt("InitramfsDamaged", $"The initramfs is damaged: {what}.");

    private void SkipContent()
    {
        long buffered = Math.Min(_skip, _end - _start);
        Consume((int)buffered);
        _skip -= buffered;
        if (_skip > MinSeek && _stream.CanSeek)
        {
            if (_stream.Position > _stream.Length - _skip)
            {
                // The padding of the last content may be missing.
                if (_skip - (_stream.Length - _stream.Position) > 3)
                {
                    throw Damaged("a file is cut off");
                }

                _skip = _stream.Length - _stream.Position;
            }

            _stream.Seek(_skip, SeekOrigin.Current);
            Position += _skip;
            _skip = 0;
        }

        while (_skip > 0)
        {
            if (!Fill(1))
            {
                if (_skip > 3)
                {
                    throw Damaged("a file is cut off");
                }

                _skip = 0;
                return;
            }

            int step = (int)Math.Min(_skip, _end - _start);
            Consume(step);
            _skip -= step;
        }
    }

    private bool SkipZeros()
    {
        while (Fill(1))
        {
            int zeros = _buffer.AsSpan(_start, _end - _start).IndexOfAnyExcept((byte)0);
            if (zeros >= 0)
            {
                Consume(zeros);
                return true;
            }

            Consume(_end - _start);
        }

        return false;
    }

    private void Consume(int count)
    {
        _start += count;
        Position += count;
    }

    private bool Fill(int count)
    {
        if (_end - _start >= count)
        {
            return true;
        }

        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        _end -= _start;
        _start = 0;
        while (_end < count)
        {
            int read = _stream.Read(_buffer, _end, _buffer.Length - _end);
            if (read == 0)
            {
                return false;
            }

            _end += read;
        }

        return true;
    }
}
