using V2V.Core.Guest;
using V2V.Storage;

namespace V2V.Core.Inspection.Volumes;

/// <summary>
/// The names of volumes that a guest's own settings give: crypttab(5) names opened LUKS volumes (<c>mapper/sda3_crypt</c>), mdadm.conf(5) names arrays
/// by their UUID, and fstab names the disk of the root by the link that it mounts the root by.
/// </summary>
internal static class StackedNames
{
    private const int MaxBytes = 1 << 20;

    /// <summary>Reads the names.</summary>
    /// <param name="tree">The root file system.</param>
    /// <param name="volumes">The guest's volumes.</param>
    /// <param name="rootDevice">The volume of the root, or null.</param>
    /// <returns>From names without <c>/dev/</c> to volumes.</returns>
    internal static Dictionary<string, VolumeInfo> Read(GuestTree tree, IReadOnlyList<VolumeInfo> volumes, string? rootDevice)
    {
        var names = new Dictionary<string, VolumeInfo>(StringComparer.Ordinal);
        AddDiskOfRoot(names, tree, volumes, volumes.FirstOrDefault(v => v.Device == rootDevice));
        if (!volumes.Any(v => v.IsStacked))
        {
            return names;
        }

        var resolver = new DeviceNameResolver(volumes, []);
        foreach (string[] words in Lines(tree, "/etc/crypttab").Where(w => w.Length >= 2))
        {
            string uuid = words[1].Replace("/dev/disk/by-uuid/", "UUID=", StringComparison.Ordinal);
            VolumeInfo? opened = volumes.FirstOrDefault(v => v.Kind == "luks" && uuid.Equals("UUID=" + v.VolumeUuid, StringComparison.OrdinalIgnoreCase))
                ?? (resolver.Find(words[1]) is { } below ? volumes.FirstOrDefault(v => v.Kind == "luks" && v.Members.Contains(below.Device)) : null);
            if (opened is not null)
            {
                names.TryAdd("mapper/" + words[0], opened);
            }
        }

        foreach (string[] words in Lines(tree, "/etc/mdadm/mdadm.conf").Concat(Lines(tree, "/etc/mdadm.conf")).Where(w => w.Length >= 3 && w[0].StartsWith("ARRAY", StringComparison.OrdinalIgnoreCase)))
        {
            string? uuid = words.FirstOrDefault(w => w.StartsWith("UUID=", StringComparison.OrdinalIgnoreCase))?[5..];
            if (words[1].StartsWith("/dev/", StringComparison.Ordinal) && volumes.FirstOrDefault(v => v.Kind == "md" && Digits(v.VolumeUuid) == Digits(uuid)) is { } array)
            {
                string name = words[1][5..];
                names.TryAdd(name, array);
                foreach (VolumeInfo partition in volumes.Where(v => v.Kind == "partition" && v.Members.Contains(array.Device)))
                {
                    names.TryAdd(FormattableString.Invariant($"{name}p{partition.PartitionNumber}"), partition);
                }
            }
        }

        return names;
    }

    /// <summary>
    /// What <c>/dev/disk/by-id</c> and <c>by-path</c> call a disk, the source seldom tells. Where the root's line has such a link, the same link with
    /// another partition's number is on the root's disk.
    /// </summary>
    private static void AddDiskOfRoot(Dictionary<string, VolumeInfo> names, GuestTree tree, IReadOnlyList<VolumeInfo> volumes, VolumeInfo? root)
    {
        if (root is null || root.IsStacked || root.PartitionNumber == 0)
        {
            return;
        }

        string suffix = FormattableString.Invariant($"-part{root.PartitionNumber}");
        string? link = Lines(tree, "/etc/fstab").Where(w => w.Length >= 2 && w[1] == "/").Select(w => w[0].Trim('"', '\'')).FirstOrDefault();
        if (link is not null && link.EndsWith(suffix, StringComparison.Ordinal)
            && (link.StartsWith("/dev/disk/by-id/", StringComparison.Ordinal) || link.StartsWith("/dev/disk/by-path/", StringComparison.Ordinal)))
        {
            foreach (VolumeInfo partition in volumes.Where(v => v.DiskIndex == root.DiskIndex && !v.IsStacked && v.PartitionNumber > 0))
            {
                names.TryAdd(FormattableString.Invariant($"{link["/dev/".Length..^suffix.Length]}-part{partition.PartitionNumber}"), partition);
            }
        }
    }

    private static IEnumerable<string[]> Lines(GuestTree tree, string path)
    {
        try
        {
            return tree.FileExists(path)
                ? [.. tree.ReadLines(path, MaxBytes).Select(l => l.Trim()).Where(l => l.Length > 0 && l[0] != '#').Select(l => l.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries))]
                : [];
        }
        catch (V2VException)
        {
            return [];
        }
    }

    private static string Digits(string? uuid) => string.Concat((uuid ?? "").Where(char.IsAsciiHexDigit)).ToLowerInvariant();
}
