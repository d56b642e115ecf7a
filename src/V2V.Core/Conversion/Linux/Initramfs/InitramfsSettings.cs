using System.Text.RegularExpressions;
using V2V.Core.Inspection.Initramfs;

namespace V2V.Core.Conversion.Linux.Initramfs;

/// <summary>Names the virtio modules to every tool of the guest that builds an initramfs, in the tool's own settings, so that later rebuilds keep them.</summary>
internal static partial class InitramfsSettings
{
    private const string Reason = "The guest's own rebuilds of the initramfs keep the virtio drivers.";
    private const string Comment = "Added by V2V: the machine's disks and network cards are virtio now.";

    /// <summary>Writes the settings.</summary>
    /// <param name="context">The conversion.</param>
    /// <param name="modules">Names of the modules, those that others need first.</param>
    internal static void Write(ConversionContext context, string[] modules)
    {
        if (modules.Length == 0)
        {
            return;
        }

        IReadOnlyList<string> tools = context.Inspection.InitramfsTools;
        bool Has(string tool, string directory) => tools.Contains(tool) || context.Tree.DirectoryExists(directory);
        (bool IsUsed, Action<ConversionContext, string[]> Write)[] writers =
        [
            (Has(InitramfsTool.Dracut, "/etc/dracut.conf.d"), WriteDracut),
            (context.Tree.DirectoryExists("/etc/initramfs-tools"), WriteInitramfsTools),
            (tools.Contains(InitramfsTool.SuseMkinitrd), WriteSuse),
            (tools.Contains(InitramfsTool.RedHatMkinitrd), WriteRedHat),
            (tools.Contains(InitramfsTool.MakeInitrd), WriteMakeInitrd),
            (tools.Contains(InitramfsTool.Mkinitcpio), WriteMkinitcpio),
            (tools.Contains(InitramfsTool.Booster), WriteBooster),
            (tools.Contains(InitramfsTool.Mkinitfs), WriteMkinitfs),
            (tools.Contains(InitramfsTool.TinyInitramfs), WriteTinyInitramfs),
        ];
        foreach ((_, Action<ConversionContext, string[]> write) in writers.Where(w => w.IsUsed))
        {
            write(context, modules);
        }
    }

    /// <summary>dracut.conf(5): add_drivers puts modules into images made for one machine too, which otherwise hold what that machine uses at the time.</summary>
    private static void WriteDracut(ConversionContext context, string[] modules)
    {
        string line = $"add_drivers+=\" {string.Join(' ', modules)} \"\n";
        if (context.Tree.DirectoryExists("/etc/dracut.conf.d") || !context.Tree.FileExists("/etc/dracut.conf"))
        {
            context.Editor.WriteText("/etc/dracut.conf.d/v2v.conf", $"# {Comment}\n{line}", Reason);
        }
        else if (!context.Editor.ReadText("/etc/dracut.conf")!.Contains(line, StringComparison.Ordinal))
        {
            context.Editor.EditText("/etc/dracut.conf", text => TextLines.Append(text, "# " + Comment, line.TrimEnd()), Reason);
        }
    }

    private static void WriteInitramfsTools(ConversionContext context, string[] modules)
    {
        const string Path = "/etc/initramfs-tools/modules";
        string text = context.Editor.ReadText(Path) ?? "";
        HashSet<string> present = [.. text.Split('\n').Select(l => TextLines.Words(l).FirstOrDefault("").Replace('-', '_'))];
        string[] added = [.. modules.Where(m => !present.Contains(m))];
        if (added.Length > 0)
        {
            context.Editor.WriteText(Path, TextLines.Append(text, [$"# {Comment}", .. added]), Reason);
        }
    }

    /// <summary>The lists of /etc/sysconfig/kernel, for the machine itself and for Xen's guests. Drivers of the old hypervisor leave them.</summary>
    private static void WriteSuse(ConversionContext context, string[] modules)
    {
        const string Path = "/etc/sysconfig/kernel";
        bool hasList = false;
        context.Editor.EditLines(
            Path,
            line =>
            {
                if (SuseList().Match(line) is not { Success: true } match)
                {
                    return line;
                }

                hasList |= !match.Groups[1].Value.StartsWith("DOMU", StringComparison.Ordinal);
                return match.Groups[1].Value + "=\"" + string.Join(' ', Merge(match.Groups[2].Value, match.Groups[1].Value.StartsWith("DOMU", StringComparison.Ordinal) ? [] : modules)) + "\"";
            },
            Reason);
        if (!hasList)
        {
            context.Editor.WriteText(Path, TextLines.Append(context.Editor.ReadText(Path) ?? "", $"INITRD_MODULES=\"{string.Join(' ', modules)}\""), Reason);
        }
    }

    /// <summary>Red Hat's mkinitrd before dracut takes the modules that the adapters' aliases stand for; virtio_pci, which nothing depends on, needs one too.</summary>
    private static void WriteRedHat(ConversionContext context, string[] modules)
    {
        const string Path = "/etc/modprobe.conf";
        string text = context.Editor.ReadText(Path) ?? "";
        string[][] aliases = [.. text.Split('\n').Select(TextLines.Words).Where(w => w is ["alias", { } alias, _, ..] && alias.StartsWith("scsi_hostadapter", StringComparison.Ordinal))];
        List<string> lines = [];
        int next = aliases.Length;
        foreach (string module in ((string[])["virtio_pci", "virtio_blk", "virtio_scsi"]).Where(m => modules.Contains(m) && !aliases.Any(a => a[2] == m)))
        {
            lines.Add(FormattableString.Invariant($"alias scsi_hostadapter{(next == 0 ? "" : next)} {module}"));
            next++;
        }

        if (lines.Count > 0)
        {
            context.Editor.WriteText(Path, TextLines.Append(text, lines), Reason);
        }
    }

    /// <summary>ALT's make-initrd: its settings are a makefile.</summary>
    private static void WriteMakeInitrd(ConversionContext context, string[] modules)
    {
        const string Path = "/etc/initrd.mk";
        string line = "MODULES_ADD += " + string.Join(' ', modules);
        string text = context.Editor.ReadText(Path) ?? "";
        if (!text.Contains(line, StringComparison.Ordinal))
        {
            context.Editor.WriteText(Path, TextLines.Append(text, "# " + Comment, line), Reason);
        }
    }

    /// <summary>mkinitcpio.conf(5): an array, or in old releases a string, that bash reads.</summary>
    private static void WriteMkinitcpio(ConversionContext context, string[] modules)
    {
        const string Path = "/etc/mkinitcpio.conf";
        bool isDone = false;
        context.Editor.EditLines(
            Path,
            line =>
            {
                if (isDone || ArchList().Match(line) is not { Success: true } match)
                {
                    return line;
                }

                isDone = true;
                (string open, string close) = match.Groups[1].Value == "(" ? ("(", ")") : ("\"", "\"");
                return "MODULES=" + open + string.Join(' ', Merge(match.Groups[2].Value, modules)) + close;
            },
            Reason);
        if (!isDone)
        {
            string line = $"MODULES+=({string.Join(' ', modules)})";
            string text = context.Editor.ReadText(Path) ?? "";
            if (!text.Contains(line, StringComparison.Ordinal))
            {
                context.Editor.WriteText(Path, TextLines.Append(text, "# " + Comment, line), Reason);
            }
        }
    }

    /// <summary>booster's list is one string with commas; what it names is put into images for one machine too.</summary>
    private static void WriteBooster(ConversionContext context, string[] modules)
    {
        const string Path = "/etc/booster.yaml";
        string text = context.Editor.ReadText(Path) ?? "";
        bool isDone = false;
        string edited = TextLines.Edit(text, line =>
        {
            if (isDone || BoosterList().Match(line) is not { Success: true } match)
            {
                return line;
            }

            isDone = true;
            string[] present = match.Groups[1].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

            // Quoted, for "*" alone and "-*" mean all modules and none, and a plain star would be an alias in YAML.
            return $"modules: \"{string.Join(',', present.Concat(modules.Where(m => !present.Contains(m))))}\"";
        });
        context.Editor.WriteText(Path, isDone ? edited : TextLines.Append(text, "modules: " + string.Join(',', modules)), Reason);
    }

    /// <summary>Alpine's mkinitfs knows sets of modules; that of virtio comes with it.</summary>
    private static void WriteMkinitfs(ConversionContext context, string[] modules)
    {
        const string Path = "/etc/mkinitfs/mkinitfs.conf";
        context.Editor.EditLines(
            Path,
            line => AlpineFeatures().Match(line) is { Success: true } match && !match.Groups[1].Value.Split(' ').Contains("virtio")
                ? $"features=\"{match.Groups[1].Value.TrimEnd()} virtio\""
                : line,
            Reason);
        if (!context.Tree.FileExists("/etc/mkinitfs/features.d/virtio.modules"))
        {
            context.Editor.WriteText("/etc/mkinitfs/features.d/virtio.modules", "kernel/drivers/virtio\nkernel/drivers/block/virtio_blk.ko*\nkernel/drivers/scsi/virtio_scsi.ko*\nkernel/drivers/net/virtio_net.ko*\n", Reason);
        }
    }

    /// <summary>tiny-initramfs takes what the root needs at the time, and the modules that its configuration, a shell script, names.</summary>
    private static void WriteTinyInitramfs(ConversionContext context, string[] modules)
    {
        const string Path = "/etc/tiny-initramfs/tiny-initramfs.conf";
        string text = context.Editor.ReadText(Path) ?? "";
        string line = $"INCLUDE_MODULES=\"${{INCLUDE_MODULES:+$INCLUDE_MODULES,}}{string.Join(',', modules)}\"";
        if (!text.Contains(line, StringComparison.Ordinal))
        {
            context.Editor.WriteText(Path, TextLines.Append(text, "# " + Comment, line), Reason);
        }
    }

    private static IEnumerable<string> Merge(string list, IReadOnlyCollection<string> modules)
    {
        string[] kept = [.. list.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries).Where(m => !ForeignModules.Contains(m))];
        return kept.Concat(modules.Where(m => !kept.Any(k => k.Replace('-', '_') == m)));
    }

    [GeneratedRegex("""^\s*((?:DOMU_)?INITRD_MODULES)=["']?([^"'#]*)["']?\s*$""", RegexOptions.CultureInvariant)]
    private static partial Regex SuseList();

    [GeneratedRegex("""^\s*MODULES=([("'])([^)"'#]*)[)"']\s*$""", RegexOptions.CultureInvariant)]
    private static partial Regex ArchList();

    [GeneratedRegex("""^modules:[ \t]*["']?([^\[\]"'#]+?)["']?[ \t]*$""", RegexOptions.CultureInvariant)]
    private static partial Regex BoosterList();

    [GeneratedRegex("""^features=["']?([^"'#]*)["']?\s*$""", RegexOptions.CultureInvariant)]
    private static partial Regex AlpineFeatures();
}
