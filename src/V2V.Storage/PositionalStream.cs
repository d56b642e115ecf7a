namespace V2V.Storage;

/// <summary>
/// A seekable stream over something that is accessed by position. Derived classes read at <see cref="Position"/> and move it; those that can be
/// written override <see cref="CanWrite"/>, <see cref="Write(ReadOnlySpan{byte})"/> and <see cref="SetLength"/>.
/// </summary>
public abstract class PositionalStream : Stream
{
    private long _position;

    /// <summary>True until the stream is closed.</summary>
    protected bool IsOpen { get; private set; } = true;

    /// <inheritdoc/>
    public override bool CanRead => IsOpen;

    /// <inheritdoc/>
    public override bool CanSeek => IsOpen;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Position
    {
        get => _position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _position = value;
        }
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        return Read(buffer.AsSpan(offset, count));
    }

    /// <inheritdoc/>
    public abstract override int Read(Span<byte> buffer);

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        Write(buffer.AsSpan(offset, count));
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer) => throw new NotSupportedException("The stream was opened for reading.");

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin)
    {
        long start = origin switch
        {
            SeekOrigin.Begin => 0,
            SeekOrigin.Current => _position,
            _ => Length,
        };
        return start + offset >= 0 ? _position = start + offset : throw new IOException("An attempt was made to move before the beginning of the file.");
    }

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException("The stream was opened for reading.");

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        IsOpen = false;
        base.Dispose(disposing);
    }
}
