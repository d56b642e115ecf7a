using V2V.Storage.Partitions;
using V2V.Storage.Volumes.BitLocker;
using V2V.Storage.Volumes.Ldm;
using V2V.Storage.Volumes.Luks;
using V2V.Storage.Volumes.Lvm;
using V2V.Storage.Volumes.Md;

namespace V2V.Storage.Volumes;

/// <summary>
/// Puts together what lies above a guest's disks and partitions: md arrays, LVM2 groups, LUKS and BitLocker volumes and Windows' dynamic disks, over one another in any order; start here.
/// An array or group is made as soon as it is complete; what lacks members is made when nothing else is left. Volumes that cannot be made are
/// named in <see cref="AssembledVolumes.Problems"/>, not thrown. The sources stay open and belong to the caller.
/// </summary>
public static class VolumeAssembler
{
    private const int MaxRounds = 32;
    private const int MaxVolumes = 4096;

    /// <summary>Puts together everything that the sources hold.</summary>
    /// <param name="sources">The disks without partitions, and the partitions of the others.</param>
    /// <param name="keys">Keys of encrypted volumes; null for none.</param>
    public static AssembledVolumes Assemble(IEnumerable<VolumeSource> sources, VolumeKeys? keys = null)
    {
        ArgumentNullException.ThrowIfNull(sources);
        var result = new AssembledVolumes();
        var md = new MdAssembler();
        var lvm = new LvmAssembler();
        var luks = new LuksAssembler(keys ?? VolumeKeys.None);
        var bitLocker = new BitLockerAssembler(keys ?? VolumeKeys.None);
        var ldm = new LdmAssembler();
        var pending = new Queue<(string Name, BlockDevice Device, bool IsLogical)>();
        foreach (VolumeSource source in sources)
        {
            if (!TryAddDynamic(ldm, source, result))
            {
                pending.Enqueue((source.Name, source.Device, false));
            }
        }

        for (int round = 0; round < MaxRounds && result.Found.Count < MaxVolumes; round++)
        {
            var made = new List<AssembledVolume>();
            while (pending.TryDequeue(out (string Name, BlockDevice Device, bool IsLogical) next))
            {
                try
                {
                    // LVM itself does not look for physical volumes in logical ones: they belong to guests within the guest.
                    if (!md.TryAdd(next.Name, next.Device, result) && !luks.TryAdd(next.Name, next.Device, result, made) && !bitLocker.TryAdd(next.Name, next.Device, result, made)
                        && !next.IsLogical)
                    {
                        lvm.TryAdd(next.Name, next.Device, result);
                    }
                }
                catch (V2VException e)
                {
                    result.Refuse(e, next.Name, [next.Name]);
                }
            }

            made.AddRange(ldm.Assemble(result));
            made.AddRange(md.Assemble(result, isLast: false));
            made.AddRange(lvm.Assemble(result, isLast: false));
            if (made.Count == 0)
            {
                made.AddRange(md.Assemble(result, isLast: true));
            }

            if (made.Count == 0)
            {
                made.AddRange(lvm.Assemble(result, isLast: true));
            }

            if (made.Count == 0)
            {
                break;
            }

            foreach (AssembledVolume volume in made)
            {
                if (volume.Kind != VolumeKind.Md || !AddPartitions(volume, result, pending))
                {
                    pending.Enqueue((volume.Name, volume.Device, volume.Kind == VolumeKind.Lvm));
                }
            }
        }

        return result;
    }

    private static bool TryAddDynamic(LdmAssembler ldm, VolumeSource source, AssembledVolumes result)
    {
        try
        {
            return ldm.TryAdd(source);
        }
        catch (V2VException e)
        {
            result.Refuse(e, source.Name, source.DynamicPartitions);
            return true;
        }
    }

    /// <summary>md arrays can be partitioned; their partitions are named as md does: <c>md0p1</c>.</summary>
    private static bool AddPartitions(AssembledVolume array, AssembledVolumes result, Queue<(string Name, BlockDevice Device, bool IsLogical)> pending)
    {
        try
        {
            PartitionTable table = PartitionTable.Read(array.Device);
            if (table.Scheme == PartitionScheme.None || table.Partitions.Count == 0)
            {
                return false;
            }

            foreach (Partition partition in table.Partitions.Where(p => !p.IsExtended))
            {
                string suffix = FormattableString.Invariant($"p{partition.Number}");
                var volume = new AssembledVolume
                {
                    Name = array.Name + suffix,
                    Aliases = [.. array.Aliases.Where(a => a.StartsWith("md", StringComparison.Ordinal)).Select(a => a + suffix)],
                    Kind = VolumeKind.Partition,
                    Device = partition.Open(array.Device),
                    Members = [array.Name],
                    Partition = partition,
                    ReadOnlyReason = array.ReadOnlyReason,
                    CanTrim = array.CanTrim,
                };
                result.Found.Add(volume);
                pending.Enqueue((volume.Name, volume.Device, false));
            }

            return true;
        }
        catch (V2VException e) when (e.Kind is V2VErrorKind.Corrupt or V2VErrorKind.Unsupported)
        {
            result.Notes.Add($"The partition table of {array.Name} cannot be read: {e.Message}");
            return false;
        }
    }
}
