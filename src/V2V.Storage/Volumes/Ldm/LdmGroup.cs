using V2V.Storage.Volumes.Mapping;
using V2V.Storage.Volumes.Raid;

namespace V2V.Storage.Volumes.Ldm;

/// <summary>A dynamic disk that was found.</summary>
/// <param name="Name">Its name: <c>sda</c>.</param>
/// <param name="Device">All of it.</param>
/// <param name="Header">What it says of itself.</param>
/// <param name="Database">Its copy of the group's database.</param>
/// <param name="Partitions">Names of its partitions that the volumes lie in.</param>
internal sealed record DynamicDisk(string Name, BlockDevice Device, PrivateHeader Header, LdmDatabase Database, IReadOnlyList<string> Partitions);

/// <summary>
/// A group of dynamic disks. The newest copy of the database says what volumes there are; a disk whose copy is older was away when the group changed, so
/// it counts as missing.
/// </summary>
internal sealed class LdmGroup
{
    private const string Active = "ACTIVE";

    private readonly LdmDatabase _database;
    private readonly Dictionary<uint, DynamicDisk> _disks = [];

    /// <param name="disks">The disks of one group, at least one.</param>
    internal LdmGroup(IReadOnlyList<DynamicDisk> disks)
    {
        DynamicDisk newest = disks.MaxBy(d => d.Database.Sequence)!;
        _database = newest.Database;
        Name = newest.Header.GroupName;
        foreach (DynamicDisk disk in disks)
        {
            if (disk.Database.Sequence < _database.Sequence)
            {
                Stale.Add(disk.Name);
            }
            else if (_database.Disks.Find(d => d.Guid == disk.Header.DiskId) is not { } known)
            {
                Strange.Add(disk.Name);
            }
            else if (!_disks.TryAdd(known.Id, disk))
            {
                Twins.Add(disk.Name);
            }
        }
    }

    /// <summary>The group's name.</summary>
    internal string Name { get; }

    /// <summary>What the database describes.</summary>
    internal IReadOnlyList<LdmVolume> Volumes => _database.Volumes;

    /// <summary>Disks whose database is older than the group's.</summary>
    internal List<string> Stale { get; } = [];

    /// <summary>Disks that the database does not know.</summary>
    internal List<string> Strange { get; } = [];

    /// <summary>Disks that say they are another one.</summary>
    internal List<string> Twins { get; } = [];

    /// <summary>The partitions that a volume lies in, as far as its disks are there.</summary>
    internal string[] Members(LdmVolume volume) =>
    [
        .. _database.Components.Where(c => c.VolumeId == volume.Id)
            .SelectMany(c => _database.Partitions.Where(p => p.ComponentId == c.Id))
            .Select(p => _disks.GetValueOrDefault(p.DiskId)).OfType<DynamicDisk>().SelectMany(d => d.Partitions).Distinct(),
    ];

    /// <summary>Puts a volume together.</summary>
    /// <param name="volume">The volume.</param>
    /// <param name="name">Its name in messages.</param>
    /// <returns>Its bytes, and why it must not be written if a part of it is missing.</returns>
    internal (BlockDevice Device, string? ReadOnlyReason, bool HasParity) Make(LdmVolume volume, string name)
    {
        LdmComponent[] components = [.. _database.Components.Where(c => c.VolumeId == volume.Id)];
        if (components.Length != volume.ComponentCount || components.Length == 0)
        {
            throw LdmErrors.Damaged($"the volume {volume.Name} lacks a part", name);
        }

        if (volume.State != Active)
        {
            throw LdmErrors.NotActive(name, volume.State);
        }

        long length = Length(volume.Sectors);
        var copies = new List<(BlockDevice Device, string? Reason)>();
        V2VException? refused = null;
        foreach (LdmComponent component in components)
        {
            try
            {
                copies.Add(component.State == Active ? Make(component, length, name) : throw LdmErrors.NotActive(name, component.State));
            }
            catch (V2VException e) when (e.ErrorId is "LdmDiskMissing" or "LdmVolumeNotActive" && components.Length > 1)
            {
                refused = e;
            }
        }

        bool hasParity = Array.Exists(components, c => c.Layout == LdmLayout.Parity);
        if (copies.Count == 0)
        {
            throw refused!;
        }

        string? reason = refused is null ? copies[0].Reason : $"The mirrored volume {name} lacks a copy; it can be read only. {refused.Message}";
        return components.Length == 1 ? (copies[0].Device, reason, hasParity) : (new MirrorDevice(copies.Select(c => c.Device), length, refused is null), reason, hasParity);
    }

    private (BlockDevice Device, string? Reason) Make(LdmComponent component, long length, string name)
    {
        LdmPartition[] partitions = [.. _database.Partitions.Where(p => p.ComponentId == component.Id)];
        if (partitions.Length != component.PartitionCount || partitions.Length == 0)
        {
            throw LdmErrors.Damaged("a volume lacks a partition", name);
        }

        return component.Layout switch
        {
            LdmLayout.Concatenated => (Concatenate(partitions, length, name), null),
            LdmLayout.Striped => (new StripedDevice(Columns(component, partitions, length, 0, name).Select(c => c!).ToArray(), Chunk(component, name), length), null),
            LdmLayout.Parity => MakeParity(component, partitions, length, name),
            _ => throw LdmErrors.Layout(FormattableString.Invariant($"number {(int)component.Layout}"), name),
        };
    }

    private SegmentedDevice Concatenate(LdmPartition[] partitions, long length, string name)
    {
        var segments = new List<DeviceSegment>();
        long end = 0;
        foreach (LdmPartition partition in partitions.OrderBy(p => p.VolumeOffset))
        {
            long start = Length(partition.VolumeOffset);
            if (start != end)
            {
                throw LdmErrors.Layout("its partitions do not follow one another", name);
            }

            long size = Math.Min(Length(partition.Sectors), length - start);
            if (size > 0)
            {
                segments.Add(new DeviceSegment(start, size, Open(partition, name), 0));
            }

            end = start + Length(partition.Sectors);
        }

        return end >= length && segments.Count > 0 ? new SegmentedDevice(segments) : throw LdmErrors.Damaged("the partitions of a volume are shorter than it", name);
    }

    private (BlockDevice Device, string? Reason) MakeParity(LdmComponent component, LdmPartition[] partitions, long length, string name)
    {
        BlockDevice?[] columns = Columns(component, partitions, length, 1, name);
        var layout = new ParityLayout(5, ParityAlgorithm.LeftSymmetric, columns.Length);
        string? reason = Array.Exists(columns, c => c is null) ? $"The RAID-5 volume {name} lacks a disk; it can be read only." : null;
        return (new ParityDevice(columns, layout, Chunk(component, name), length), reason);
    }

    /// <summary>The members of a striped component in order; null for as many missing ones as it bears.</summary>
    private BlockDevice?[] Columns(LdmComponent component, LdmPartition[] partitions, long length, int parity, string name)
    {
        LdmPartition[] sorted = [.. partitions.OrderBy(p => p.Column)];
        if (component.Columns != sorted.Length || sorted.Length <= parity + 1 || sorted.Where((p, i) => p.Column != i || p.VolumeOffset != 0).Any())
        {
            throw LdmErrors.Layout("its columns are not one partition each", name);
        }

        long chunk = Chunk(component, name), width = chunk * (sorted.Length - parity), rows = (length + width - 1) / width;
        long least = parity > 0 ? rows * chunk : ((length / width) * chunk) + Math.Min(chunk, length % width);
        if (Array.Exists(sorted, p => Length(p.Sectors) < least))
        {
            throw LdmErrors.Damaged("the columns of a volume are shorter than it", name);
        }

        var columns = new BlockDevice?[sorted.Length];
        for (int i = 0, missing = 0; i < sorted.Length; i++)
        {
            if (_disks.ContainsKey(sorted[i].DiskId) || ++missing > parity)
            {
                columns[i] = Open(sorted[i], name);
            }
        }

        return columns;
    }

    private SubDevice Open(LdmPartition partition, string name)
    {
        if (!_disks.TryGetValue(partition.DiskId, out DynamicDisk? disk))
        {
            LdmDisk lost = _database.Disks.Find(d => d.Id == partition.DiskId) ?? throw LdmErrors.Damaged("a partition is on a disk that the group does not have", name);
            throw LdmErrors.DiskMissing($"The dynamic volume {name} lies on {lost.Name} ({lost.Guid:D}) of the group {Name}, which is on none of the machine's disks or is out of date.", name);
        }

        long start = Length(partition.Start), size = Length(partition.Sectors);
        if (start > disk.Header.DataLength - size)
        {
            throw LdmErrors.Damaged("a partition lies outside its disk", name);
        }

        return disk.Header.DataStart + start <= disk.Device.Length - size ? new SubDevice(disk.Device, disk.Header.DataStart + start, size) : throw LdmErrors.Truncated(disk.Name, name);
    }

    private long Chunk(LdmComponent component, string name) =>
        component.ChunkSectors is > 0 and <= (1 << 20) ? Length(component.ChunkSectors) : throw LdmErrors.Layout(FormattableString.Invariant($"chunks of {component.ChunkSectors} sectors"), name);

    /// <summary>Sectors as bytes; more than any disk has stay more than any disk has.</summary>
    private long Length(ulong sectors)
    {
        int size = _disks.Values.FirstOrDefault()?.Header.SectorSize ?? 512;
        return (long)Math.Min(sectors, (ulong)(long.MaxValue / 16 / size)) * size;
    }
}
