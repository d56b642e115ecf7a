namespace V2V.Storage.Volumes.Raid;

/// <summary>Copies of the same bytes: RAID 1, or a mirrored logical volume. Reads the first copy, writes all.</summary>
internal sealed class MirrorDevice : BlockDevice
{
    private readonly BlockDevice[] _copies;

    /// <param name="copies">The copies that are up to date, at least one.</param>
    /// <param name="length">Length in bytes; no copy is shorter.</param>
    /// <param name="canWrite">False if a copy is missing.</param>
    internal MirrorDevice(IEnumerable<BlockDevice> copies, long length, bool canWrite)
    {
        _copies = [.. copies];
        Length = length;
        SectorSize = _copies.Max(c => c.SectorSize);
        CanWrite = canWrite && Array.TrueForAll(_copies, c => c.CanWrite);
    }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override int SectorSize { get; }

    /// <inheritdoc/>
    public override bool CanWrite { get; }

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        _copies[0].Read(offset, buffer);
    }

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        CheckWritable(offset, buffer.Length);
        foreach (BlockDevice copy in _copies)
        {
            copy.Write(offset, buffer);
        }
    }

    /// <inheritdoc/>
    public override void WriteZeroes(long offset, long length)
    {
        CheckWritable(offset, length);
        foreach (BlockDevice copy in _copies)
        {
            copy.WriteZeroes(offset, length);
        }
    }

    /// <inheritdoc/>
    public override void Flush() => Array.ForEach(_copies, c => c.Flush());

    /// <inheritdoc/>
    public override IEnumerable<BlockExtent> GetExtents(long offset, long length)
    {
        CheckRange(offset, length);
        return _copies[0].GetExtents(offset, length);
    }

    private void CheckWritable(long offset, long length)
    {
        CheckRange(offset, length);
        if (!CanWrite)
        {
            throw ReadOnly();
        }
    }
}
