using System.Buffers.Binary;
using V2V.FileSystems;
using V2V.Storage;

namespace V2V.Core.Inspection.Initramfs;

/// <summary>
/// lzop's container as the kernel reads it (lib/decompress_unlzo.c's input): a header, then blocks of lengths, optional checksums and LZO1X
/// data, all big-endian.
/// </summary>
internal sealed class LzopStream : DecodedBlockStream
{
    private const int MaxBlock = 8 << 20;
    private const uint AdlerPlain = 1, AdlerCompressed = 2, ExtraField = 0x40, CrcPlain = 0x100, CrcCompressed = 0x200, Filter = 0x800;

    private readonly Stream _source;
    private readonly uint _flags;
    private byte[] _compressed = [];

    internal LzopStream(Stream source)
    {
        _source = source;
        Skip(9);
        bool isNew = ReadNumber(2) >= 0x0940;
        Skip(isNew ? 4 : 2);
        Skip(isNew ? 2 : 1);
        _flags = ReadNumber(4);
        Skip((_flags & Filter) != 0 ? 4 : 0);
        Skip(isNew ? 12 : 8);
        Skip((int)ReadNumber(1));
        Skip(4);
        if ((_flags & ExtraField) != 0)
        {
            Skip((int)Math.Min(ReadNumber(4), 1 << 16));
            Skip(4);
        }
    }

    /// <inheritdoc/>
    protected override bool DecodeNext()
    {
        uint plain = ReadNumber(4);
        if (plain == 0)
        {
            return false;
        }

        uint stored = ReadNumber(4);
        if (plain > MaxBlock || stored > plain)
        {
            throw V2VException.Corrupt("InitramfsDamaged", "The initramfs is damaged: an LZO block has an impossible length.");
        }

        Skip(((_flags & AdlerPlain) != 0 ? 4 : 0) + ((_flags & CrcPlain) != 0 ? 4 : 0));
        if (stored < plain)
        {
            Skip(((_flags & AdlerCompressed) != 0 ? 4 : 0) + ((_flags & CrcCompressed) != 0 ? 4 : 0));
        }

        if (Block.Length < plain)
        {
            Block = new byte[plain];
            _compressed = new byte[plain];
        }

        _source.ReadExactly(_compressed, 0, (int)stored);
        if (stored == plain)
        {
            _compressed.AsSpan(0, (int)plain).CopyTo(Block);
        }
        else if (Lzo1X.Decode(_compressed.AsSpan(0, (int)stored), Block.AsSpan(0, (int)plain)) != (int)plain)
        {
            throw V2VException.Corrupt("InitramfsDamaged", "The initramfs is damaged: an LZO block cannot be decoded.");
        }

        BlockLength = (int)plain;
        return true;
    }

    private uint ReadNumber(int length)
    {
        Span<byte> bytes = stackalloc byte[4];
        bytes.Clear();
        _source.ReadExactly(bytes[(4 - length)..]);
        return BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }

    private void Skip(int count)
    {
        Span<byte> one = stackalloc byte[1];
        for (; count > 0; count--)
        {
            _source.ReadExactly(one);
        }
    }
}
