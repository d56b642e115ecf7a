namespace V2V.Core.Sources.Containers;

/// <summary>Several files one after the other as one stream; one of them is open at a time.</summary>
internal sealed class ConcatenatedStream(IReadOnlyList<StoredFile> parts) : Stream
{
    private int _next;
    private Stream? _current;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int count = _current?.Read(buffer) ?? 0;
            if (count > 0)
            {
                return count;
            }

            if (_next == parts.Count)
            {
                return 0;
            }

            _current?.Dispose();
            _current = parts[_next++].OpenStream();
        }

        return 0;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _current?.Dispose();
        }

        base.Dispose(disposing);
    }
}
