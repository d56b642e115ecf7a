namespace V2V.Core.Inspection.Initramfs;

/// <summary>A stream that is only read, once, from its beginning to its end.</summary>
internal abstract class ForwardStream : Stream
{
    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public abstract override int Read(Span<byte> buffer);

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}

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
