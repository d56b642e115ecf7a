namespace V2V.Storage.Images;

/// <summary>A range of a parent or backing device as the layer above sees it: what lies behind its end reads as zero.</summary>
internal sealed class BackingView(BlockDevice backing, long start, long length, bool ownsBacking) : BlockDevice
{
    public override long Length => length;

    public override int SectorSize => backing.SectorSize;

    private long Available => Math.Clamp(backing.Length - start, 0, length);

    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        int stored = (int)Math.Clamp(Available - offset, 0, buffer.Length);
        if (stored > 0)
        {
            backing.Read(start + offset, buffer[..stored]);
        }

        buffer[stored..].Clear();
    }

    public override IEnumerable<BlockExtent> GetExtents(long offset, long length)
    {
        CheckRange(offset, length);
        long stored = Math.Clamp(Available - offset, 0, length);
        if (stored > 0)
        {
            foreach (BlockExtent extent in backing.GetExtents(start + offset, stored))
            {
                yield return extent with { Offset = extent.Offset - start };
            }
        }

        if (length > stored)
        {
            yield return new BlockExtent(offset + stored, length - stored, BlockExtentKind.Absent);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && ownsBacking)
        {
            backing.Dispose();
        }

        base.Dispose(disposing);
    }
}
