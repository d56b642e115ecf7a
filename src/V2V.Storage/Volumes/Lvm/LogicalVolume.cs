namespace V2V.Storage.Volumes.Lvm;

/// <summary>A place in a physical volume or in another logical volume.</summary>
/// <param name="Name">Name of the physical or logical volume.</param>
/// <param name="Extent">First extent there.</param>
internal readonly record struct SegmentArea(string Name, long Extent);

/// <summary>A run of extents of a logical volume.</summary>
/// <param name="Start">First extent in the volume.</param>
/// <param name="Count">Number of extents.</param>
/// <param name="Type">Its kind: <c>striped</c>, <c>raid1</c>, <c>thin</c>, …</param>
/// <param name="Text">All that the metadata says of it.</param>
internal sealed record Segment(long Start, long Count, string Type, LvmSection Text)
{
    /// <summary>The kind without options that follow a plus sign (<c>striped+…</c>).</summary>
    internal string Kind => Type.Split('+')[0];

    /// <summary>Reads a list of areas: names and extents by turns.</summary>
    internal List<SegmentArea> Areas(string list, string target)
    {
        var areas = new List<SegmentArea>();
        IReadOnlyList<object> items = Text.List(list);
        for (int i = 0; i < items.Count; i += 2)
        {
            if (items[i] is not string name || i + 1 >= items.Count || items[i + 1] is not (long extent and >= 0 and <= uint.MaxValue))
            {
                throw VolumeErrors.Lvm($"A segment of {target} lists its places wrongly.", target);
            }

            areas.Add(new SegmentArea(name, extent));
        }

        return areas;
    }

    /// <summary>Reads a list of names.</summary>
    internal List<string> Names(string list) => [.. Text.List(list).OfType<string>()];
}

/// <summary>A logical volume, visible or hidden.</summary>
/// <param name="Name">Name in its group.</param>
/// <param name="Uuid">UUID with its dashes.</param>
/// <param name="IsVisible">True if the guest sees it, not a part of another volume.</param>
/// <param name="CanWrite">True if the guest may write to it.</param>
/// <param name="Segments">Its parts in their order, without gaps.</param>
internal sealed record LogicalVolume(string Name, string Uuid, bool IsVisible, bool CanWrite, IReadOnlyList<Segment> Segments)
{
    /// <summary>Number of extents.</summary>
    internal long Extents => Segments[^1].Start + Segments[^1].Count;

    internal static LogicalVolume Read(VolumeGroup group, string name, LvmSection section, string target)
    {
        Segment[] segments = [.. section.Sections.Where(s => s.Section.Number("start_extent") is not null).Select(s => new Segment(
            s.Section.Number("start_extent")!.Value, s.Section.Number("extent_count") ?? 0, s.Section.Text("type") ?? "", s.Section))];
        long next = 0;
        foreach (Segment segment in segments)
        {
            if (segment.Start != next || segment.Count is <= 0 or > uint.MaxValue || segment.Start + segment.Count > long.MaxValue / 4 / group.ExtentSize)
            {
                throw VolumeErrors.Lvm($"The segments of the logical volume {group.Name}/{name} do not follow one another.", target);
            }

            next += segment.Count;
        }

        return segments.Length == 0
            ? throw VolumeErrors.Lvm($"The logical volume {group.Name}/{name} has no segments.", target)
            : new LogicalVolume(name, section.Text("id") ?? "", section.Has("status", "VISIBLE"), section.Has("status", "WRITE"), segments);
    }
}
