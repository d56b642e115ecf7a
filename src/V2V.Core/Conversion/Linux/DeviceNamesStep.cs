using System.Text;
using System.Text.RegularExpressions;
using V2V.Core.Conversion.Linux.Boot;
using V2V.Core.Conversion.Linux.Devices;
using V2V.Core.Guest;

namespace V2V.Core.Conversion.Linux;

/// <summary>
/// Device names in the guest's configuration become ones that do not depend on the bus: fstab, crypttab, mount units, GRUB's files and the
/// kernel command lines in them, initramfs-tools' settings and what an initramfs embeds of them.
/// </summary>
internal sealed partial class DeviceNamesStep : ConversionStep
{
    private const string Reason = "Device names change with the bus.";
    private const string Uswsusp = "/etc/uswsusp.conf";

    internal override string Name => "DeviceNames";

    internal override int Order => 300;

    internal override void Apply(ConversionContext context)
    {
        var names = new DeviceNames(context);
        EditField(context, names, "/etc/fstab", 0);
        EditField(context, names, "/etc/crypttab", 1);
        EditUnits(context, names);
        EditLoader(context, names);
        EditDefaults(context, names);
        EditSettings(context, names);
        OverrideEmbedded(context);
    }

    private static void EditField(ConversionContext context, DeviceNames names, string path, int field) =>
        context.Editor.EditLines(
            path,
            line => TextLines.Words(line) is { } words && words.Length > field && names.Replace(words[field], path) is { } name
                ? TextLines.ReplaceWord(line, field, name)
                : line,
            Reason);

    private static void EditUnits(ConversionContext context, DeviceNames names)
    {
        foreach (string path in context.Tree.Glob("/etc/systemd/system/*.mount").Where(context.Tree.FileExists))
        {
            context.Editor.EditLines(
                path, line => What().Match(line) is { Success: true } match && names.Replace(match.Groups[2].Value, path) is { } name ? match.Groups[1].Value + ToPath(name) : line, Reason);
        }

        foreach (string path in context.Tree.Glob("/etc/systemd/system/*.swap").Where(context.Tree.FileExists))
        {
            if (context.Editor.ReadText(path)!.Split('\n').Any(l => What().Match(l) is { Success: true } match && names.Replace(match.Groups[2].Value, path) is not null))
            {
                context.Warn($"{path} names its device by position, in its own name too; rename the unit to the volume's UUID in the guest.");
            }
        }
    }

    /// <summary>A unit takes a path only.</summary>
    private static string ToPath(string name) =>
        name.StartsWith("UUID=", StringComparison.Ordinal) ? "/dev/disk/by-uuid/" + name[5..]
        : name.StartsWith("PARTUUID=", StringComparison.Ordinal) ? "/dev/disk/by-partuuid/" + name[9..]
        : name;

    private static void EditLoader(ConversionContext context, DeviceNames names)
    {
        foreach (string path in BootFiles.Menus(context))
        {
            context.Editor.EditText(
                path, text => EditMenu(text, (line, hasInitrd) => CommandLine.ReplaceDevices(line, (key, name) => names.Replace(name, path, ReaderOf(key, hasInitrd)))), Reason);
            context.Editor.EditLines(path, line => EditMagic(line, name => names.Replace(name, path, DeviceReader.Initramfs)), Reason);
        }

        foreach (string path in BootFiles.Entries(context))
        {
            bool hasInitrd = context.Editor.ReadText(path)!.Contains("\ninitrd", StringComparison.Ordinal);
            context.Editor.EditLines(
                path, line => Options().IsMatch(line) ? CommandLine.ReplaceDevices(line, (key, name) => names.Replace(name, path, ReaderOf(key, hasInitrd))) : line, Reason);
        }

        foreach (string path in BootFiles.Environments(context))
        {
            context.Editor.EditText(
                path, block => GrubEnvironmentBlock.Edit(block, value => CommandLine.ReplaceDevices(value, (_, name) => names.Replace(name, path, DeviceReader.Initramfs))), Reason);
        }

        foreach (string path in BootFiles.Syslinux(context))
        {
            bool hasInitrd = context.Editor.ReadText(path)!.Contains("initrd", StringComparison.OrdinalIgnoreCase);
            context.Editor.EditLines(
                path, line => Append().IsMatch(line) ? CommandLine.ReplaceDevices(line, (key, name) => names.Replace(name, path, ReaderOf(key, hasInitrd))) : line, Reason);
        }

        foreach (string path in ((string[])["/boot/grub/device.map", "/boot/grub2/device.map"]).Where(context.Tree.FileExists))
        {
            context.Editor.EditLines(
                path, line => TextLines.Words(line) is [_, { } device, ..] && names.Rename(device, path) is { } name ? TextLines.ReplaceWord(line, 1, name) : line, Reason);
        }
    }

    private static DeviceReader ReaderOf(string key, bool hasInitrd) => hasInitrd ? DeviceReader.Initramfs : key == "root" ? DeviceReader.Kernel : DeviceReader.Guest;

    /// <summary>Edits the lines of a menu that start a kernel; each is told whether its entry loads an initramfs too.</summary>
    private static string EditMenu(string text, Func<string, bool, string> edit)
    {
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            if (BlsFallback().IsMatch(lines[i]))
            {
                lines[i] = edit(lines[i], true);
            }
            else if (KernelLine().IsMatch(lines[i]))
            {
                bool hasInitrd = lines.Skip(i + 1).TakeWhile(l => !EntryEnd().IsMatch(l)).Any(l => InitrdLine().IsMatch(l));
                lines[i] = edit(lines[i], hasInitrd);
            }
        }

        return string.Join('\n', lines);
    }

    /// <summary>The comments of menu.lst from which Debian's update-grub for GRUB 1 makes the menu (update-grub(8)): <c># kopt=root=/dev/sda1 ro</c>.</summary>
    private static string EditMagic(string line, Func<string, string?> replace) => MagicOptions().Match(line) is { Success: true } match
        ? match.Value + CommandLine.ReplaceDevices(line[match.Length..], (_, name) => replace(name))
        : line;

    private static void EditDefaults(ConversionContext context, DeviceNames names)
    {
        foreach (string path in BootFiles.Settings(context))
        {
            context.Editor.EditLines(path, line => EditDefault(line, path, names), Reason);
        }
    }

    private static string EditDefault(string line, string path, DeviceNames names)
    {
        string start = line.TrimStart();
        if (start.StartsWith('#'))
        {
            return line;
        }

        // Red Hat's for GRUB 1: the disk with the loader.
        if (path == "/etc/sysconfig/grub" && BootDisk().Match(line) is { Success: true } disk)
        {
            return names.Rename(disk.Groups[1].Value, path) is { } device ? "boot=" + device : line;
        }

        string edited = CommandLine.ReplaceDevices(line, (_, name) => names.Replace(name, path));
        if (edited != line)
        {
            return edited;
        }

        // With it, the guest's next update-grub would write the name that the disk has today.
        return UuidDisabled().IsMatch(start) ? "#" + line : line;
    }

    private static void EditSettings(ConversionContext context, DeviceNames names)
    {
        string[] files = ["/etc/initramfs-tools/initramfs.conf", .. context.Tree.Glob("/etc/initramfs-tools/conf.d/*"), Uswsusp];
        foreach (string path in files.Where(context.Tree.FileExists))
        {
            context.Editor.EditLines(
                path, line => Setting().Match(line) is { Success: true } match && names.Replace(match.Groups[2].Value, path) is { } name
                    ? match.Groups[1].Value + (path == Uswsusp ? ToPath(name) : name) + line[(match.Index + match.Length)..]
                    : line,
                Reason);
        }
    }

    /// <summary>
    /// An initramfs of initramfs-tools carries copies of these settings. Its init reads every file of conf/conf.d as shell, in order of their names,
    /// so one more file, read last, corrects the variables without replacing what others put there.
    /// </summary>
    private static void OverrideEmbedded(ConversionContext context)
    {
        if (context.ReplacedDevices.Count == 0 || !context.Tree.DirectoryExists("/etc/initramfs-tools"))
        {
            return;
        }

        var script = new StringBuilder("# Device names of the old machine, by V2V.\n");
        foreach (string variable in (string[])["RESUME", "ROOT"])
        {
            script.Append(System.Globalization.CultureInfo.InvariantCulture, $"case \"${{{variable}}}\" in\n");
            foreach ((string name, string replacement) in context.ReplacedDevices.OrderBy(r => r.Key, StringComparer.Ordinal).Where(r => IsPlain(r.Key) && IsPlain(r.Value)))
            {
                script.Append(System.Globalization.CultureInfo.InvariantCulture, $"{name}) {variable}={replacement} ;;\n");
            }

            script.Append("esac\n");
        }

        context.InitramfsFiles["conf/conf.d/zzz-v2v"] = Encoding.ASCII.GetBytes(script.ToString());
    }

    /// <summary>What a shell takes as it stands.</summary>
    private static bool IsPlain(string name) => name.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '-' or '_' or '.' or '=' or ':');

    [GeneratedRegex(@"^(\s*What\s*=\s*)(/dev/\S+)\s*$", RegexOptions.CultureInvariant)]
    private static partial Regex What();

    // What blscfg puts for $kernelopts where the environment block has none.
    [GeneratedRegex(@"^\s*set kernelopts=", RegexOptions.CultureInvariant)]
    private static partial Regex BlsFallback();

    [GeneratedRegex(@"^\s*options\s", RegexOptions.CultureInvariant)]
    private static partial Regex Options();

    [GeneratedRegex(@"^\s*append\s", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex Append();

    [GeneratedRegex(@"^boot=(/dev/\S+)$", RegexOptions.CultureInvariant)]
    private static partial Regex BootDisk();

    [GeneratedRegex(@"^\s*(?:linux|linux16|linuxefi|module|module2|multiboot|multiboot2|kernel)\s", RegexOptions.CultureInvariant)]
    private static partial Regex KernelLine();

    [GeneratedRegex(@"^\s*(?:initrd|initrd16|initrdefi|module|module2)\s", RegexOptions.CultureInvariant)]
    private static partial Regex InitrdLine();

    [GeneratedRegex(@"^#\s?(?:xen)?kopt(?:_[^=\s]*)?=", RegexOptions.CultureInvariant)]
    private static partial Regex MagicOptions();

    [GeneratedRegex(@"^\s*(?:\}|title\s|menuentry\s)", RegexOptions.CultureInvariant)]
    private static partial Regex EntryEnd();

    [GeneratedRegex(@"^GRUB_DISABLE_LINUX_(?:PART)?UUID=[""']?true", RegexOptions.CultureInvariant)]
    private static partial Regex UuidDisabled();

    [GeneratedRegex(@"^(\s*(?:export\s+)?(?:RESUME|ROOT|resume device)\s*=\s*[""']?)(/dev/[^\s""']+)", RegexOptions.CultureInvariant)]
    private static partial Regex Setting();
}
