using V2V.Storage;

namespace V2V.Core.Sources.Containers;

/// <summary>Several files one after the other as one stream; one of them is open at a time.</summary>
internal sealed class ConcatenatedStream(IReadOnlyList<StoredFile> parts) : ForwardStream
{
    private int _next;
    private Stream? _current;

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

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _current?.Dispose();
        }

        base.Dispose(disposing);
    }
}
