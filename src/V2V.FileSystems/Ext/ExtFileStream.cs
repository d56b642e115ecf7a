using V2V.FileSystems.Ext.Mapping;

namespace V2V.FileSystems.Ext;

/// <summary>The content of a regular file. Holes and unwritten extents read as zero; large runs go straight between device and caller.</summary>
internal sealed partial class ExtFileStream : Stream
{
    private readonly ExtVolume _volume;
    private readonly Inode _inode;
    private readonly bool _writable;
    private long _position;
    private bool _open = true;

    public ExtFileStream(ExtVolume volume, Inode inode, bool writable)
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

    private bool IsInline => _inode.Has(InodeFlags.InlineData);

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
        if (IsInline)
        {
            InlineData.Read(_inode).AsSpan((int)_position, buffer.Length).CopyTo(buffer);
        }
        else
        {
            ReadBlocks(buffer);
        }

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

    protected override void Dispose(bool disposing)
    {
        if (_open)
        {
            _open = false;
            _inode.Pins--;
        }

        base.Dispose(disposing);
    }

    private void ReadBlocks(Span<byte> buffer)
    {
        BlockMap map = _volume.Inodes.MapOf(_inode);
        int blockSize = _volume.BlockSize;
        long position = _position;
        while (!buffer.IsEmpty)
        {
            int within = (int)(position % blockSize);
            BlockRun run = map.Find(position / blockSize, ((long)within + buffer.Length + blockSize - 1) / blockSize);
            int length = (int)Math.Min((run.Count * blockSize) - within, buffer.Length);
            if (run.Kind == BlockRunKind.Data)
            {
                _volume.Device.Read((run.Physical * blockSize) + within, buffer[..length]);
            }
            else
            {
                buffer[..length].Clear();
            }

            position += length;
            buffer = buffer[length..];
        }
    }
}
