namespace V2V.FileSystems.Ntfs;

/// <summary>
/// Writes a stream. What NTFS or the overlay filter compressed is stored plainly from the first write on. The file record and the
/// directory entries are brought up to date by <see cref="Flush"/>.
/// </summary>
internal sealed class NtfsStreamWriter(NtfsFileSystem fileSystem, NtfsVolume volume, FileRecord file, NtfsAttribute attribute, ContentReader reader, string path)
{
    private const int CopySize = 1 << 18;

    private ContentReader _reader = reader;
    private bool _plain = reader is PlainReader && (!attribute.IsCompressed || attribute.IsResident);
    private bool _changed;

    public ContentReader Reader => _reader;

    public long Length => attribute.Length;

    public void SetLength(long length)
    {
        Prepare(length);
        volume.Content.SetLength(file, attribute, length);
    }

    public void Write(long offset, ReadOnlySpan<byte> content)
    {
        if (content.IsEmpty)
        {
            return;
        }

        long end = offset + content.Length;
        Prepare(end);
        if (end > attribute.Length)
        {
            volume.Content.SetLength(file, attribute, end);
        }

        if (!attribute.IsResident)
        {
            volume.Content.FillHoles(attribute, offset, content.Length);
        }

        volume.Content.Write(attribute, offset, content);
    }

    public void Flush()
    {
        if (!_changed || file.Deleted)
        {
            return;
        }

        _changed = false;
        fileSystem.Touch(file);
    }

    private void Prepare(long length)
    {
        if (file.Deleted)
        {
            throw new V2V.Storage.V2VException("GuestFileNotFound", V2V.Storage.V2VErrorKind.NotFound, $"The guest has no file {path} any more.", path);
        }

        if (length > long.MaxValue - volume.Geometry.ClusterSize || volume.Geometry.ClustersFor(length) > uint.MaxValue * 1024L)
        {
            throw NtfsErrors.TooLarge(path);
        }

        fileSystem.BeginChange();
        if (!_plain)
        {
            Decompress();
            _plain = true;
        }

        _changed = true;
    }

    private void Decompress()
    {
        long length = attribute.Length;
        var runs = new RunList();
        volume.Content.Grow(runs, volume.Geometry.ClustersFor(length));
        var buffer = new byte[CopySize];
        for (long at = 0; at < length; at += buffer.Length)
        {
            Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - at));
            _reader.Read(at, piece);
            volume.Content.WriteClusters(runs, at, piece);
        }

        bool overlay = _reader is OverlayReader;
        volume.Content.Free(attribute);
        attribute.Value = null;
        attribute.Flags = 0;
        attribute.Runs = runs;
        attribute.DataSize = attribute.InitializedSize = length;
        StandardInformation information = StandardInformation.Of(file);
        if (attribute.Name.Length == 0)
        {
            information.Attributes &= ~(FileAttributes.Compressed | FileAttributes.Sparse);
        }

        if (overlay)
        {
            fileSystem.RemoveReparsePoint(file);
            if (file.Find(AttributeType.Data, OverlayReader.StreamName) is { } stored)
            {
                volume.Content.Free(stored);
                file.Attributes.Remove(stored);
            }
        }

        _reader = new PlainReader(volume, attribute);
    }
}
