using V2V.Storage.Volumes.Lvm.Snapshots;
using V2V.Storage.Volumes.Lvm.Thin;
using V2V.Storage.Volumes.Mapping;

namespace V2V.Storage.Volumes.Lvm;

/// <summary>Collects physical volumes and makes the logical volumes of each group, once all of its members are there or no more will come.</summary>
internal sealed class LvmAssembler
{
    private readonly Dictionary<string, PhysicalVolume> _volumes = new(StringComparer.Ordinal);
    private readonly HashSet<string> _done = new(StringComparer.Ordinal);

    /// <summary>Takes a device if it is a physical volume.</summary>
    internal bool TryAdd(string name, BlockDevice device, AssembledVolumes result)
    {
        if (PhysicalVolume.TryRead(name, device) is not { } volume)
        {
            return false;
        }

        result.Notes.AddRange(volume.Warnings);
        if (!_volumes.TryAdd(volume.Uuid, volume))
        {
            result.Notes.Add($"{name} is the same physical volume as {_volumes[volume.Uuid].Name} ({volume.Uuid}); the latter is used.");
        }

        return true;
    }

    /// <summary>Makes the volumes of the groups that are ready.</summary>
    /// <param name="result">Takes what was made, and what could not be.</param>
    /// <param name="isLast">True to take groups that lack members too.</param>
    /// <returns>The new volumes.</returns>
    internal List<AssembledVolume> Assemble(AssembledVolumes result, bool isLast)
    {
        var made = new List<AssembledVolume>();
        foreach (VolumeGroup group in Groups(result))
        {
            if (_done.Contains(group.Uuid) || (!isLast && group.Members.Values.Any(m => !_volumes.ContainsKey(m.Uuid))))
            {
                continue;
            }

            _done.Add(group.Uuid);
            made.AddRange(Activate(group, result));
        }

        if (isLast)
        {
            ReportOrphans(result);
        }

        return made;
    }

    /// <summary>The groups that the metadata describes; of each the newest state, from whichever member has it.</summary>
    private IEnumerable<VolumeGroup> Groups(AssembledVolumes result)
    {
        var newest = new Dictionary<string, VolumeGroup>(StringComparer.Ordinal);
        foreach (PhysicalVolume volume in _volumes.Values.Where(v => v.Metadata is not null))
        {
            try
            {
                VolumeGroup group = VolumeGroup.Read(volume.Metadata!, volume.Name);
                if (!newest.TryGetValue(group.Uuid, out VolumeGroup? other) || other.Sequence < group.Sequence)
                {
                    newest[group.Uuid] = group;
                }
            }
            catch (V2VException e)
            {
                if (_done.Add(volume.Uuid))
                {
                    result.Refuse(e, volume.Name, [volume.Name]);
                }
            }
        }

        return newest.Values.OrderBy(g => g.Name, StringComparer.Ordinal);
    }

    private List<AssembledVolume> Activate(VolumeGroup group, AssembledVolumes result)
    {
        var members = new Dictionary<string, BlockDevice>(StringComparer.Ordinal);
        var names = new List<string>();
        foreach (GroupMember member in group.Members.Values)
        {
            if (_volumes.TryGetValue(member.Uuid, out PhysicalVolume? volume))
            {
                names.Add(volume.Name);
                if (!member.IsMissing)
                {
                    members.Add(member.Name, volume.Device);
                }
            }
        }

        if (group.IsExported)
        {
            result.Refused.Add(new VolumeProblem(
                "LvmGroupExported", $"The volume group {group.Name} was exported: the guest itself does not use it.", group.Name, $"Run 'vgimport {group.Name}' in the guest if it is needed.", names));
            return [];
        }

        if (result.Volumes.Any(v => v.Kind == VolumeKind.Lvm && v.Name.StartsWith(group.Name + "/", StringComparison.Ordinal)))
        {
            result.Refused.Add(new VolumeProblem(
                "LvmGroupAmbiguous", $"Two volume groups have the name {group.Name}.", group.Name, "Rename one of them in the guest (vgrename) and export it again.", names));
            return [];
        }

        var devices = new GroupDevices(group, members);
        LvmSection[] snapshots = [.. group.Volumes.Values.SelectMany(v => v.Segments).Where(s => s.Kind == "snapshot").Select(s => s.Text)];
        List<AssembledVolume> made = [.. group.Volumes.Values.Where(v => IsShown(v, snapshots)).Select(v => Make(group, v, snapshots, devices, names, result)).OfType<AssembledVolume>()];
        result.Found.AddRange(made);
        foreach ((string member, long offset, long length) in FreeExtents(group, devices))
        {
            result.Unused.Add(new FreeRange(_volumes[group.Members[member].Uuid].Name, offset, length));
        }

        return made;
    }

    private static IEnumerable<(string Member, long Offset, long Length)> FreeExtents(VolumeGroup group, GroupDevices devices)
    {
        try
        {
            return [.. devices.FreeExtents()];
        }
        catch (V2VException)
        {
            // A list that cannot be read was reported with its volume; nothing is free then.
            return [];
        }
    }

    /// <summary>What a guest sees: visible volumes but for pools; the store of a snapshot is hidden in the metadata and stands for the snapshot.</summary>
    private static bool IsShown(LogicalVolume volume, LvmSection[] snapshots) =>
        (volume.IsVisible && volume.Segments[0].Kind is not ("snapshot" or "thin-pool" or "cache-pool" or "vdo-pool"))
        || Array.Exists(snapshots, s => s.Text("cow_store") == volume.Name);

    private static AssembledVolume? Make(VolumeGroup group, LogicalVolume volume, LvmSection[] snapshots, GroupDevices devices, List<string> names, AssembledVolumes result)
    {
        string name = group.Name + "/" + volume.Name;
        try
        {
            BlockDevice device = devices.Make(volume.Name);
            string? reason = volume.CanWrite ? null : $"{name} is a read-only logical volume.";
            (device, reason) = WithSnapshots(group, volume, snapshots, devices, device, reason);
            if (reason is null && device is ReadOnlyDevice refused)
            {
                reason = refused.Reason;
            }
            else if (reason is null && device is ThinDevice { IsHeld: true })
            {
                reason = $"A snapshot of the metadata of the thin pool of {name} is held.";
            }
            else if (reason is null && devices.IsDegraded(volume.Name))
            {
                reason = $"{name} lacks some of its images; it can be read only.";
            }

            return new AssembledVolume
            {
                Name = name,
                Aliases =
                [
                    "mapper/" + group.Name.Replace("-", "--", StringComparison.Ordinal) + "-" + volume.Name.Replace("-", "--", StringComparison.Ordinal),
                    "disk/by-id/dm-name-" + group.Name.Replace("-", "--", StringComparison.Ordinal) + "-" + volume.Name.Replace("-", "--", StringComparison.Ordinal),
                    "disk/by-id/dm-uuid-LVM-" + (group.Uuid + volume.Uuid).Replace("-", "", StringComparison.Ordinal),
                ],
                Kind = VolumeKind.Lvm,
                Uuid = volume.Uuid,
                Device = device,
                Members = names,
                ReadOnlyReason = reason,
                IsSnapshot = device is SnapshotDevice || volume.Segments[0] is { Kind: "thin" } segment && segment.Text.Text("origin") is not null,
                CanTrim = reason is null && volume.Segments.All(s => s.Kind is "striped" or "mirror" or "raid1" or "raid10" or "raid0"),
            };
        }
        catch (V2VException e)
        {
            result.Refuse(e, name, names);
            return null;
        }
    }

    /// <summary>A volume that is a snapshot's store is that snapshot; one that snapshots were taken of must not change under them.</summary>
    private static (BlockDevice Device, string? Reason) WithSnapshots(
        VolumeGroup group, LogicalVolume volume, LvmSection[] snapshots, GroupDevices devices, BlockDevice device, string? reason)
    {
        foreach (LvmSection segment in snapshots)
        {
            string? origin = segment.Text("origin"), store = segment.Text("cow_store"), merging = segment.Text("merging_store");
            if (origin == volume.Name && merging is not null)
            {
                throw VolumeErrors.LvmUnsupported(
                    "LvmSnapshotMerging", $"A snapshot is being merged into {group.Name}/{origin}.", $"{group.Name}/{origin}", "Let the merge end in the guest and export it again.");
            }

            if (store == volume.Name && origin is not null)
            {
                string target = $"{group.Name}/{volume.Name}";
                return (new SnapshotDevice(devices.Make(origin), device, target), $"{target} is a snapshot.");
            }

            if (origin == volume.Name)
            {
                string why = $"{group.Name}/{volume.Name} has snapshots, which a change would damage.";
                return (new ReadOnlyDevice(device, why, "Remove the snapshots in the guest (lvremove) and export it again."), why);
            }
        }

        return (device, reason);
    }

    private void ReportOrphans(AssembledVolumes result)
    {
        foreach (PhysicalVolume orphan in _volumes.Values.Where(v => v.Metadata is null && v.Warnings.Count > 0 && _done.Add(v.Uuid)))
        {
            if (result.Volumes.All(v => v.Kind != VolumeKind.Lvm || !v.Members.Contains(orphan.Name)))
            {
                result.Refuse(VolumeErrors.Lvm($"No copy of LVM's metadata on {orphan.Name} can be used.", orphan.Name), orphan.Name, [orphan.Name]);
            }
        }
    }
}
