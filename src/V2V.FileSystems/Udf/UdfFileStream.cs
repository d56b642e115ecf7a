using V2V.Storage;

namespace V2V.FileSystems.Udf;

/// <summary>The content of a file: in its entry, or in extents; what is not recorded is zero.</summary>
internal sealed class UdfFileStream : PositionalStream
{
    private readonly UdfVolume _volume;
    private readonly UdfFile _file;
    private readonly string _path;
    private readonly PartitionMap? _map;
    private readonly long[] _starts;
    private readonly long _end;

    /// <param name="volume">The volume.</param>
    /// <param name="file">The file.</param>
    /// <param name="path">Its path, for messages.</param>
    /// <param name="map">The partition that all its extents are in; null for those that they name.</param>
    public UdfFileStream(UdfVolume volume, UdfFile file, string path, PartitionMap? map = null)
    {
        (_volume, _file, _path, _map) = (volume, file, path, map);
        _starts = new long[file.Extents.Count];
        for (int i = 0; i < _starts.Length; i++)
        {
            _starts[i] = _end;
            _end += file.Extents[i].Length;
        }
    }

    /// <inheritdoc/>
    public override long Length => _file.Length;

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        int count = (int)Math.Max(0, Math.Min(buffer.Length, Length - Position));
        if (_file.Inline is { } content)
        {
            content.Span.Slice((int)Math.Min(Position, content.Length), count).CopyTo(buffer);
            Position += count;
            return count;
        }

        if (Position + count > _end)
        {
            throw UdfErrors.File(_path, "its extents end before it does");
        }

        int index = Array.BinarySearch(_starts, Position) is >= 0 and var exact ? exact : ~Array.BinarySearch(_starts, Position) - 1;
        for (int done = 0; done < count; index++)
        {
            UdfExtent extent = _file.Extents[index];
            long skip = Position - _starts[index];
            Span<byte> part = buffer.Slice(done, (int)Math.Min(extent.Length - skip, count - done));
            if (extent.IsRecorded)
            {
                _volume.Read(_map ?? _volume.MapOf(extent.Address.Partition), extent.Address.Block, skip, part);
            }
            else
            {
                part.Clear();
            }

            done += part.Length;
            Position += part.Length;
        }

        return count;
    }
}
