using System.Buffers;
using V2V.FileSystems.Xfs.Allocation;
using V2V.FileSystems.Xfs.Mapping;
using V2V.Storage;

namespace V2V.FileSystems.Xfs;

/// <summary>What changes a file's content. Blocks that another file shares are copied before they are written.</summary>
internal sealed partial class XfsFileStream
{
    private const int CopySize = 1 << 20;

    /// <summary>The largest offset that the kernel handles.</summary>
    private const long MaxLength = long.MaxValue;

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
        _volume.Space.IsFreeing = false;
        if (buffer.Length > MaxLength - Position)
        {
            throw TooLarge(Position);
        }

        long end = Position + buffer.Length;
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
            _inode.Data.Truncate((_inode.Size + _volume.BlockSize - 1) / _volume.BlockSize);
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
        _volume.Space.IsFreeing = value < old;
        CheckLimit(value);
        int blockSize = _volume.BlockSize;
        if (value > old)
        {
            ZeroMapped(old, value);
        }
        else
        {
            long endBlock = (value + blockSize - 1) / blockSize;
            ZeroMapped(value, Math.Min(old, endBlock * blockSize));
            _inode.Data.Truncate(endBlock);
        }

        Finish(value);
    }

    private static V2VException TooLarge(long length) => new(
        "XfsFileTooLarge", V2VErrorKind.NoSpace, FormattableString.Invariant($"A file of {length} bytes is larger than this file system can map."));

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
        if (length > MaxLength - _volume.BlockSize)
        {
            throw TooLarge(length);
        }
    }

    private void Finish(long size)
    {
        _inode.Size = size;
        _inode.Touch(contentChanged: true);
    }

    /// <summary>Zeroes what is stored of a range that has been beyond the end of the file, or is to be.</summary>
    private void ZeroMapped(long from, long to)
    {
        int blockSize = _volume.BlockSize;
        while (from < to)
        {
            BlockRun run = _inode.Data.Find(from / blockSize, ((to - 1) / blockSize) - (from / blockSize) + 1);
            long end = Math.Min(to, (run.Logical + run.Count) * blockSize);
            if (run.Kind == BlockRunKind.Data)
            {
                run = Unshare(run, from % blockSize != 0 || end % blockSize != 0);
                end = Math.Min(to, (run.Logical + run.Count) * blockSize);
                Zero(_volume.Super.OffsetOf(run.FsBlock) + from - (run.Logical * blockSize), end - from);
            }

            from = end;
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
        int blockSize = _volume.BlockSize;
        while (!buffer.IsEmpty)
        {
            int within = (int)(position % blockSize);
            long needed = ((long)within + buffer.Length + blockSize - 1) / blockSize;
            BlockRun run = _inode.Data.Find(position / blockSize, needed);
            bool wasData = run.Kind == BlockRunKind.Data;
            bool wasUnwritten = run.Kind == BlockRunKind.Unwritten;
            if (wasData)
            {
                bool partial = within != 0 || ((long)within + buffer.Length) % blockSize != 0;
                run = Unshare(run, partial);
            }
            else if (!wasUnwritten)
            {
                run = _inode.Data.Allocate(run.Logical, run.Count);
            }

            int length = (int)Math.Min((run.Count * blockSize) - within, buffer.Length);
            long offset = _volume.Super.OffsetOf(run.FsBlock);
            _volume.Device.Write(offset + within, buffer[..length]);
            if (!wasData)
            {
                long count = ((long)within + length + blockSize - 1) / blockSize;
                Zero(offset, within);
                Zero(offset + within + length, (count * blockSize) - within - length);
                if (wasUnwritten)
                {
                    _inode.Data.MarkWritten(run.Logical, count);
                }
            }

            position += length;
            buffer = buffer[length..];
        }
    }

    /// <summary>
    /// Makes sure that a run of written blocks belongs to this file alone, by moving the file to new blocks where it does not; returns
    /// the part that can be written in place.
    /// </summary>
    /// <param name="run">Written blocks of the file.</param>
    /// <param name="copy">True if not all of them will be overwritten, so that their content must come along.</param>
    private BlockRun Unshare(BlockRun run, bool copy)
    {
        XfsSuperblock super = _volume.Super;
        AllocationGroup group = _volume.Group(super.GroupOf(run.FsBlock));
        if (!_inode.IsReflink || group.Refcounts is null)
        {
            return run;
        }

        (uint count, bool shared) = group.Refcounts.Classify(super.BlockInGroup(run.FsBlock), (uint)Math.Min(run.Count, uint.MaxValue));
        run = run with { Count = count };
        if (!shared)
        {
            return run;
        }

        // Only so much at a time that its content fits in memory; two runs in the list may become four.
        count = (uint)Math.Min(count, Math.Max(1, CopySize / _volume.BlockSize));
        group.RequireTreeSpace((uint)group.Refcounts.Levels + 2);
        _volume.Space.Require(count + 8);
        (ulong fsBlock, uint found) = _volume.Space.Allocate(_inode.Data.Goal(run.Logical), count);
        if (copy)
        {
            Copy(super.OffsetOf(run.FsBlock), super.OffsetOf(fsBlock), (int)found << super.BlockLog);
        }

        _inode.Data.Unmap(run.Logical, found);
        _inode.Data.Map(run.Logical, fsBlock, found);
        return run with { FsBlock = fsBlock, Count = found };
    }

    private void Copy(long from, long to, int length)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(length);
        _volume.Device.Read(from, buffer.AsSpan(0, length));
        _volume.Device.Write(to, buffer.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(buffer);
    }
}
