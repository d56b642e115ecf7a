using V2V.Storage;

namespace V2V.Core.Export.Targets;

/// <summary>A raw file: the length is set first, then only what is not zero is written.</summary>
internal sealed class RawTarget : DiskTarget
{
    /// <summary>Granularity of zero detection: the block size of most host file systems.</summary>
    public const int BlockSize = 4096;

    private readonly TargetFile _file;
    private readonly long _reserved;
    private long _stored;

    /// <param name="file">An empty file; disposed with the target.</param>
    /// <param name="virtualSize">Size of the disk in bytes.</param>
    /// <param name="isPreallocated">True if all space is reserved already.</param>
    public RawTarget(TargetFile file, long virtualSize, bool isPreallocated)
    {
        _file = file;
        _reserved = isPreallocated ? virtualSize : 0;
        _file.SetLength(virtualSize);
    }

    /// <inheritdoc/>
    public override int Unit => BlockSize;

    /// <inheritdoc/>
    public override long StoredBytes => Math.Max(Interlocked.Read(ref _stored), _reserved);

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> data)
    {
        int position = 0;
        while (NextDataRun(data, ref position, out int start))
        {
            _file.Write(offset + start, data[start..position]);
            Interlocked.Add(ref _stored, position - start);
        }
    }

    /// <inheritdoc/>
    public override void StartWriteback() => LinuxFiles.StartWriteback(_file.Handle);

    /// <inheritdoc/>
    public override void Flush() => _file.Flush();

    /// <summary>The next run of blocks that are not all zero, from <paramref name="position"/>, which ends up behind it.</summary>
    internal static bool NextDataRun(ReadOnlySpan<byte> data, ref int position, out int start)
    {
        while (position < data.Length && IsZero(data, position))
        {
            position = Math.Min(position + BlockSize, data.Length);
        }

        start = position;
        while (position < data.Length && !IsZero(data, position))
        {
            position = Math.Min(position + BlockSize, data.Length);
        }

        return position > start;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file.Dispose();
        }

        base.Dispose(disposing);
    }

    private static bool IsZero(ReadOnlySpan<byte> data, int position) =>
        !data.Slice(position, Math.Min(BlockSize, data.Length - position)).ContainsAnyExcept((byte)0);
}
