using System.Text.RegularExpressions;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Boot;

namespace V2V.Core.Conversion.Linux.Boot;

/// <summary>Makes a kernel the one that starts by default, in the way of each boot loader.</summary>
internal static partial class DefaultEntry
{
    private const string Defaults = "/etc/default/grub";
    private const string Reason = "The default kernel cannot drive the new machine's disks.";

    /// <summary>Sets the default; false if the loader's files have no entry for the kernel.</summary>
    internal static bool Set(ConversionContext context, KernelInfo kernel)
    {
        bool isSet = context.Inspection.BootLoader switch
        {
            { Type: "grub2" } loader => SetInGrub2(context, loader, kernel),
            { Type: "grub1" } loader => SetInGrub1(context, loader, kernel),
            { Type: "systemd-boot" } loader => SetInSystemdBoot(context, loader, kernel),
            { Type: "extlinux" or "syslinux" } loader => SetInSyslinux(context, loader, kernel),
            _ => false,
        };
        if (kernel.Package is { } package)
        {
            // What the packages of Red Hat's family make the default at the next update.
            context.Editor.EditLines("/etc/sysconfig/kernel", line => DefaultKernel().IsMatch(line) ? "DEFAULTKERNEL=" + package : line, Reason);
        }

        return isSet;
    }

    private static bool SetInGrub2(ConversionContext context, BootLoaderInfo loader, KernelInfo kernel)
    {
        if (context.Editor.ReadText(loader.ConfigPath) is not { } text)
        {
            return false;
        }

        string? entry = (BlsCommand().IsMatch(text) ? FindBlsEntry(context, kernel) : null) ?? GrubMenuScan.FindEntry(text, GuestPath.GetName(kernel.ImagePath));
        if (entry is null)
        {
            return false;
        }

        // A remembered default is set where GRUB remembers it, so that the guest's own tools go on from there.
        if (text.Contains("set default=\"${saved_entry}\"", StringComparison.Ordinal) && Remember(context, entry))
        {
            return true;
        }

        bool isSet = context.Editor.EditLines(
            loader.ConfigPath, line => SetDefault().Match(line) is { Success: true } match ? match.Groups[1].Value + $"set default=\"{entry}\"" : line, Reason);
        context.Editor.EditText(
            Defaults, t => GrubDefault().IsMatch(t) ? GrubDefault().Replace(t, $"GRUB_DEFAULT=\"{entry}\"") : TextLines.Append(t, $"GRUB_DEFAULT=\"{entry}\""), Reason);
        return isSet;
    }

    private static bool Remember(ConversionContext context, string entry)
    {
        string? path = BootFiles.Environments(context).FirstOrDefault();
        if (path is null || context.Editor.ReadText(path) is not { } block || GrubEnvironmentBlock.Set(block, "saved_entry", entry) is not { } after)
        {
            return false;
        }

        context.Editor.EditText(path, _ => after, Reason);
        return true;
    }

    /// <summary>The id of the entry of the Boot Loader Specification that starts a kernel: its file's name without <c>.conf</c> and without the tries left.</summary>
    private static string? FindBlsEntry(ConversionContext context, KernelInfo kernel)
    {
        string? image = context.Tree.ResolvePath(kernel.ImagePath);
        foreach (string path in BootFiles.Entries(context))
        {
            BootEntry? entry = BlsEntries.Parse("", GuestText.SplitLines(context.Editor.ReadText(path)!), out _);
            if (entry is not null && BootSetup.FindFile(context.Tree, entry.Kernel!) == image)
            {
                return TriesLeft().Replace(GuestPath.GetName(path)[..^5], "");
            }
        }

        return null;
    }

    /// <summary>The number of the first entry with the kernel (GRUB Legacy manual, "default"), which also ends a <c>default saved</c>.</summary>
    private static bool SetInGrub1(ConversionContext context, BootLoaderInfo loader, KernelInfo kernel)
    {
        if (context.Editor.ReadText(loader.ConfigPath) is not { } text)
        {
            return false;
        }

        IReadOnlyList<BootEntry> entries = Grub1Config.Parse(GuestText.SplitLines(text)).Entries;
        int index = entries.ToList().FindIndex(e => e.Kernel is { } path && GuestPath.GetName(path) == GuestPath.GetName(kernel.ImagePath)
            && !e.CommandLine.Split(' ').Contains("single"));
        if (index < 0)
        {
            return false;
        }

        string line = FormattableString.Invariant($"default {index}");
        bool isDone = false, isMenu = false;
        string edited = TextLines.Edit(text, l =>
        {
            isMenu |= Title().IsMatch(l);
            if (isMenu || !Default().IsMatch(l))
            {
                return l;
            }

            isDone = true;
            return line;
        });
        context.Editor.EditText(loader.ConfigPath, _ => isDone ? edited : line + "\n" + text, Reason);
        return true;
    }

    /// <summary>loader.conf(5): <c>default</c> names an entry's file, or that of a unified kernel image.</summary>
    private static bool SetInSystemdBoot(ConversionContext context, BootLoaderInfo loader, KernelInfo kernel)
    {
        string? entry = kernel.ImagePath.EndsWith(".efi", StringComparison.OrdinalIgnoreCase)
            ? TriesLeft().Replace(GuestPath.GetName(kernel.ImagePath)[..^4], "") + ".efi"
            : FindBlsEntry(context, kernel) is { } id ? id + ".conf" : null;
        if (entry is null)
        {
            return false;
        }

        bool isDone = false;
        string edited = TextLines.Edit(context.Editor.ReadText(loader.ConfigPath) ?? "", line =>
        {
            if (TextLines.Words(line) is not ["default", ..])
            {
                return line;
            }

            bool isFirst = !isDone;
            isDone = true;
            return isFirst ? "default " + entry : null;
        });
        context.Editor.WriteText(loader.ConfigPath, isDone ? edited : TextLines.Append(edited, "default " + entry), Reason);
        return true;
    }

    /// <summary>The label that DEFAULT and ONTIMEOUT name, and MENU DEFAULT, which comes before them (SYSLINUX wiki, "Config", "Menu").</summary>
    private static bool SetInSyslinux(ConversionContext context, BootLoaderInfo loader, KernelInfo kernel)
    {
        if (context.Editor.ReadText(loader.ConfigPath) is not { } text)
        {
            return false;
        }

        string? image = context.Tree.ResolvePath(kernel.ImagePath);
        string? label = ExtlinuxConfig.Parse(GuestText.SplitLines(text)).Entries.FirstOrDefault(e => e.Kernel is { } path && BootSetup.FindFile(context.Tree, path) == image)?.Id;
        if (label is null)
        {
            return false;
        }

        bool isDone = false, isMenu = false;
        string edited = TextLines.Edit(text, line =>
        {
            string[] words = line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            string command = words.Length > 0 ? words[0].ToUpperInvariant() : "";
            isMenu |= command == "LABEL";
            if (command == "MENU" && isMenu && words.Length == 2 && words[1].Equals("DEFAULT", StringComparison.OrdinalIgnoreCase))
            {
                return null;
            }

            // A default that shows a menu (vesamenu.c32) stays; its time-out takes the entry.
            if (isMenu || command is not ("DEFAULT" or "ONTIMEOUT") || (words.Length > 1 && words[1].EndsWith(".c32", StringComparison.OrdinalIgnoreCase)))
            {
                return line;
            }

            isDone = true;
            return words[0] + " " + label;
        });
        context.Editor.EditText(loader.ConfigPath, _ => isDone ? edited : "ONTIMEOUT " + label + "\n" + edited, Reason);
        return true;
    }

    // Not the line that takes the entry chosen for one boot only.
    [GeneratedRegex("""^(\s*)set default="(?!\$\{next_entry\})[^"]*"\s*$""", RegexOptions.CultureInvariant)]
    private static partial Regex SetDefault();

    [GeneratedRegex(@"^\s*title\s", RegexOptions.CultureInvariant)]
    private static partial Regex Title();

    [GeneratedRegex(@"^\s*default[\s=]", RegexOptions.CultureInvariant)]
    private static partial Regex Default();

    [GeneratedRegex("(?m)^GRUB_DEFAULT=.*$", RegexOptions.CultureInvariant)]
    private static partial Regex GrubDefault();

    [GeneratedRegex("^DEFAULTKERNEL=", RegexOptions.CultureInvariant)]
    private static partial Regex DefaultKernel();

    [GeneratedRegex(@"(?m)^\s*blscfg\b", RegexOptions.CultureInvariant)]
    private static partial Regex BlsCommand();

    // Boot Loader Specification, "Boot counting": NAME+LEFT-DONE.
    [GeneratedRegex(@"\+[0-9]+(?:-[0-9]+)?$", RegexOptions.CultureInvariant)]
    private static partial Regex TriesLeft();
}
