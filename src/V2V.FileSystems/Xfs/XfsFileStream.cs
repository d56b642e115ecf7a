using V2V.FileSystems.Xfs.Mapping;

namespace V2V.FileSystems.Xfs;

/// <summary>The content of a regular file. Holes and unwritten extents read as zero; large runs go straight between device and caller.</summary>
internal sealed partial class XfsFileStream : Stream
{
    private readonly XfsVolume _volume;
    private readonly XfsInode _inode;
    private readonly bool _writable;
    private long _position;
    private bool _open = true;

    public XfsFileStream(XfsVolume volume, XfsInode inode, bool writable)
    {
        _volume = volume;
        _inode = inode;
        _writable = writable;
        inode.Pins++;
    }

    public override bool CanRead => _open;

    public override bool CanSeek => _open;

    public override bool CanWrite => _open && _writable;

    public override long Length => _inode.Size;

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
        long left = _inode.Size - _position;
        if (left <= 0 || buffer.IsEmpty)
        {
            return 0;
        }

        buffer = buffer[..(int)Math.Min(buffer.Length, left)];
        int read = buffer.Length;
        int blockSize = _volume.BlockSize;
        while (!buffer.IsEmpty)
        {
            int within = (int)(_position % blockSize);
            BlockRun run = _inode.Data.Find(_position / blockSize, ((long)within + buffer.Length + blockSize - 1) / blockSize);
            int length = (int)Math.Min((run.Count * blockSize) - within, buffer.Length);
            if (run.Kind == BlockRunKind.Data)
            {
                _volume.Device.Read(_volume.Super.OffsetOf(run.FsBlock) + within, buffer[..length]);
            }
            else
            {
                buffer[..length].Clear();
            }

            _position += length;
            buffer = buffer[length..];
        }

        return read;
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

    protected override void Dispose(bool disposing)
    {
        if (_open)
        {
            _open = false;
            _inode.Pins--;
        }

        base.Dispose(disposing);
    }
}
