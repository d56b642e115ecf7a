using System.Buffers.Binary;
using K4os.Compression.LZ4;
using V2V.Storage;

namespace V2V.Core.Inspection.Initramfs;

/// <summary>
/// LZ4's legacy frame, the only one that the kernel reads (LZ4 frame format, "Legacy frame"): magic, then chunks of a 4-byte length and a
/// block that decodes to 8 MiB at most. It ends where no such length follows.
/// </summary>
internal sealed class Lz4LegacyStream : DecodedBlockStream
{
    private const uint Magic = 0x184C2102;
    private const int MaxChunk = 8 << 20;
    private const int MaxCompressed = MaxChunk + (MaxChunk / 255) + 16;

    private readonly Stream _source;
    private byte[] _compressed = [];

    internal Lz4LegacyStream(Stream source)
    {
        _source = source;
        source.ReadExactly(stackalloc byte[4]);
    }

    /// <inheritdoc/>
    protected override bool DecodeNext()
    {
        Span<byte> header = stackalloc byte[4];
        uint length;
        do
        {
            if (_source.ReadAtLeast(header, 4, throwOnEndOfStream: false) < 4)
            {
                return false;
            }

            length = BinaryPrimitives.ReadUInt32LittleEndian(header);
        }
        while (length == Magic);
        if (length is 0 or > MaxCompressed)
        {
            return false;
        }

        if (_compressed.Length < length)
        {
            _compressed = new byte[length];
        }

        _source.ReadExactly(_compressed, 0, (int)length);
        if (Block.Length == 0)
        {
            Block = new byte[MaxChunk];
        }

        BlockLength = LZ4Codec.Decode(_compressed.AsSpan(0, (int)length), Block);
        return BlockLength > 0 ? true : throw V2VException.Corrupt("InitramfsDamaged", "The initramfs is damaged: an LZ4 block cannot be decoded.");
    }
}
