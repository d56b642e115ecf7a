using V2V.FileSystems.Ext.Mapping;
using V2V.Storage;

namespace V2V.FileSystems.Ext;

/// <summary>The content of a regular file. Holes and unwritten extents read as zero; large runs go straight between device and caller.</summary>
internal sealed partial class ExtFileStream : PositionalStream
{
    private readonly ExtVolume _volume;
    private readonly Inode _inode;
    private readonly bool _writable;

    public ExtFileStream(ExtVolume volume, Inode inode, bool writable)
    {
        _volume = volume;
        _inode = inode;
        _writable = writable;
        inode.Pins++;
    }

    public override bool CanWrite => IsOpen && _writable;

    public override long Length => _inode.Size;

    private bool IsInline => _inode.Has(InodeFlags.InlineData);

    public override int Read(Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(!IsOpen, this);
        long left = _inode.Size - Position;
        if (left <= 0 || buffer.IsEmpty)
        {
            return 0;
        }

        buffer = buffer[..(int)Math.Min(buffer.Length, left)];
        if (IsInline)
        {
            InlineData.Read(_inode).AsSpan((int)Position, buffer.Length).CopyTo(buffer);
        }
        else
        {
            ReadBlocks(buffer);
        }

        Position += buffer.Length;
        return buffer.Length;
    }

    protected override void Dispose(bool disposing)
    {
        if (IsOpen)
        {
            _inode.Pins--;
        }

        base.Dispose(disposing);
    }

    private void ReadBlocks(Span<byte> buffer)
    {
        BlockMap map = _volume.Inodes.MapOf(_inode);
        int blockSize = _volume.BlockSize;
        long position = Position;
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
