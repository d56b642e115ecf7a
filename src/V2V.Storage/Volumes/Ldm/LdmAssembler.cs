namespace V2V.Storage.Volumes.Ldm;

/// <summary>Collects dynamic disks and puts the volumes of each group together.</summary>
internal sealed class LdmAssembler
{
    private readonly List<DynamicDisk> _disks = [];

    /// <summary>Takes a disk if it is dynamic.</summary>
    /// <exception cref="V2VException">The disk is dynamic and its description cannot be read.</exception>
    internal bool TryAdd(VolumeSource source)
    {
        if (source.DynamicPartitions.Count == 0 || PrivateHeader.TryRead(source.Device, source.Name) is not { } header)
        {
            return false;
        }

        _disks.Add(new DynamicDisk(source.Name, source.Device, header, LdmDatabase.Read(source.Device, header, source.Name), source.DynamicPartitions));
        return true;
    }

    /// <summary>Puts together what the disks that were taken hold; a second call makes nothing.</summary>
    internal List<AssembledVolume> Assemble(AssembledVolumes result)
    {
        var made = new List<AssembledVolume>();
        foreach (IGrouping<Guid, DynamicDisk> disks in _disks.GroupBy(d => d.Header.GroupId))
        {
            var group = new LdmGroup([.. disks]);
            result.Notes.AddRange(group.Stale.Select(d => $"The dynamic disk {d} was away when its group {group.Name} was changed last; it is not used."));
            result.Notes.AddRange(group.Strange.Select(d => $"The group {group.Name} does not know the dynamic disk {d}; it is not used."));
            result.Notes.AddRange(group.Twins.Select(d => $"The dynamic disk {d} is a second copy of another one; it is not used."));
            foreach (LdmVolume volume in group.Volumes.OrderBy(v => v.Name, StringComparer.Ordinal).ThenBy(v => v.Id))
            {
                if (Make(group, volume, result) is { } whole)
                {
                    made.Add(whole);
                    result.Found.Add(whole);
                }
            }
        }

        _disks.Clear();
        return made;
    }

    private static AssembledVolume? Make(LdmGroup group, LdmVolume volume, AssembledVolumes result)
    {
        string name = UniqueName("mapper/" + Mangle($"ldm_vol_{group.Name}_{volume.Name}"), volume.Guid, result);
        string[] members = group.Members(volume);
        try
        {
            (BlockDevice device, string? reason, bool hasParity) = group.Make(volume, name);
            if (reason is not null)
            {
                result.Notes.Add(reason);
            }

            return new AssembledVolume
            {
                Name = name,
                Kind = VolumeKind.Ldm,
                Uuid = volume.Guid.ToString("D"),
                Device = device,
                Members = members,
                ReadOnlyReason = reason,
                CanTrim = reason is null && !hasParity,
            };
        }
        catch (V2VException e)
        {
            result.Refuse(e, name, members);
            return null;
        }
    }

    private static string UniqueName(string name, Guid volume, AssembledVolumes result) =>
        result.Found.Exists(v => v.Name == name) ? FormattableString.Invariant($"{name}_{volume:N}") : name;

    /// <summary>The name that ldmtool gives the volume's device: what the device mapper does not allow stands as its hexadecimal code.</summary>
    private static string Mangle(string name) =>
        string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) || "#+-.:=@_".Contains(c, StringComparison.Ordinal) ? c.ToString() : FormattableString.Invariant($"\\x{(int)c & 0xFF:x2}")));
}
