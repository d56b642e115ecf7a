using System.Buffers.Binary;
using SharpCompress.Compressors.LZMA;
using V2V.Storage;

namespace V2V.Core.Inspection.Initramfs;

/// <summary>
/// The .xz container (The .xz File Format 1.2.1): stream header, blocks of LZMA2, index. Read here rather than by a library so that the
/// dictionary a block asks for is checked before it is allocated. Checksums are not verified; a cpio archive shows damage by itself.
/// </summary>
internal sealed class XzStream : ForwardStream
{
    private const int StreamHeaderLength = 12;
    private const ulong Lzma2Filter = 0x21;

    private readonly Stream _source;
    private readonly long _start;
    private readonly int _checkLength;
    private LzmaStream? _block;
    private bool _isEnd;

    internal XzStream(Stream source)
    {
        _source = source;
        _start = source.Position;
        Span<byte> header = stackalloc byte[StreamHeaderLength];
        source.ReadExactly(header);
        _checkLength = (header[7] & 15) switch
        {
            0 => 0,
            <= 3 => 4,
            <= 6 => 8,
            <= 9 => 16,
            <= 12 => 32,
            _ => 64,
        };
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        while (!_isEnd)
        {
            if (_block is null && !OpenBlock())
            {
                _isEnd = true;
                break;
            }

            int read = _block!.Read(buffer);
            if (read > 0)
            {
                return read;
            }

            CloseBlock();
        }

        return 0;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _block?.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Section 3.1: header size, flags, optional sizes, filters, padding, CRC.</summary>
    private bool OpenBlock()
    {
        int size = _source.ReadByte();
        if (size <= 0)
        {
            SkipIndex();
            return false;
        }

        var header = new byte[((size + 1) * 4) - 1];
        _source.ReadExactly(header);
        int flags = header[0], at = 1;
        for (int sizes = (flags >> 6) & 3; sizes != 0; sizes >>= 1)
        {
            if ((sizes & 1) != 0)
            {
                ReadInteger(header, ref at);
            }
        }

        ulong filter = ReadInteger(header, ref at), propertyLength = ReadInteger(header, ref at);
        if ((flags & 3) != 0 || filter != Lzma2Filter || propertyLength != 1)
        {
            throw V2VException.Unsupported("InitramfsCompressionUnsupported", "The initramfs' xz stream uses filters other than LZMA2.");
        }

        int bits = header[at] & 63;
        Decompression.CheckDictionary(bits >= 40 ? uint.MaxValue : (2U | ((uint)bits & 1)) << ((bits / 2) + 11));
        _block = LzmaStream.Create([header[at]], _source, -1, -1, null!, true, leaveOpen: true);
        return true;
    }

    private void CloseBlock()
    {
        _block!.Dispose();
        _block = null;
        SkipPadding();
        Span<byte> check = stackalloc byte[64];
        _source.ReadAtLeast(check[.._checkLength], _checkLength, throwOnEndOfStream: false);
    }

    /// <summary>Sections 4 and 2.1.2: two numbers for each block, padding, CRC; then the footer. Behind it the next segment may begin.</summary>
    private void SkipIndex()
    {
        for (ulong numbers = Math.Min(ReadInteger(), 1 << 20) * 2; numbers > 0; numbers--)
        {
            ReadInteger();
        }

        SkipPadding();
        Span<byte> end = stackalloc byte[4 + 12];
        _source.ReadAtLeast(end, end.Length, throwOnEndOfStream: false);
    }

    private void SkipPadding()
    {
        while (((_source.Position - _start) & 3) != 0 && _source.ReadByte() >= 0)
        {
        }
    }

    private ulong ReadInteger()
    {
        var number = new byte[9];
        for (int i = 0; i < number.Length; i++)
        {
            int b = _source.ReadByte();
            number[i] = (byte)Math.Max(b, 0);
            if (b < 0x80)
            {
                break;
            }
        }

        int at = 0;
        return ReadInteger(number, ref at);
    }

    /// <summary>Section 1.2: 7 bits a byte, lowest first.</summary>
    private static ulong ReadInteger(byte[] bytes, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; at < bytes.Length && shift < 63; shift += 7)
        {
            byte b = bytes[at++];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
            {
                return value;
            }
        }

        throw V2VException.Corrupt("InitramfsDamaged", "The initramfs is damaged: an xz block header holds no number where one belongs.");
    }
}
