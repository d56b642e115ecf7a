using V2V.Storage;

namespace V2V.FileSystems.Btrfs.Files;

/// <summary>The content of a regular file. Holes and preallocated extents read as zero.</summary>
internal sealed partial class BtrfsFileStream : PositionalStream
{
    private readonly BtrfsVolume _volume;
    private readonly BtrfsNode _node;
    private readonly FileReader _reader;

    public override int Read(Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(!IsOpen, this);
        WriteBack();
        _volume.Trim();
        long left = _node.Load().Length - Position;
        if (left <= 0 || buffer.IsEmpty)
        {
            return 0;
        }

        buffer = buffer[..(int)Math.Min(buffer.Length, left)];
        _reader.Read(Position, buffer);
        Position += buffer.Length;
        return buffer.Length;
    }
}
