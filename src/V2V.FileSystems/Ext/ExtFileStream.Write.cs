using V2V.FileSystems.Ext.Mapping;

namespace V2V.FileSystems.Ext;

/// <summary>What changes a file's content. Every call leaves map, size and counters in agreement.</summary>
internal sealed partial class ExtFileStream
{
    private const long MaxReserve = 8 << 20;

    public override void Flush()
    {
        // Data goes to the device at once; metadata belongs to the file system's own Flush.
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        CheckWritable();
        if (buffer.IsEmpty)
        {
            return;
        }

        _volume.Trim();
        long end = checked(Position + buffer.Length);
        if (IsInline)
        {
            byte[] content = InlineData.Read(_inode);
            if (end <= _volume.BlockSize && InlineData.TryStore(_volume, _inode, Patched(content, Position, buffer)))
            {
                Finish(Math.Max(end, content.Length));
                Position = end;
                return;
            }

            Spill(content);
        }

        CheckLimit(end);
        if (Position > _inode.Size)
        {
            ZeroMapped(_inode.Size, Position);
        }

        try
        {
            WriteBlocks(Position, buffer);
        }
        catch
        {
            // What was allocated past the end of the file would be out of its reach.
            _volume.Inodes.MapOf(_inode).Truncate((_inode.Size + _volume.BlockSize - 1) / _volume.BlockSize);
            throw;
        }

        Finish(Math.Max(end, _inode.Size));
        Position = end;
    }

    public override void SetLength(long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        CheckWritable();
        long old = _inode.Size;
        if (value == old)
        {
            return;
        }

        _volume.Trim();
        if (IsInline)
        {
            byte[] content = InlineData.Read(_inode);
            if (value <= _volume.BlockSize && InlineData.TryStore(_volume, _inode, Resized(content, (int)value)))
            {
                Finish(value);
                return;
            }

            Spill(content);
        }

        CheckLimit(value);
        if (value > old)
        {
            ZeroMapped(old, value);
        }
        else
        {
            int blockSize = _volume.BlockSize;
            BlockMap map = _volume.Inodes.MapOf(_inode);
            map.Truncate((value + blockSize - 1) / blockSize);
            ZeroMapped(value, Math.Min(old, (value + blockSize - 1) / blockSize * blockSize));
        }

        Finish(value);
    }

    private static byte[] Patched(byte[] content, long position, ReadOnlySpan<byte> with)
    {
        byte[] patched = Resized(content, (int)Math.Max(content.Length, position + with.Length));
        with.CopyTo(patched.AsSpan((int)position));
        return patched;
    }

    private static byte[] Resized(byte[] content, int length)
    {
        var resized = new byte[length];
        content.AsSpan(0, Math.Min(length, content.Length)).CopyTo(resized);
        return resized;
    }

    private void CheckWritable()
    {
        ObjectDisposedException.ThrowIf(!IsOpen, this);
        if (!_writable)
        {
            throw new NotSupportedException("The stream is open for reading only.");
        }
    }

    private void CheckLimit(long length)
    {
        long limit = _volume.Inodes.MapOf(_inode).LogicalLimit;
        if ((length + _volume.BlockSize - 1) / _volume.BlockSize > limit || (length > int.MaxValue && !_volume.AllowLargeFile()))
        {
            throw ExtErrors.TooLarge(length);
        }
    }

    private void Finish(long size)
    {
        _inode.Size = size;
        _inode.Touch(contentChanged: true);
    }

    /// <summary>Moves inline content to blocks.</summary>
    private void Spill(byte[] content)
    {
        InlineData.Remove(_volume, _inode);
        if (content.Length == 0)
        {
            return;
        }

        try
        {
            WriteBlocks(0, content);
        }
        catch
        {
            _volume.Inodes.MapOf(_inode).Truncate(0);
            InlineData.Restore(_volume, _inode, content);
            throw;
        }
    }

    /// <summary>Zeroes what is stored of a range that has been beyond the end of the file.</summary>
    private void ZeroMapped(long from, long to)
    {
        int blockSize = _volume.BlockSize;
        foreach (BlockRun run in _volume.Inodes.MapOf(_inode).Runs(from / blockSize, (to + blockSize - 1) / blockSize))
        {
            if (run.Kind == BlockRunKind.Data)
            {
                long start = Math.Max(from, run.Logical * blockSize);
                long end = Math.Min(to, run.End * blockSize);
                Zero((run.Physical * blockSize) + start - (run.Logical * blockSize), end - start);
            }
        }
    }

    private void Zero(long offset, long length)
    {
        if (length > _volume.BlockSize)
        {
            _volume.Device.WriteZeroes(offset, length);
        }
        else if (length > 0)
        {
            _volume.Device.Write(offset, new byte[length]);
        }
    }

    private void WriteBlocks(long position, ReadOnlySpan<byte> buffer)
    {
        BlockMap map = _volume.Inodes.MapOf(_inode);
        int blockSize = _volume.BlockSize;
        while (!buffer.IsEmpty)
        {
            int within = (int)(position % blockSize);
            long logical = position / blockSize;
            long needed = ((long)within + buffer.Length + blockSize - 1) / blockSize;
            BlockRun run = map.Find(logical, needed);
            bool allocated = run.Kind == BlockRunKind.Hole;
            if (allocated)
            {
                run = Allocate(map, run);
            }

            int length = (int)Math.Min((run.Count * blockSize) - within, buffer.Length);
            long offset = run.Physical * blockSize;
            _volume.Device.Write(offset + within, buffer[..length]);
            if (run.Kind != BlockRunKind.Data)
            {
                long count = ((long)within + length + blockSize - 1) / blockSize;
                Zero(offset, within);
                Zero(offset + within + length, (count * blockSize) - within - length);
                MapRun(map, run with { Count = count });
            }

            position += length;
            buffer = buffer[length..];
        }
    }

    private void MapRun(BlockMap map, BlockRun run)
    {
        try
        {
            map.Map(run.Logical, run.Physical, run.Count);
        }
        catch
        {
            if (run.Kind == BlockRunKind.Hole && ImpliedBy(map, run.Logical) is null)
            {
                _volume.Blocks.Free(_inode, run.Physical, run.Count);
            }

            throw;
        }
    }

    /// <summary>Finds storage for the start of a hole; no more than what the hole takes of it.</summary>
    private BlockRun Allocate(BlockMap map, BlockRun hole)
    {
        int ratio = _volume.Super.ClusterRatio;
        if (ratio > 1)
        {
            if (ImpliedBy(map, hole.Logical) is { } neighbour)
            {
                long clusterEnd = ((hole.Logical / ratio) + 1) * ratio;
                return hole with
                {
                    Physical = neighbour.Physical + hole.Logical - neighbour.Logical,
                    Count = Math.Min(hole.Count, clusterEnd - hole.Logical),
                };
            }

            long lastCluster = (hole.End - 1) / ratio;
            if (lastCluster > hole.Logical / ratio && ImpliedBy(map, lastCluster * ratio) is not null)
            {
                hole = hole with { Count = (lastCluster * ratio) - hole.Logical };
            }
        }

        int skip = (int)(hole.Logical % ratio);
        long ahead = Math.Clamp(_inode.Size, 0, MaxReserve) / _volume.BlockSize;
        (long block, long count) = _volume.Blocks.Allocate(
            _inode, map.Goal(hole.Logical), hole.Count + skip, hole.Count + ahead, metadata: false);
        return hole with { Physical = block + skip, Count = Math.Min(hole.Count, count - skip) };
    }

    /// <summary>With bigalloc: a run that already lives in the cluster of a logical block, and so decides where the rest of it is.</summary>
    private BlockRun? ImpliedBy(BlockMap map, long logical)
    {
        int ratio = _volume.Super.ClusterRatio;
        long start = logical / ratio * ratio;
        foreach (BlockRun run in map.Runs(start, start + ratio))
        {
            return run;
        }

        return null;
    }
}
