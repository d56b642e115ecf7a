using V2V.FileSystems.Xfs.Mapping;
using V2V.Storage;

namespace V2V.FileSystems.Xfs;

/// <summary>The content of a regular file. Holes and unwritten extents read as zero; large runs go straight between device and caller.</summary>
internal sealed partial class XfsFileStream : PositionalStream
{
    private readonly XfsVolume _volume;
    private readonly XfsInode _inode;
    private readonly bool _writable;

    public XfsFileStream(XfsVolume volume, XfsInode inode, bool writable)
    {
        _volume = volume;
        _inode = inode;
        _writable = writable;
        inode.Pins++;
    }

    public override bool CanWrite => IsOpen && _writable;

    public override long Length => _inode.Size;

    public override int Read(Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(!IsOpen, this);
        long left = _inode.Size - Position;
        if (left <= 0 || buffer.IsEmpty)
        {
            return 0;
        }

        buffer = buffer[..(int)Math.Min(buffer.Length, left)];
        int read = buffer.Length;
        int blockSize = _volume.BlockSize;
        while (!buffer.IsEmpty)
        {
            int within = (int)(Position % blockSize);
            BlockRun run = _inode.Data.Find(Position / blockSize, ((long)within + buffer.Length + blockSize - 1) / blockSize);
            int length = (int)Math.Min((run.Count * blockSize) - within, buffer.Length);
            if (run.Kind == BlockRunKind.Data)
            {
                _volume.Device.Read(_volume.Super.OffsetOf(run.FsBlock) + within, buffer[..length]);
            }
            else
            {
                buffer[..length].Clear();
            }

            Position += length;
            buffer = buffer[length..];
        }

        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (IsOpen)
        {
            _inode.Pins--;
        }

        base.Dispose(disposing);
    }
}
