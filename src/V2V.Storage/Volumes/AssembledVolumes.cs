namespace V2V.Storage.Volumes;

/// <summary>What a device is made of, or what made it.</summary>
public enum VolumeKind
{
    /// <summary>A disk or partition.</summary>
    Plain,

    /// <summary>A partition of a disk that is itself assembled.</summary>
    Partition,

    /// <summary>A logical volume of LVM2.</summary>
    Lvm,

    /// <summary>An md array.</summary>
    Md,

    /// <summary>The decrypted contents of a LUKS volume.</summary>
    Luks,

    /// <summary>A volume of Windows' dynamic disks.</summary>
    Ldm,

    /// <summary>The decrypted contents of a BitLocker volume.</summary>
    BitLocker,
}

/// <summary>A disk or partition to look for members of volumes in.</summary>
/// <param name="Name">Name without <c>/dev/</c>: <c>sda2</c>.</param>
/// <param name="Device">Its bytes.</param>
public sealed record VolumeSource(string Name, BlockDevice Device)
{
    /// <summary>If the device is a whole dynamic disk of Windows: the names of its partitions that volumes lie in.</summary>
    public IReadOnlyList<string> DynamicPartitions { get; init; } = [];
}

/// <summary>A volume that was put together.</summary>
public sealed record AssembledVolume
{
    /// <summary>Name without <c>/dev/</c>: <c>vg/root</c>, <c>md0</c>, <c>mapper/luks-UUID</c>, <c>mapper/bitlk-UUID</c>, <c>mapper/ldm_vol_GROUP_VOLUME</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Further names of the same device: <c>mapper/vg-root</c>, <c>md/data</c>, the part of <c>disk/by-id/</c>.</summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>What it is.</summary>
    public required VolumeKind Kind { get; init; }

    /// <summary>UUID of the volume itself, as LVM, mdadm, cryptsetup, manage-bde or ldmtool print it; null for a partition.</summary>
    public string? Uuid { get; init; }

    /// <summary>The decrypted, joined bytes.</summary>
    public required BlockDevice Device { get; init; }

    /// <summary>Names of the devices right below.</summary>
    public IReadOnlyList<string> Members { get; init; } = [];

    /// <summary>Partition, if it is one.</summary>
    public Partitions.Partition? Partition { get; init; }

    /// <summary>Why it must not be written; null if it can be.</summary>
    public string? ReadOnlyReason { get; init; }

    /// <summary>True for a snapshot of another volume: the same file system a second time.</summary>
    public bool IsSnapshot { get; init; }

    /// <summary>True if zeroes written to it save space on the disks below: no parity and no encryption lies between.</summary>
    public bool CanTrim { get; init; }
}

/// <summary>Something that could not be put together, and why.</summary>
/// <param name="ErrorId">Stable identifier, documented in docs/errors/volumes.md.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Target">The volume or device at fault.</param>
/// <param name="Advice">What the user can do.</param>
/// <param name="Members">Names of the devices that belong to it.</param>
public sealed record VolumeProblem(string ErrorId, string Message, string Target, string Advice, IReadOnlyList<string> Members);

/// <summary>A range of a device that no volume uses.</summary>
/// <param name="Device">Name of the device.</param>
/// <param name="Offset">First byte on it.</param>
/// <param name="Length">Bytes.</param>
public sealed record FreeRange(string Device, long Offset, long Length);

/// <summary>All that was found above a guest's disks and partitions. Disposing it forgets the keys of opened volumes; the disks stay open.</summary>
public sealed class AssembledVolumes : IDisposable
{
    internal List<AssembledVolume> Found { get; } = [];

    internal List<VolumeProblem> Refused { get; } = [];

    internal List<FreeRange> Unused { get; } = [];

    internal List<string> Notes { get; } = [];

    /// <summary>The volumes, those below before those above.</summary>
    public IReadOnlyList<AssembledVolume> Volumes => Found;

    /// <summary>What could not be put together.</summary>
    public IReadOnlyList<VolumeProblem> Problems => Refused;

    /// <summary>Ranges of physical volumes that belong to no logical volume.</summary>
    public IReadOnlyList<FreeRange> FreeRanges => Unused;

    /// <summary>What is odd but did not prevent anything.</summary>
    public IReadOnlyList<string> Warnings => Notes;

    /// <summary>The names of the disks or partitions that a device lies on in the end; itself if it was not assembled.</summary>
    public IReadOnlyCollection<string> BaseDevices(string name)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var result = new List<string>();
        var open = new Queue<string>([name]);
        while (open.TryDequeue(out string? next))
        {
            if (!seen.Add(next))
            {
                continue;
            }

            if (Found.Find(v => v.Name == next) is { } volume)
            {
                foreach (string member in volume.Members)
                {
                    open.Enqueue(member);
                }
            }
            else
            {
                result.Add(next);
            }
        }

        return result;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (AssembledVolume volume in Found.Where(v => v.Kind is VolumeKind.Luks or VolumeKind.BitLocker))
        {
            volume.Device.Dispose();
        }
    }

    /// <summary>True if a device is part of a volume that was put together or refused.</summary>
    public bool IsMember(string name) => Found.Exists(v => v.Members.Contains(name)) || Refused.Exists(p => p.Members.Contains(name));

    internal void Refuse(V2VException error, string target, IReadOnlyList<string> members) =>
        Refused.Add(new VolumeProblem(error.ErrorId, error.Message, error.Target ?? target, error.Advice ?? "Put the volume in order in the guest and export it again.", members));
}
