using System.Text.RegularExpressions;
using V2V.Core.Guest;
using V2V.Core.Inspection;

namespace V2V.Core.Conversion.Linux.Devices;

/// <summary>
/// Settings by which LVM, md, kdump and SUSE's loader find devices: names, serial numbers and WWIDs of the old machine become what holds on the new one.
/// An initramfs may carry copies of the first two, so they go there too.
/// </summary>
internal sealed partial class StorageSettingsStep : ConversionStep
{
    private const string LvmConfig = "/etc/lvm/lvm.conf";
    private const string LvmDevices = "/etc/lvm/devices/system.devices";
    private const string KdumpConfig = "/etc/kdump.conf";

    internal override string Name => "StorageSettings";

    internal override int Order => 310;

    internal override void Apply(ConversionContext context)
    {
        var names = new DeviceNames(context);
        EditLvm(context, names);
        foreach (string path in (string[])["/etc/mdadm.conf", "/etc/mdadm/mdadm.conf", .. context.Tree.Glob("/etc/mdadm.conf.d/*"), .. context.Tree.Glob("/etc/mdadm/mdadm.conf.d/*")])
        {
            Edit(context, path, text => MdadmConfig.Edit(text, device => names.Rename(device, path)), "An array's members have new names.");
        }

        context.Editor.EditLines(
            KdumpConfig, line => KdumpTarget().Match(line) is { Success: true } match && (match.Groups[1].Value.StartsWith("raw", StringComparison.Ordinal)
                ? names.Rename(match.Groups[2].Value, KdumpConfig) : names.Replace(match.Groups[2].Value, KdumpConfig)) is { } name ? match.Groups[1].Value + name : line,
            "kdump writes to this device.");

        // The next update of the loader would go to a disk that is gone.
        const string InstallDevice = "/etc/default/grub_installdevice";
        context.Editor.EditLines(
            InstallDevice, line => TextLines.Words(line) is [{ } device, ..] && names.Rename(device, InstallDevice) is { } name ? TextLines.ReplaceWord(line, 0, name) : line,
            "The boot loader's package installs to this disk.");
    }

    private static void EditLvm(ConversionContext context, DeviceNames names)
    {
        var physical = new Dictionary<string, (VolumeInfo Volume, string Name)>(StringComparer.Ordinal);
        foreach (VolumeInfo volume in context.Inspection.Volumes.Where(v => v.FileSystem == "LVM2_member" && !v.IsStacked && v.Uuid is not null))
        {
            string old = "/dev/" + volume.Device;
            physical.TryAdd(LvmDevicesFile.ToPvid(volume.Uuid!), (volume, names.Rename(old, LvmConfig) ?? old));
        }

        if (physical.Count > 0)
        {
            Edit(context, LvmConfig, text => LvmFilter.Edit(text, [.. physical.Values.Select(p => ("/dev/" + p.Volume.Device, p.Name))]), "LVM would not look at the disks under their new names.");
            Edit(context, LvmDevices, text => LvmDevicesFile.Edit(text, physical), "LVM looks only at devices of this list, which had the old disks' serial numbers.");
        }
    }

    private static void Edit(ConversionContext context, string path, Func<string, string> edit, string reason)
    {
        if (context.Editor.EditText(path, edit, reason))
        {
            context.InitramfsFiles[path[1..]] = GuestText.Encode(context.Editor.ReadText(path)!);
        }
    }

    // ext4 /dev/sda3, raw /dev/sda5 (kdump.conf(5)).
    [GeneratedRegex(@"^((?:ext[234]|xfs|btrfs|minix|raw)\s+)(/dev/\S+)\s*$", RegexOptions.CultureInvariant)]
    private static partial Regex KdumpTarget();
}
