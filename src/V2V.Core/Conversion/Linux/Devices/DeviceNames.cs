using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Initramfs;
using V2V.Core.Inspection.Volumes;

namespace V2V.Core.Conversion.Linux.Devices;

/// <summary>Who looks a device up, and so which names it may have.</summary>
internal enum DeviceReader
{
    /// <summary>mount, swapon and their like: a UUID of the content always works.</summary>
    Guest,

    /// <summary>An initramfs: initramfs-tools and dracut know UUIDs; older tools know names only.</summary>
    Initramfs,

    /// <summary>A kernel that starts without an initramfs: the UUID of a partition since Linux 3.8, before that names only.</summary>
    Kernel,
}

/// <summary>
/// What replaces the name of a device in a guest's configuration. A name by position (<c>/dev/sda1</c>, <c>/dev/disk/by-path/…</c>) changes with
/// the bus, so a volume is named by its UUID, else by that of its partition, else by the name it will have.
/// </summary>
internal sealed class DeviceNames(ConversionContext context)
{
    private static readonly string[] s_lasting = ["/dev/disk/by-uuid/", "/dev/disk/by-label/", "/dev/disk/by-partuuid/", "/dev/disk/by-partlabel/"];

    // initrd-tools and yaird, which came before these, know names only; so do the tools of RHEL 4 and SLES 9.
    private readonly bool _initramfsKnowsUuids = context.Inspection.PackageFormat != "deb"
        ? context.Drivers.Boot is not { } boot || PackageVersion.Compare(boot.Version, "2.6.16") >= 0
            || !context.Inspection.InitramfsTools.Any(t => t is InitramfsTool.RedHatMkinitrd or InitramfsTool.SuseMkinitrd)
        : context.Tree.DirectoryExists("/etc/initramfs-tools") || context.Tree.DirectoryExists("/usr/lib/dracut") || context.Inspection.InitramfsTools.Contains(InitramfsTool.TinyInitramfs);
    private readonly DeviceNameResolver _resolver = new(context.Inspection.Volumes, context.Source.Disks, StackedNames.Read(context.Tree, context.Inspection.Volumes, context.Inspection.RootDevice));

    /// <summary>The name to use instead of a name, or null to leave it: it lasts, or stands for nothing that is known.</summary>
    /// <param name="name">A name as the guest wrote it.</param>
    /// <param name="where">The file it stands in, for a warning.</param>
    /// <param name="reader">Who is to understand the new name.</param>
    internal string? Replace(string name, string where, DeviceReader reader = DeviceReader.Guest)
    {
        if (Find(name, where) is not { } volume)
        {
            return null;
        }

        string? replacement = reader == DeviceReader.Initramfs && !_initramfsKnowsUuids ? null
            : reader != DeviceReader.Kernel && volume is { Uuid: { } uuid, FileSystem: not null } && IsUnique(v => v.Uuid, uuid) ? "UUID=" + uuid
            : reader == DeviceReader.Kernel && !IsKernelSince("3.8") ? null
            : volume.PartitionUuid is { } partition && IsUnique(v => v.PartitionUuid, partition) ? "PARTUUID=" + partition
            : null;
        if (replacement is null)
        {
            replacement = TargetName(volume);
            if (replacement != name)
            {
                string why = reader == DeviceReader.Guest || _initramfsKnowsUuids ? "has no UUID" : "has no other name that this release could start from";
                context.Warn($"{where}: {name} {why}; it was renamed to {replacement}, which is right while the disk stays on the {context.Capabilities.BlockBus} bus.");
            }
        }

        return Remember(name, replacement);
    }

    /// <summary>The name that a disk or volume will have, for places that know no UUID; null to leave the name.</summary>
    internal string? Rename(string name, string where) => Find(name, where) is { } volume ? Remember(name, TargetName(volume)) : null;

    /// <summary>The name of a volume on the target's bus: <c>/dev/vda1</c>.</summary>
    private string TargetName(VolumeInfo volume)
    {
        string device = GuestDisks.VolumeName(volume.DiskIndex, volume.PartitionNumber);
        return "/dev/" + context.Capabilities.BlockBus switch
        {
            BlockBus.VirtioBlk => "v" + device[1..],
            // Before 2.6.32 the IDE drivers, not libata's, get hold of such a disk.
            BlockBus.Ide when !IsKernelSince("2.6.32") => "h" + device[1..],
            _ => device,
        };
    }

    private bool IsKernelSince(string version) => context.Drivers.Boot is not { } kernel || PackageVersion.Compare(kernel.Version, version) >= 0;

    private VolumeInfo? Find(string name, string where)
    {
        if (!name.StartsWith("/dev/", StringComparison.Ordinal) || s_lasting.Any(p => name.StartsWith(p, StringComparison.Ordinal)))
        {
            return null;
        }

        (DeviceNameResolver.Outcome outcome, VolumeInfo? volume) = _resolver.Resolve(name);
        if (volume?.IsStacked == true)
        {
            // Names of arrays, logical and encrypted volumes do not depend on the bus.
            return null;
        }

        if (outcome == DeviceNameResolver.Outcome.Missing)
        {
            context.Warn($"{where}: {name} names no volume of the machine's disks; it was left as it is.");
        }

        return volume;
    }

    private bool IsUnique(Func<VolumeInfo, string?> id, string value) =>
        context.Inspection.Volumes.Count(v => value.Equals(id(v), StringComparison.OrdinalIgnoreCase)) == 1;

    private string? Remember(string name, string replacement)
    {
        if (replacement == name)
        {
            return null;
        }

        context.ReplacedDevices[name] = replacement;
        return replacement;
    }
}
