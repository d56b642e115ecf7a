namespace V2V.Storage.Vmdk;

/// <summary>
/// A part of a disk that is stored in grains. Grains that are not stored come from the parent, or are zero. Subclasses know
/// how a stored grain is read.
/// </summary>
internal abstract class SparseExtent : BlockDevice
{
    private readonly BlockDevice? _parent;

    /// <param name="file">The file that holds the grains; owned.</param>
    /// <param name="name">Its name, for messages.</param>
    /// <param name="map">Where the grains are.</param>
    /// <param name="grainSize">Bytes in a grain.</param>
    /// <param name="length">Length of the part in bytes.</param>
    /// <param name="parent">The parent's view of the same range, or null; owned.</param>
    protected SparseExtent(BlockDevice file, string name, GrainMap map, int grainSize, long length, BlockDevice? parent)
    {
        File = file;
        Name = name;
        Map = map;
        GrainSize = grainSize;
        Length = length;
        _parent = parent;
    }

    public override long Length { get; }

    protected BlockDevice File { get; }

    protected string Name { get; }

    protected GrainMap Map { get; }

    protected int GrainSize { get; }

    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        while (!buffer.IsEmpty)
        {
            long grain = offset / GrainSize;
            long location = Map.Locate(grain);
            int step = location >= 0 ? ReadStored(offset, buffer, location) : ReadUnstored(offset, buffer, location);
            offset += step;
            buffer = buffer[step..];
        }
    }

    public override IEnumerable<BlockExtent> GetExtents(long offset, long length)
    {
        CheckRange(offset, length);
        long end = offset + length;
        while (offset < end)
        {
            (long runEnd, BlockExtentKind kind) = FindRun(offset, end);
            if (kind == BlockExtentKind.Absent && _parent is not null)
            {
                foreach (BlockExtent extent in _parent.GetExtents(offset, runEnd - offset))
                {
                    yield return extent;
                }
            }
            else
            {
                yield return new BlockExtent(offset, runEnd - offset, kind);
            }

            offset = runEnd;
        }
    }

    /// <summary>Reads from a stored grain, and from those that follow it where that is cheaper in one go; returns the bytes read.</summary>
    protected abstract int ReadStored(long offset, Span<byte> buffer, long location);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            File.Dispose();
            _parent?.Dispose();
        }

        base.Dispose(disposing);
    }

    private int ReadUnstored(long offset, Span<byte> buffer, long kind)
    {
        long grain = offset / GrainSize;
        int run = (int)Math.Min(GrainSize - (offset % GrainSize), buffer.Length);
        while (run < buffer.Length && Map.Locate(++grain) == kind)
        {
            run = (int)Math.Min((long)run + GrainSize, buffer.Length);
        }

        if (kind == GrainMap.Absent && _parent is not null)
        {
            _parent.Read(offset, buffer[..run]);
        }
        else
        {
            buffer[..run].Clear();
        }

        return run;
    }

    private (long End, BlockExtentKind Kind) FindRun(long offset, long end)
    {
        long grain = offset / GrainSize;
        BlockExtentKind kind = KindOf(grain);
        do
        {
            int table = (int)(grain / Map.GrainsPerTable);
            grain = Map.IsTableAbsent(table) ? (table + 1L) * Map.GrainsPerTable : grain + 1;
        }
        while (grain * GrainSize < end && KindOf(grain) == kind);
        return (Math.Min(grain * GrainSize, end), kind);
    }

    private BlockExtentKind KindOf(long grain) => Map.Locate(grain) switch
    {
        GrainMap.Absent => BlockExtentKind.Absent,
        GrainMap.Zero => BlockExtentKind.Zero,
        _ => BlockExtentKind.Data,
    };
}
