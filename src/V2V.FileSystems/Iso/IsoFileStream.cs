using V2V.Storage;

namespace V2V.FileSystems.Iso;

/// <summary>The content of a file: its extents one after the other.</summary>
internal sealed class IsoFileStream : PositionalStream
{
    private readonly IsoVolume _volume;
    private readonly string _path;
    private readonly (long Start, long Offset, long Length)[] _extents;

    /// <exception cref="V2VException"><c>IsoInterleavedFile</c>, <c>IsoCompressedFile</c>.</exception>
    public IsoFileStream(IsoVolume volume, IsoNode node, string path)
    {
        if (node.Extents.Any(e => e.IsInterleaved))
        {
            throw IsoErrors.Interleaved(path);
        }

        if (node.Rock?.IsCompressed == true)
        {
            throw IsoErrors.Compressed(path);
        }

        _volume = volume;
        _path = path;
        _extents = new (long, long, long)[node.Extents.Count];
        long start = 0;
        for (int i = 0; i < _extents.Length; i++)
        {
            IsoRecord extent = node.Extents[i];
            _extents[i] = (start, extent.Block * volume.BlockSize, extent.Length);
            start += extent.Length;
        }

        Length = start;
    }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        int count = (int)Math.Max(0, Math.Min(buffer.Length, Length - Position));
        int index = count == 0 ? 0 : IndexOf(Position);
        for (int done = 0; done < count; index++)
        {
            (long start, long offset, long length) = _extents[index];
            long skip = Position - start;
            int step = (int)Math.Min(length - skip, count - done);
            if (offset + skip > _volume.Device.Length - step)
            {
                throw IsoErrors.Content(_path, "it lies outside the image");
            }

            _volume.Device.Read(offset + skip, buffer.Slice(done, step));
            done += step;
            Position += step;
        }

        return count;
    }

    /// <summary>The last extent that begins at or before a position.</summary>
    private int IndexOf(long position)
    {
        int low = 0, high = _extents.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            (low, high) = _extents[middle].Start <= position ? (middle, high) : (low, middle - 1);
        }

        return low;
    }
}
