namespace V2V.Storage.Volumes.Mapping;

/// <summary>A volume that can be read but must not be written, and says why.</summary>
internal sealed class ReadOnlyDevice(BlockDevice device, string reason, string advice) : BlockDevice
{
    /// <inheritdoc/>
    public override long Length => device.Length;

    /// <inheritdoc/>
    public override int SectorSize => device.SectorSize;

    /// <summary>Why it must not be written.</summary>
    internal string Reason => reason;

    /// <summary>What the user can do.</summary>
    internal string Advice => advice;

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> buffer) => device.Read(offset, buffer);

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> buffer) => throw Refused();

    /// <inheritdoc/>
    public override void WriteZeroes(long offset, long length) => throw Refused();

    /// <inheritdoc/>
    public override IEnumerable<BlockExtent> GetExtents(long offset, long length) => device.GetExtents(offset, length);

    private V2VException Refused() => new("VolumeReadOnly", V2VErrorKind.InvalidState, reason, advice: advice);
}
