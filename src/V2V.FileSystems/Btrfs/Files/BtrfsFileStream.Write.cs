namespace V2V.FileSystems.Btrfs.Files;

/// <summary>
/// What changes a file's content. Writes that follow each other are gathered, so that a file is not stored in crumbs; everybody who looks
/// at the file system has them written first.
/// </summary>
internal sealed partial class BtrfsFileStream
{
    private const int BufferSize = 1 << 20;

    private readonly bool _writable;
    private byte[] _buffer = [];
    private long _bufferStart;
    private int _buffered;

    public BtrfsFileStream(BtrfsVolume volume, BtrfsNode node, bool writable)
    {
        _volume = volume;
        _node = node;
        _writable = writable;
        _reader = new FileReader(volume, node);
        volume.OpenFiles[FileKey] = volume.OpenFiles.GetValueOrDefault(FileKey) + 1;
        if (writable)
        {
            volume.WritableStreams.Add(this);
        }
    }

    public override bool CanWrite => IsOpen && _writable;

    public override long Length
    {
        get
        {
            WriteBack();
            return _node.Load().Length;
        }
    }

    private (ulong Tree, ulong Inode) FileKey => (_node.Tree.Id, _node.Inode);

    public override void Flush() => WriteBack();

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        CheckWritable();
        _ = checked(Position + buffer.Length);
        while (!buffer.IsEmpty)
        {
            if (_buffered > 0 && (Position != _bufferStart + _buffered || _buffered == _buffer.Length))
            {
                WriteBack();
            }

            if (_buffered == 0)
            {
                _bufferStart = Position;
                _buffer = _buffer.Length == 0 ? new byte[BufferSize] : _buffer;
            }

            // The first piece ends where a multiple of the buffer's size does, so that later ones are whole sectors.
            int room = BufferSize - (int)(_bufferStart % BufferSize) - _buffered;
            int length = Math.Min(room, buffer.Length);
            buffer[..length].CopyTo(_buffer.AsSpan(_buffered));
            _buffered += length;
            Position += length;
            buffer = buffer[length..];
            if (length == room)
            {
                WriteBack();
            }
        }
    }

    public override void SetLength(long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        CheckWritable();
        WriteBack();
        if (value > MaxLength)
        {
            throw BtrfsErrors.NoSpace("a file of that length");
        }

        InodeItem inode = _node.Load();
        if (value == inode.Length)
        {
            return;
        }

        _volume.StartWrite(isFreeing: value < inode.Length);
        _reader.Forget();
        new FileWriter(_volume, _node).SetLength(value);
    }

    /// <summary>Writes what is still in memory.</summary>
    public void WriteBack()
    {
        if (_buffered == 0)
        {
            return;
        }

        int length = _buffered;
        _buffered = 0;
        if (_bufferStart + length > MaxLength)
        {
            throw BtrfsErrors.NoSpace("a file of that length");
        }

        _volume.Begin(isFreeing: false);
        _reader.Forget();
        new FileWriter(_volume, _node).Write(_bufferStart, _buffer.AsSpan(0, length));
        _volume.References.Drain();
        _volume.Trim();
    }

    protected override void Dispose(bool disposing)
    {
        if (IsOpen)
        {
            try
            {
                WriteBack();
            }
            finally
            {
                _volume.WritableStreams.Remove(this);
                int left = _volume.OpenFiles[FileKey] - 1;
                if (left == 0)
                {
                    _volume.OpenFiles.Remove(FileKey);
                }
                else
                {
                    _volume.OpenFiles[FileKey] = left;
                }
            }
        }

        base.Dispose(disposing);
    }

    private const long MaxLength = long.MaxValue / 4;

    private void CheckWritable()
    {
        ObjectDisposedException.ThrowIf(!IsOpen, this);
        if (!_writable)
        {
            throw new NotSupportedException("The stream is open for reading only.");
        }
    }
}
