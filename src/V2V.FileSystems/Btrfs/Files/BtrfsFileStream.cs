namespace V2V.FileSystems.Btrfs.Files;

/// <summary>The content of a regular file. Holes and preallocated extents read as zero.</summary>
internal sealed partial class BtrfsFileStream : Stream
{
    private readonly BtrfsVolume _volume;
    private readonly BtrfsNode _node;
    private readonly FileReader _reader;
    private long _position;
    private bool _open = true;

    public override bool CanRead => _open;

    public override bool CanSeek => _open;

    public override long Position
    {
        get => _position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _position = value;
        }
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        return Read(buffer.AsSpan(offset, count));
    }

    public override int Read(Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(!_open, this);
        WriteBack();
        _volume.Trim();
        long left = _node.Load().Length - _position;
        if (left <= 0 || buffer.IsEmpty)
        {
            return 0;
        }

        buffer = buffer[..(int)Math.Min(buffer.Length, left)];
        _reader.Read(_position, buffer);
        _position += buffer.Length;
        return buffer.Length;
    }

    public override long Seek(long offset, SeekOrigin origin)
    {
        long start = origin switch
        {
            SeekOrigin.Begin => 0,
            SeekOrigin.Current => _position,
            _ => Length,
        };
        if (start + offset < 0)
        {
            throw new IOException("An attempt was made to move before the beginning of the file.");
        }

        return _position = start + offset;
    }
}
