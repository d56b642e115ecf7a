using V2V.Storage;

namespace V2V.FileSystems.Ntfs;

/// <summary>The content of a stream of a file: seekable, and in <see cref="NtfsStreamWriter"/>'s hands if it may be written.</summary>
internal sealed class NtfsFileStream(NtfsAttribute attribute, ContentReader reader, NtfsStreamWriter? writer) : PositionalStream
{
    /// <inheritdoc/>
    public override bool CanWrite => writer is not null;

    /// <inheritdoc/>
    public override long Length => writer?.Length ?? attribute.Length;

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        int count = (int)Math.Max(0, Math.Min(buffer.Length, Length - Position));
        if (count > 0)
        {
            (writer?.Reader ?? reader).Read(Position, buffer[..count]);
            Position += count;
        }

        return count;
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        Writer.Write(Position, buffer);
        Position += buffer.Length;
    }

    /// <inheritdoc/>
    public override void SetLength(long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        Writer.SetLength(value);
    }

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
