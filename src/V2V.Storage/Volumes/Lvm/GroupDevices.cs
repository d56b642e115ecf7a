using System.Globalization;
using V2V.Storage.Volumes.Mapping;
using V2V.Storage.Volumes.Raid;

namespace V2V.Storage.Volumes.Lvm;

/// <summary>
/// Makes devices of the logical volumes of a group whose physical volumes are at hand: segments become tables as LVM would load them into the
/// device mapper. Volumes that others are made of (images, pools) are made once. Nothing of a volume that cannot be made is served.
/// </summary>
internal sealed partial class GroupDevices
{
    private const int MaxDepth = 12;

    private readonly VolumeGroup _group;
    private readonly Dictionary<string, BlockDevice> _members;
    private readonly Dictionary<string, BlockDevice> _made = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Thin.ThinPool> _pools = new(StringComparer.Ordinal);
    private readonly HashSet<string> _degraded = new(StringComparer.Ordinal);
    private readonly HashSet<string> _open = new(StringComparer.Ordinal);

    /// <param name="group">The group.</param>
    /// <param name="members">The physical volumes that are there, by their name in the group.</param>
    internal GroupDevices(VolumeGroup group, Dictionary<string, BlockDevice> members) => (_group, _members) = (group, members);

    /// <summary>True if a volume that was made lacks images: it can be read but must not be written.</summary>
    internal bool IsDegraded(string name) => _degraded.Contains(name);

    /// <summary>The device of a logical volume.</summary>
    /// <exception cref="V2VException">It uses what is missing, damaged or not supported; each by its own identifier.</exception>
    internal BlockDevice Make(string name)
    {
        if (_made.TryGetValue(name, out BlockDevice? made))
        {
            return made;
        }

        if (!_group.Volumes.TryGetValue(name, out LogicalVolume? volume) || _open.Count >= MaxDepth || !_open.Add(name))
        {
            throw VolumeErrors.Lvm($"A logical volume of {_group.Name} is made of {name}, which does not exist or is made of itself.", Target(name));
        }

        try
        {
            BlockDevice device = Make(volume);
            _made.Add(name, device);
            return device;
        }
        finally
        {
            _open.Remove(name);
        }
    }

    /// <summary>Bytes of physical volumes that no segment uses: what a trim may discard.</summary>
    internal IEnumerable<(string Member, long Offset, long Length)> FreeExtents()
    {
        var used = _group.Members.Keys.ToDictionary(m => m, _ => new List<(long First, long Count)>(), StringComparer.Ordinal);
        foreach (Segment segment in _group.Volumes.Values.SelectMany(v => v.Segments))
        {
            if (!IsKnown(segment.Kind))
            {
                // What it occupies cannot be told.
                yield break;
            }

            List<SegmentArea> areas = PhysicalAreas(segment);
            foreach (SegmentArea area in areas)
            {
                if (used.TryGetValue(area.Name, out List<(long, long)>? list))
                {
                    list.Add((area.Extent, segment.Kind == "striped" ? (segment.Count + areas.Count - 1) / areas.Count : segment.Count));
                }
            }
        }

        foreach ((string name, List<(long First, long Count)> list) in used)
        {
            GroupMember member = _group.Members[name];
            long next = 0;
            foreach ((long first, long count) in list.Append((First: member.Extents, Count: 0)).OrderBy(u => u.First))
            {
                if (first > next && _members.TryGetValue(name, out BlockDevice? device))
                {
                    long start = member.Start + (next * _group.ExtentSize), end = Math.Min(member.Start + (first * _group.ExtentSize), device.Length);
                    if (start < end)
                    {
                        yield return (name, start, end - start);
                    }
                }

                next = Math.Max(next, first + count);
            }
        }
    }

    private List<SegmentArea> PhysicalAreas(Segment segment) => segment.Kind switch
    {
        "striped" => segment.Areas("stripes", _group.Name),
        "mirror" => segment.Areas("mirrors", _group.Name),
        _ => [],
    };

    private static bool IsKnown(string kind) =>
        kind is "striped" or "mirror" or "snapshot" or "thin" or "thin-pool" or "cache" or "cache-pool" or "zero" or "error" or "writecache" or "integrity"
        || kind.StartsWith("raid", StringComparison.Ordinal);

    private BlockDevice Make(LogicalVolume volume)
    {
        var parts = new List<DeviceSegment>();
        foreach (Segment segment in volume.Segments)
        {
            long length = segment.Count * _group.ExtentSize;
            BlockDevice part = MakeSegment(volume, segment, length);
            parts.Add(new DeviceSegment(segment.Start * _group.ExtentSize, length, part, 0));
        }

        return parts.Count == 1 && parts[0].Device.Length == parts[0].Length ? parts[0].Device : new SegmentedDevice(parts);
    }

    private BlockDevice MakeSegment(LogicalVolume volume, Segment segment, long length)
    {
        switch (segment.Kind)
        {
            case "striped":
                return Striped(segment, length);
            case "mirror":
                return Mirror(segment, length);
            case "zero":
                return new ZeroDevice(length);
            case "thin":
                return Thin(volume, segment, length);
            case "cache":
                return Cached(volume, segment);
            case "error":
                throw new V2VException(
                    "LvmSegmentMissing", V2VErrorKind.InvalidState, $"A part of {Target(volume.Name)} was replaced by an error target when a disk was lost.", Target(volume.Name),
                    "Restore the volume in the guest from a backup, or export it again with all its disks.");
            case { } kind when kind.StartsWith("raid", StringComparison.Ordinal):
                return RaidVolume(volume, segment, length);
            default:
                throw VolumeErrors.LvmUnsupported(
                    "LvmSegmentUnsupported", $"{Target(volume.Name)} is of the type {segment.Type}, which V2V does not read.", Target(volume.Name),
                    "Convert the volume in the guest to a linear one (lvconvert) and export the guest again.");
        }
    }

    private BlockDevice Striped(Segment segment, long length)
    {
        List<SegmentArea> areas = segment.Areas("stripes", _group.Name);
        if (areas.Count == 0 || areas.Count != (segment.Text.Number("stripe_count") ?? areas.Count) || length % areas.Count != 0)
        {
            throw VolumeErrors.Lvm("A striped segment lists its places wrongly.", _group.Name);
        }

        long share = length / areas.Count;
        if (areas.Count == 1)
        {
            return Place(areas[0], share);
        }

        long chunk = (segment.Text.Number("stripe_size") ?? 0) * 512;
        return chunk is <= 0 or > 1 << 30 || share % chunk != 0
            ? throw VolumeErrors.Lvm("The stripe size of a segment is not possible.", _group.Name)
            : new StripedDevice([.. areas.Select(a => Place(a, share))], chunk, length);
    }

    private MirrorDevice Mirror(Segment segment, long length)
    {
        // The first image is the one that is always in step; dm-raid1 copies from it.
        List<SegmentArea> areas = segment.Areas("mirrors", _group.Name);
        BlockDevice?[] images = [.. areas.Select(a => PlaceOrNull(a, length))];
        if (areas.Count == 0 || images[0] is null)
        {
            throw areas.Count == 0 ? VolumeErrors.Lvm("A mirror has no images.", _group.Name) : Missing(areas[0].Name);
        }

        NoteMissing(images);
        return new MirrorDevice(images.OfType<BlockDevice>(), length, Array.TrueForAll(images, i => i is not null));
    }

    /// <summary>A place of a segment: in a physical volume, or in another logical volume.</summary>
    private SubDevice Place(SegmentArea area, long length)
    {
        long start;
        BlockDevice? device;
        if (_group.Members.TryGetValue(area.Name, out GroupMember? member))
        {
            device = _members.GetValueOrDefault(area.Name) ?? throw Missing(area.Name);
            start = member.Start + (area.Extent * _group.ExtentSize);
        }
        else
        {
            device = Make(area.Name);
            start = area.Extent * _group.ExtentSize;
        }

        return start > device.Length - length
            ? throw new V2VException(
                "LvmVolumeTruncated", V2VErrorKind.Corrupt, $"{Target(area.Name)} is shorter than the volume group says.", Target(area.Name), "Export the guest again; a disk was cut.")
            : new SubDevice(device, start, length);
    }

    private SubDevice? PlaceOrNull(SegmentArea area, long length)
    {
        try
        {
            return Place(area, length);
        }
        catch (V2VException e) when (e.ErrorId is "LvmPhysicalVolumeMissing" or "LvmSegmentMissing")
        {
            return null;
        }
    }

    /// <summary>Remembers that the volume being made, and those above it, lack images.</summary>
    private void NoteMissing(BlockDevice?[] images)
    {
        if (Array.Exists(images, i => i is null))
        {
            _degraded.UnionWith(_open);
        }
    }

    private V2VException Missing(string name)
    {
        GroupMember? member = _group.Members.GetValueOrDefault(name);
        return new V2VException(
            "LvmPhysicalVolumeMissing", V2VErrorKind.NotFound,
            string.Create(CultureInfo.InvariantCulture, $"The physical volume {member?.Uuid ?? name} of the volume group {_group.Name} is on none of the machine's disks (the guest saw it as {member?.Hint})."),
            _group.Name, "Import the machine with all its disks.");
    }

    private string Target(string volume) => _group.Name + "/" + volume;
}
