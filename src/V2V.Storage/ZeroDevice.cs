namespace V2V.Storage;

/// <summary>A blank disk of any size: reads as zero, stores nothing, cannot be written.</summary>
public sealed class ZeroDevice : BlockDevice
{
    /// <param name="length">Length in bytes.</param>
    /// <param name="sectorSize">Logical sector size, 512 or 4096.</param>
    public ZeroDevice(long length, int sectorSize = 512)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;
        SectorSize = sectorSize;
    }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override int SectorSize { get; }

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        buffer.Clear();
    }

    /// <inheritdoc/>
    public override IEnumerable<BlockExtent> GetExtents(long offset, long length)
    {
        CheckRange(offset, length);
        return length == 0 ? [] : [new BlockExtent(offset, length, BlockExtentKind.Absent)];
    }
}
