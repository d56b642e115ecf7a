namespace V2V.Storage;

/// <summary>A window of another device: a partition, or an image inside a container.</summary>
public sealed class SubDevice : BlockDevice
{
    private readonly BlockDevice _parent;
    private readonly long _start;
    private readonly bool _ownsParent;

    /// <param name="parent">The device that holds the window.</param>
    /// <param name="offset">First byte of the window in the parent.</param>
    /// <param name="length">Length of the window in bytes.</param>
    /// <param name="ownsParent">True to dispose of the parent with the window.</param>
    /// <exception cref="V2VException"><c>BlockRangeOutside</c> if the window reaches past the end of the parent.</exception>
    public SubDevice(BlockDevice parent, long offset, long length, bool ownsParent = false)
    {
        if (offset < 0 || length < 0 || offset > parent.Length - length)
        {
            throw V2VException.Corrupt(
                "BlockRangeOutside",
                FormattableString.Invariant($"A window of {length} bytes at offset {offset} lies outside a device of {parent.Length} bytes."));
        }

        _parent = parent;
        _start = offset;
        Length = length;
        _ownsParent = ownsParent;
    }

    /// <summary>First byte of the window in its parent.</summary>
    public long Start => _start;

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override int SectorSize => _parent.SectorSize;

    /// <inheritdoc/>
    public override bool CanWrite => _parent.CanWrite;

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        _parent.Read(_start + offset, buffer);
    }

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        _parent.Write(_start + offset, buffer);
    }

    /// <inheritdoc/>
    public override void WriteZeroes(long offset, long length)
    {
        CheckRange(offset, length);
        _parent.WriteZeroes(_start + offset, length);
    }

    /// <inheritdoc/>
    public override void Flush() => _parent.Flush();

    /// <inheritdoc/>
    public override IEnumerable<BlockExtent> GetExtents(long offset, long length)
    {
        CheckRange(offset, length);
        return _parent.GetExtents(_start + offset, length).Select(e => e with { Offset = e.Offset - _start });
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && _ownsParent)
        {
            _parent.Dispose();
        }

        base.Dispose(disposing);
    }
}
