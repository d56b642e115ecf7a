namespace V2V.Core.Export.Targets;

/// <summary>Writes nothing, but does everything before: finds the units that are not zero and counts them.</summary>
internal sealed class NullTarget(int unit) : DiskTarget
{
    private long _stored;

    /// <inheritdoc/>
    public override int Unit => unit;

    /// <inheritdoc/>
    public override long StoredBytes => Interlocked.Read(ref _stored);

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> data)
    {
        long stored = 0;
        while (!data.IsEmpty)
        {
            ReadOnlySpan<byte> block = data[..Math.Min(unit, data.Length)];
            stored += block.ContainsAnyExcept((byte)0) ? unit : 0;
            data = data[block.Length..];
        }

        Interlocked.Add(ref _stored, stored);
    }
}
