namespace V2V.Storage.Volumes.Lvm;

/// <summary>A volume group as its metadata text describes it.</summary>
internal sealed class VolumeGroup
{
    private const int MaxVolumes = 8192;
    private const int MaxSegments = 1_000_000;

    private VolumeGroup(string name, string uuid, long sequence, long extentSize) =>
        (Name, Uuid, Sequence, ExtentSize) = (name, uuid, sequence, extentSize);

    internal string Name { get; }

    /// <summary>UUID with its dashes.</summary>
    internal string Uuid { get; }

    /// <summary>Number of the change that made this state.</summary>
    internal long Sequence { get; }

    /// <summary>Size of an extent in bytes.</summary>
    internal long ExtentSize { get; }

    /// <summary>True if the group was exported: a guest does not activate it.</summary>
    internal bool IsExported { get; private init; }

    /// <summary>The physical volumes by the name that segments use (<c>pv0</c>).</summary>
    internal Dictionary<string, GroupMember> Members { get; } = new(StringComparer.Ordinal);

    /// <summary>The logical volumes, hidden ones too, by name.</summary>
    internal Dictionary<string, LogicalVolume> Volumes { get; } = new(StringComparer.Ordinal);

    /// <summary>Reads the one group of a metadata text.</summary>
    /// <exception cref="V2VException"><c>LvmMetadataDamaged</c>.</exception>
    internal static VolumeGroup Read(LvmSection metadata, string target)
    {
        (string name, LvmSection section) = metadata.Sections.Find(s => s.Section.Number("extent_size") is not null);
        if (section is null || section.Text("id") is not { } id || section.Number("extent_size") is not (> 0 and < (1L << 40)) || !IsName(name))
        {
            throw VolumeErrors.Lvm("LVM's metadata describes no volume group.", target);
        }

        var group = new VolumeGroup(name, id, section.Number("seqno") ?? 0, section.Number("extent_size")!.Value * 512) { IsExported = section.Has("status", "EXPORTED") };
        foreach ((string member, LvmSection s) in section.Section("physical_volumes")?.Sections ?? [])
        {
            long start = s.Number("pe_start") ?? -1, count = s.Number("pe_count") ?? -1;
            if (s.Text("id") is not { } memberId || start is < 0 or > long.MaxValue / 1024 || count is < 0 or > uint.MaxValue || count > (long.MaxValue / 4 - start * 512) / group.ExtentSize)
            {
                throw VolumeErrors.Lvm($"The volume group {name} describes the physical volume {member} wrongly.", target);
            }

            group.Members[member] = new GroupMember(member, memberId, s.Text("device") ?? "", start * 512, count, s.Has("flags", "MISSING"));
        }

        int segments = 0;
        foreach ((string volume, LvmSection s) in section.Section("logical_volumes")?.Sections ?? [])
        {
            LogicalVolume read = LogicalVolume.Read(group, volume, s, target);
            segments += read.Segments.Count;
            if (!group.Volumes.TryAdd(volume, read) || group.Volumes.Count > MaxVolumes || segments > MaxSegments || !IsName(volume))
            {
                throw VolumeErrors.Lvm($"The volume group {name} describes its logical volumes wrongly.", target);
            }
        }

        return group;
    }

    /// <summary>Names hold letters, digits and <c>+ _ . -</c> only, so that they can be part of a path.</summary>
    private static bool IsName(string name) =>
        name.Length is > 0 and <= 127 && name is not ("." or "..") && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '+' or '_' or '.' or '-');
}

/// <summary>A physical volume as its group describes it.</summary>
/// <param name="Name">Name in segments.</param>
/// <param name="Uuid">UUID with its dashes.</param>
/// <param name="Hint">Device that the guest saw it on last.</param>
/// <param name="Start">First byte of its first extent.</param>
/// <param name="Extents">Number of extents.</param>
/// <param name="IsMissing">True if the group was changed while it was gone.</param>
internal sealed record GroupMember(string Name, string Uuid, string Hint, long Start, long Extents, bool IsMissing);
