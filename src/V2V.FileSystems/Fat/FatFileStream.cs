using V2V.Storage;

namespace V2V.FileSystems.Fat;

/// <summary>
/// The content of a file. Reads go straight to the volume. A writable stream allocates at once but fills what a growing file
/// leaves unwritten with zeroes only when it is read, flushed or closed. Close it before the file is deleted or renamed.
/// </summary>
internal sealed class FatFileStream : PositionalStream
{
    private readonly FatVolume _volume;
    private readonly FatNode _node;
    private readonly string _path;
    private readonly bool _writable;
    private readonly List<FatRun> _runs;
    private long _length;
    private long _written;
    private bool _changed;

    public FatFileStream(FatVolume volume, FatNode node, string path, bool writable)
    {
        _volume = volume;
        _node = node;
        _path = path;
        _writable = writable;
        _length = _written = node.Size;
        uint first = node.Cluster(volume.Geometry.Bits);
        long needed = ClustersFor(_length);
        _runs = first == 0 || (needed == 0 && !writable) ? []
            : writable ? volume.Table.ReadFileChain(first)
            : volume.Table.ReadChain(first, needed);
        if (ClusterCount < needed)
        {
            throw FatErrors.Chain($"the chain of {path} ends before the file does");
        }
    }

    /// <inheritdoc/>
    public override bool CanWrite => _writable;

    /// <inheritdoc/>
    public override long Length => _length;

    private long ClusterCount => _runs.Count == 0 ? 0 : _runs[^1].Index + _runs[^1].Count;

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        int count = (int)Math.Max(0, Math.Min(buffer.Length, _length - Position));
        if (Position + count > _written)
        {
            FillWithZeroes(_length);
        }

        for (int done = 0; done < count;)
        {
            (long at, long left) = Find(Position);
            int step = (int)Math.Min(left, count - done);
            _volume.Device.Read(at, buffer.Slice(done, step));
            done += step;
            Position += step;
        }

        return count;
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (buffer.IsEmpty)
        {
            return;
        }

        if (Position + buffer.Length > _length)
        {
            SetLength(Position + buffer.Length);
        }

        if (Position > _written)
        {
            FillWithZeroes(Position);
        }

        CheckWritable();
        while (!buffer.IsEmpty)
        {
            (long at, long left) = Find(Position);
            int step = (int)Math.Min(left, buffer.Length);
            _volume.Device.Write(at, buffer[..step]);
            buffer = buffer[step..];
            Position += step;
        }

        _written = Math.Max(_written, Position);
        _changed = true;
    }

    /// <inheritdoc/>
    public override void SetLength(long value)
    {
        CheckWritable();
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        if (value > uint.MaxValue)
        {
            throw FatErrors.TooLarge(_path);
        }

        long wanted = ClustersFor(value);
        if (wanted > ClusterCount)
        {
            uint last = _runs.Count == 0 ? 0 : _runs[^1].Start + _runs[^1].Count - 1;
            _runs.AddRange(_volume.Table.Allocate(wanted - ClusterCount, last, ClusterCount));
        }
        else if (wanted < ClusterCount)
        {
            Truncate(wanted);
        }

        _length = value;
        _written = Math.Min(_written, value);
        _changed = true;
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        if (!_changed)
        {
            return;
        }

        FillWithZeroes(_length);
        _node.Size = (uint)_length;
        FatNode.SetCluster(_node.Raw, _runs.Count == 0 ? 0 : _runs[0].Start);
        FatNode.SetModified(_node.Raw, DateTimeOffset.UtcNow);
        _node.Raw[11] |= FatDirectory.AttributeArchive;
        _volume.Device.Write(_node.Offset, _node.Raw);
        _changed = false;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Flush();
        }

        base.Dispose(disposing);
    }

    private void CheckWritable()
    {
        if (!_writable)
        {
            throw new NotSupportedException("The stream was opened for reading.");
        }
    }

    private long ClustersFor(long length) => (length + _volume.Geometry.ClusterSize - 1) / _volume.Geometry.ClusterSize;

    private void Truncate(long wanted)
    {
        if (wanted == 0)
        {
            _volume.Table.FreeChain(_runs[0].Start);
            _runs.Clear();
            return;
        }

        while (_runs[^1].Index >= wanted)
        {
            _runs.RemoveAt(_runs.Count - 1);
        }

        _runs[^1] = _runs[^1] with { Count = (uint)(wanted - _runs[^1].Index) };
        _volume.Table.EndChainAt(_runs[^1].Start + _runs[^1].Count - 1);
    }

    private void FillWithZeroes(long end)
    {
        while (_written < end)
        {
            (long at, long left) = Find(_written);
            long step = Math.Min(left, end - _written);
            _volume.Device.WriteZeroes(at, step);
            _written += step;
        }
    }

    /// <summary>Where a byte of the file lies, and how many follow it there.</summary>
    private (long Offset, long Left) Find(long position)
    {
        int clusterSize = _volume.Geometry.ClusterSize;
        long cluster = position / clusterSize;
        int low = 0;
        int high = _runs.Count - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            (low, high) = _runs[middle].Index <= cluster ? (middle, high) : (low, middle - 1);
        }

        FatRun run = _runs[low];
        long within = position - (run.Index * clusterSize);
        return (_volume.Geometry.ClusterOffset(run.Start) + within, ((long)run.Count * clusterSize) - within);
    }
}
