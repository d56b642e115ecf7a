namespace V2V.FileSystems.Btrfs.Files;

/// <summary>What changes a file's content.</summary>
internal sealed partial class BtrfsFileStream
{
    public BtrfsFileStream(BtrfsVolume volume, BtrfsNode node, bool writable)
    {
        _volume = volume;
        _node = node;
        _reader = new FileReader(volume, node);
    }

    public override bool CanWrite => false;

    public override long Length => _node.Load().Length;

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException("The stream is open for reading only.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("The stream is open for reading only.");

    /// <summary>Writes what is still in memory.</summary>
    public void WriteBack() => _reader.Forget();
}
