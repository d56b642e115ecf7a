namespace V2V.Storage;

/// <summary>
/// A disk, partition, logical volume or overlay as a range of bytes. Reads and writes are positional and thread-safe for
/// ranges that do not overlap, so that a copy can use every core. Any offset and length is allowed: a device that works in
/// sectors or clusters does the read-modify-write itself.
/// </summary>
public abstract class BlockDevice : IDisposable
{
    /// <summary>Size in bytes.</summary>
    public abstract long Length { get; }

    /// <summary>Logical sector size in bytes that addresses in partition tables refer to: 512 or 4096.</summary>
    public virtual int SectorSize => 512;

    /// <summary>True if <see cref="Write"/> is possible.</summary>
    public virtual bool CanWrite => false;

    /// <summary>Fills <paramref name="buffer"/> from byte <paramref name="offset"/>.</summary>
    /// <exception cref="V2VException">The range reaches past the end, or the stored form is damaged.</exception>
    public abstract void Read(long offset, Span<byte> buffer);

    /// <summary>Writes <paramref name="buffer"/> at byte <paramref name="offset"/>.</summary>
    /// <exception cref="V2VException">The device is read-only, or the range reaches past the end.</exception>
    public virtual void Write(long offset, ReadOnlySpan<byte> buffer) => throw ReadOnly();

    /// <summary>Makes a range read as zero, storing nothing for it where the format can say so.</summary>
    public virtual void WriteZeroes(long offset, long length)
    {
        CheckRange(offset, length);
        var zeroes = new byte[(int)Math.Min(length, 1 << 20)];
        while (length > 0)
        {
            int step = (int)Math.Min(length, zeroes.Length);
            Write(offset, zeroes.AsSpan(0, step));
            offset += step;
            length -= step;
        }
    }

    /// <summary>Makes everything written so far durable.</summary>
    public virtual void Flush()
    {
    }

    /// <summary>
    /// What is known of a range without reading it: extents in ascending order, without gaps or overlap, that together
    /// cover exactly the range. Neighbours of one kind may be merged. An overlay reports <see cref="BlockExtentKind.Absent"/>
    /// only where no layer below stores anything either, so a copy needs to read <see cref="BlockExtentKind.Data"/> only.
    /// </summary>
    public virtual IEnumerable<BlockExtent> GetExtents(long offset, long length)
    {
        CheckRange(offset, length);
        return length == 0 ? [] : [new BlockExtent(offset, length, BlockExtentKind.Data)];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what the device holds open.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>Throws unless the range lies within the device.</summary>
    protected void CheckRange(long offset, long length)
    {
        if (offset < 0 || length < 0 || offset > Length - length)
        {
            throw V2VException.Corrupt(
                "BlockRangeOutside",
                FormattableString.Invariant($"A range of {length} bytes at offset {offset} lies outside a device of {Length} bytes."));
        }
    }

    /// <summary>The error for a write to a device that cannot be written.</summary>
    protected static V2VException ReadOnly() =>
        new("BlockDeviceReadOnly", V2VErrorKind.InvalidState, "The device is open for reading only.");
}
