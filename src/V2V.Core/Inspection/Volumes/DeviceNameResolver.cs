using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using V2V.Core.Sources;

namespace V2V.Core.Inspection.Volumes;

/// <summary>
/// Finds the volume that a name in a guest's configuration stands for. Names by UUID and label are looked up; names by position
/// (<c>/dev/sdb1</c>) count the source's disks, as the guest's kernel did.
/// </summary>
/// <param name="volumes">The guest's volumes.</param>
/// <param name="disks">The source's disks.</param>
/// <param name="names">Names that only the guest's own settings know (crypttab, mdadm.conf), and the volumes they stand for.</param>
internal sealed partial class DeviceNameResolver(
    IReadOnlyList<VolumeInfo> volumes, IReadOnlyList<SourceDisk> disks, IReadOnlyDictionary<string, VolumeInfo>? names = null)
{
    private const int MinSerial = 4;
    private const int MaxSpecLength = 1024;

    /// <summary>What a name was resolved to.</summary>
    internal enum Outcome
    {
        /// <summary>A volume.</summary>
        Found,

        /// <summary>No volume of the guest's disks answers to the name.</summary>
        Missing,

        /// <summary>A logical volume, an md array, an encrypted volume that was not found or could not be put together.</summary>
        Stacked,

        /// <summary>Something that is no volume: a pseudo file system, a network share, a removable drive.</summary>
        Ignored,
    }

    internal (Outcome Outcome, VolumeInfo? Volume) Resolve(string spec)
    {
        if (spec.Length is 0 or > MaxSpecLength)
        {
            return (Outcome.Ignored, null);
        }

        int equals = spec.IndexOf('=', StringComparison.Ordinal);
        if (equals > 0 && spec[0] != '/')
        {
            string value = spec[(equals + 1)..].Trim('"', '\'');
            return spec[..equals].ToUpperInvariant() switch
            {
                "UUID" => Result(ByUuid(value)),
                "LABEL" => Result(ByLabel(value)),
                "PARTUUID" => Result(ByPartitionUuid(value)),
                "PARTLABEL" => Result(ByPartitionLabel(value)),
                _ => (Outcome.Ignored, null),
            };
        }

        if (!spec.StartsWith("/dev/", StringComparison.Ordinal))
        {
            return (Outcome.Ignored, null);
        }

        string name = spec[5..];
        if (Stacked(name) is { } stacked)
        {
            return (Outcome.Found, stacked);
        }

        return name.StartsWith("disk/", StringComparison.Ordinal) ? ByLink(name[5..]) : ByDeviceName(name);
    }

    /// <summary>A volume that was put together, by one of its names.</summary>
    private VolumeInfo? Stacked(string name) =>
        names?.GetValueOrDefault(name) ?? volumes.FirstOrDefault(v => v.IsStacked && v.Device == name) ?? volumes.FirstOrDefault(v => v.IsStacked && v.Aliases.Contains(name));

    /// <summary>The volume that a name stands for, or null for whatever reason.</summary>
    internal VolumeInfo? Find(string spec) => Resolve(spec).Volume;

    private (Outcome, VolumeInfo?) ByLink(string name)
    {
        int slash = name.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
        {
            return (Outcome.Missing, null);
        }

        string value = DecodeUdev(name[(slash + 1)..]);
        return name[..slash] switch
        {
            "by-uuid" => Result(ByUuid(value)),
            "by-label" => Result(ByLabel(value)),
            "by-partuuid" => Result(ByPartitionUuid(value)),
            "by-partlabel" => Result(ByPartitionLabel(value)),
            "by-path" => ByPath(value),
            "by-id" when value.StartsWith("dm-", StringComparison.Ordinal) || value.StartsWith("md-", StringComparison.Ordinal)
                || value.StartsWith("lvm-", StringComparison.Ordinal) => (Outcome.Stacked, null),
            "by-id" => BySerial(value),
            _ => (Outcome.Missing, null),
        };
    }

    private (Outcome, VolumeInfo?) ByDeviceName(string name)
    {
        if (LetterName().Match(name) is { Success: true } letters)
        {
            return Result(OnDisk(DiskNumber(letters.Groups[1].Value), PartitionNumber(letters.Groups[2].Value)));
        }

        if (NvmeName().Match(name) is { Success: true } nvme)
        {
            return Result(OnDisk(NvmeDisk(Number(nvme.Groups[1].Value), Number(nvme.Groups[2].Value)), PartitionNumber(nvme.Groups[3].Value)));
        }

        if (CcissName().Match(name) is { Success: true } cciss)
        {
            return Result(OnDisk(Number(cciss.Groups[1].Value), PartitionNumber(cciss.Groups[2].Value)));
        }

        if (RemovableName().IsMatch(name))
        {
            return (Outcome.Ignored, null);
        }

        if (MultipathName().Match(name) is { Success: true } multipath)
        {
            // The paths of one disk went by this name; on the new bus there is one path and no such name.
            return OnlyDisk(PartitionNumber(multipath.Groups[1].Value));
        }

        // /dev/mapper/X, /dev/dm-N, /dev/mdN, /dev/md/X and /dev/VG/LV.
        bool isStacked = name.StartsWith("mapper/", StringComparison.Ordinal) || name.StartsWith("dm-", StringComparison.Ordinal)
            || name.StartsWith("md", StringComparison.Ordinal) || name.Contains('/', StringComparison.Ordinal);
        return (isStacked ? Outcome.Stacked : Outcome.Missing, null);
    }

    private (Outcome, VolumeInfo?) ByPath(string value)
    {
        int partition = PartitionSuffix(value);
        if (disks.Count > 1 && ScsiAddress().Match(value) is { Success: true } address)
        {
            // Bus addresses are only those of the source if all disks share one controller.
            int unit = Number(address.Groups[1].Value);
            SourceDisk[] matching = [.. disks.Where(d => disks.All(o => o.Unit is null) ? d.Index == BareUnit(unit) : d.Unit == unit)];
            bool isOneController = disks.Select(d => (d.Controller, d.ControllerNumber)).Distinct().Count() == 1;
            return isOneController && matching.Length == 1 ? Result(OnDisk(matching[0].Index, partition)) : (Outcome.Missing, null);
        }

        return OnlyDisk(partition);
    }

    /// <summary>Disks without a machine's description are taken in the order of their addresses; 7 is the controller's own.</summary>
    private static int BareUnit(int unit) => unit > 7 ? unit - 1 : unit;

    /// <summary>udev's names by identity end with the serial number (<c>ata-VBOX_HARDDISK_VB1234</c>), as far as the source tells it.</summary>
    private (Outcome, VolumeInfo?) BySerial(string value)
    {
        int suffix = value.LastIndexOf("-part", StringComparison.Ordinal);
        string name = suffix < 0 ? value : value[..suffix];
        SourceDisk[] matching = [.. disks.Where(d => d.Serial is { Length: >= MinSerial } serial && name.EndsWith("_" + serial.Trim().Replace(' ', '_'), StringComparison.OrdinalIgnoreCase))];
        return matching.Length == 1 ? Result(OnDisk(matching[0].Index, PartitionSuffix(value))) : OnlyDisk(PartitionSuffix(value));
    }

    private (Outcome, VolumeInfo?) OnlyDisk(int partition) =>
        DiskCount() == 1 ? Result(OnDisk(0, partition)) : (Outcome.Missing, null);

    private int DiskCount() => volumes.Where(v => !v.IsStacked).Select(v => v.DiskIndex).Distinct().Count();

    private VolumeInfo? OnDisk(int disk, int partition) => disk < 0 ? null : volumes.FirstOrDefault(v => v.DiskIndex == disk && v.PartitionNumber == partition);

    private VolumeInfo? ByUuid(string value) => Original(v => v.Uuid is not null && v.Uuid.Equals(value, StringComparison.OrdinalIgnoreCase));

    private VolumeInfo? ByLabel(string value) => Original(v => v.Label == value && value.Length > 0);

    private VolumeInfo? ByPartitionUuid(string value) =>
        volumes.FirstOrDefault(v => v.PartitionUuid is not null && v.PartitionUuid.Equals(value, StringComparison.OrdinalIgnoreCase));

    private VolumeInfo? ByPartitionLabel(string value) => volumes.FirstOrDefault(v => v.PartitionLabel == value && value.Length > 0);

    /// <summary>The volume that answers; the members of a mirror and snapshots show what they hold a second time.</summary>
    private VolumeInfo? Original(Func<VolumeInfo, bool> isMatch) =>
        volumes.Where(isMatch).OrderBy(v => v.Kind == "snapshot" || v.FileSystem?.EndsWith("_member", StringComparison.Ordinal) == true).FirstOrDefault();

    /// <summary>nvmeXnY: X counts controllers, Y namespaces on one, which VMware numbers by unit.</summary>
    private int NvmeDisk(int controller, int nameSpace)
    {
        SourceDisk[] nvme = [.. disks.Where(d => d.Controller == DiskController.Nvme)];
        if (nvme.Length == 0)
        {
            return nameSpace == 1 ? controller : -1;
        }

        var controllers = nvme.GroupBy(d => d.ControllerNumber ?? 0).OrderBy(g => g.Key).ToList();
        if (controllers.Count == 1 && controllers[0].Count() > 1 && nameSpace == 1)
        {
            // One controller in the metadata, but it may have shown each disk as a controller of its own.
            return controller < nvme.Length ? nvme.OrderBy(d => d.Index).ElementAt(controller).Index : -1;
        }

        if (controller >= controllers.Count)
        {
            return -1;
        }

        SourceDisk[] spaces = [.. controllers[controller].OrderBy(d => d.Unit ?? d.Index)];
        return nameSpace >= 1 && nameSpace <= spaces.Length ? spaces[nameSpace - 1].Index : -1;
    }

    private static (Outcome, VolumeInfo?) Result(VolumeInfo? volume) => (volume is null ? Outcome.Missing : Outcome.Found, volume);

    private static int DiskNumber(string letters)
    {
        int number = 0;
        foreach (char letter in letters)
        {
            number = (number * 26) + (letter - 'a' + 1);
        }

        return number - 1;
    }

    private static int PartitionNumber(string digits) => digits.Length == 0 ? 0 : Number(digits);

    private static int PartitionSuffix(string value)
    {
        int at = value.LastIndexOf("-part", StringComparison.Ordinal);
        return at < 0 ? 0 : Number(value[(at + 5)..]);
    }

    private static int Number(string digits) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : -1;

    /// <summary>udev writes characters that a link's name must not hold as <c>\xNN</c>.</summary>
    private static string DecodeUdev(string name)
    {
        if (!name.Contains("\\x", StringComparison.Ordinal))
        {
            return name;
        }

        var bytes = new List<byte>();
        for (int i = 0; i < name.Length; i++)
        {
            if (i + 3 < name.Length && name[i] == '\\' && name[i + 1] == 'x'
                && byte.TryParse(name.AsSpan(i + 2, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value))
            {
                bytes.Add(value);
                i += 3;
            }
            else
            {
                bytes.AddRange(Encoding.UTF8.GetBytes(name, i, 1));
            }
        }

        return Guest.GuestText.Decode([.. bytes]);
    }

    [GeneratedRegex("^(?:s|h|v|xv)d([a-z]{1,3})([0-9]{0,3})$", RegexOptions.CultureInvariant)]
    private static partial Regex LetterName();

    [GeneratedRegex("^nvme([0-9]{1,3})n([0-9]{1,3})(?:p([0-9]{1,3}))?$", RegexOptions.CultureInvariant)]
    private static partial Regex NvmeName();

    [GeneratedRegex("^cciss/c[0-9]{1,2}d([0-9]{1,2})(?:p([0-9]{1,3}))?$", RegexOptions.CultureInvariant)]
    private static partial Regex CcissName();

    [GeneratedRegex("^(?:mapper|mpath)/(?:mpath[a-z]{1,3}|3[0-9a-f]{16}|3[0-9a-f]{32})(?:p|-part|_part)?([0-9]{0,3})$", RegexOptions.CultureInvariant)]
    private static partial Regex MultipathName();

    [GeneratedRegex("^(?:fd[0-9]|cd[0-9]|sr[0-9]|scd[0-9]|floppy|cdrom|dvd|iso9660/|loop|ram|zram)", RegexOptions.CultureInvariant)]
    private static partial Regex RemovableName();

    [GeneratedRegex("-scsi-[0-9]{1,3}:[0-9]{1,3}:([0-9]{1,3}):[0-9]{1,3}(?:-part[0-9]{1,3})?$", RegexOptions.CultureInvariant)]
    private static partial Regex ScsiAddress();
}
