using V2V.Storage;

namespace V2V.Core.Inspection.Initramfs;

/// <summary>A stream of decoded blocks that each fit in memory.</summary>
internal abstract class DecodedBlockStream : ForwardStream
{
    private int _at;
    private bool _isEnd;

    /// <summary>The decoded block.</summary>
    protected byte[] Block { get; set; } = [];

    /// <summary>Length of what is valid in <see cref="Block"/>.</summary>
    protected int BlockLength { get; set; }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        if (_at == BlockLength && !_isEnd)
        {
            _at = 0;
            BlockLength = 0;
            _isEnd = !DecodeNext();
        }

        int step = Math.Min(buffer.Length, BlockLength - _at);
        Block.AsSpan(_at, step).CopyTo(buffer);
        _at += step;
        return step;
    }

    /// <summary>Decodes the next block of at least one byte; false at the end.</summary>
    protected abstract bool DecodeNext();
}
