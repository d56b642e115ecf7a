namespace V2V.Storage.Volumes.Mapping;

/// <summary>Chunks dealt out to devices in turn: a striped logical volume, or RAID 0 over members of one size.</summary>
internal sealed class StripedDevice : MappedDevice
{
    private readonly BlockDevice[] _members;
    private readonly long _chunk;

    /// <param name="members">At least one; each at least <paramref name="length"/> / count bytes long.</param>
    /// <param name="chunk">Chunk size in bytes.</param>
    /// <param name="length">Length of the whole in bytes.</param>
    internal StripedDevice(IReadOnlyList<BlockDevice> members, long chunk, long length)
    {
        _members = [.. members];
        _chunk = chunk;
        Length = length;
        SectorSize = _members.Max(m => m.SectorSize);
        CanWrite = Array.TrueForAll(_members, m => m.CanWrite);
    }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override int SectorSize { get; }

    /// <inheritdoc/>
    public override bool CanWrite { get; }

    /// <inheritdoc/>
    public override void Flush() => Array.ForEach(_members, m => m.Flush());

    /// <inheritdoc/>
    protected override DeviceRun Locate(long offset)
    {
        (long chunk, long within) = Math.DivRem(offset, _chunk);
        (long row, long member) = Math.DivRem(chunk, _members.Length);
        return new DeviceRun(_members[member], (row * _chunk) + within, _chunk - within);
    }
}
