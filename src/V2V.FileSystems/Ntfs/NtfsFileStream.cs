namespace V2V.FileSystems.Ntfs;

/// <summary>The content of a stream of a file: seekable, and in <see cref="NtfsStreamWriter"/>'s hands if it may be written.</summary>
internal sealed class NtfsFileStream(NtfsAttribute attribute, ContentReader reader, NtfsStreamWriter? writer) : Stream
{
    private long _position;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => true;

    /// <inheritdoc/>
    public override bool CanWrite => writer is not null;

    /// <inheritdoc/>
    public override long Length => writer?.Length ?? attribute.Length;

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
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        int count = (int)Math.Max(0, Math.Min(buffer.Length, Length - _position));
        if (count > 0)
        {
            (writer?.Reader ?? reader).Read(_position, buffer[..count]);
            _position += count;
        }

        return count;
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        Writer.Write(_position, buffer);
        _position += buffer.Length;
    }

    /// <inheritdoc/>
    public override void SetLength(long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        Writer.SetLength(value);
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => _position + offset,
        _ => Length + offset,
    };

    /// <inheritdoc/>
    public override void Flush() => writer?.Flush();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Flush();
        }

        base.Dispose(disposing);
    }

    private NtfsStreamWriter Writer => writer ?? throw new NotSupportedException("The stream was opened for reading.");
}
