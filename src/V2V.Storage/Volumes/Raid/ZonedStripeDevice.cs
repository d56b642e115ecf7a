using V2V.Storage.Volumes.Mapping;

namespace V2V.Storage.Volumes.Raid;

/// <summary>
/// md's RAID 0 over members of different sizes: a zone over all members as long as the shortest, then zones over those that go on.
/// </summary>
internal sealed class ZonedStripeDevice : MappedDevice
{
    private readonly Zone[] _zones;
    private readonly long _chunk;
    private readonly bool _isOriginal;

    /// <param name="members">The members in the array's order, each a whole number of chunks long.</param>
    /// <param name="chunk">Chunk size in bytes.</param>
    /// <param name="isOriginal">True for the layout before Linux 3.14, which counts chunks from the start of the array, not of the zone.</param>
    internal ZonedStripeDevice(IReadOnlyList<BlockDevice> members, long chunk, bool isOriginal)
    {
        _chunk = chunk;
        _isOriginal = isOriginal;
        var zones = new List<Zone>();
        long done = 0, start = 0;
        while (members.Where(m => m.Length > done).ToArray() is { Length: > 0 } rest)
        {
            long next = rest.Min(m => m.Length);
            zones.Add(new Zone(start, done, rest));
            start += (next - done) * rest.Length;
            done = next;
        }

        _zones = [.. zones];
        Length = start;
        SectorSize = members.Max(m => m.SectorSize);
        CanWrite = members.All(m => m.CanWrite);
    }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override int SectorSize { get; }

    /// <inheritdoc/>
    public override bool CanWrite { get; }

    /// <summary>Number of zones.</summary>
    internal int ZoneCount => _zones.Length;

    /// <inheritdoc/>
    public override void Flush() => Array.ForEach(_zones[0].Members, m => m.Flush());

    /// <inheritdoc/>
    protected override DeviceRun Locate(long offset)
    {
        int index = _zones.Length - 1;
        while (_zones[index].Start > offset)
        {
            index--;
        }

        Zone zone = _zones[index];
        (long chunk, long within) = Math.DivRem(offset - zone.Start, _chunk);
        long row = chunk / zone.Members.Length;
        long member = (_isOriginal ? offset / _chunk : chunk) % zone.Members.Length;
        return new DeviceRun(zone.Members[member], zone.MemberStart + (row * _chunk) + within, _chunk - within);
    }

    /// <summary>A part of the array that the same members share.</summary>
    /// <param name="Start">First byte in the array.</param>
    /// <param name="MemberStart">First byte on each member.</param>
    /// <param name="Members">The members.</param>
    private sealed record Zone(long Start, long MemberStart, BlockDevice[] Members);
}
