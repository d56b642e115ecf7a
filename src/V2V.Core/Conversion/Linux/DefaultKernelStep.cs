using System.Text.RegularExpressions;
using V2V.Core.Conversion.Linux.Boot;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Boot;

namespace V2V.Core.Conversion.Linux;

/// <summary>
/// Where the kernel that starts by default has no virtio disk driver but another one has, makes that one the default; where none has, says so
/// and what the machine gets instead.
/// </summary>
internal sealed partial class DefaultKernelStep : ConversionStep
{
    private const string Defaults = "/etc/default/grub";
    private const string Reason = "The default kernel cannot drive the new machine's disks.";

    internal override string Name => "DefaultKernel";

    internal override int Order => 350;

    internal override void Apply(ConversionContext context)
    {
        KernelInfo? boot = context.Drivers.Boot, current = context.Drivers.Current;
        if (!context.Drivers.HasVirtioDisk)
        {
            context.Warn($"No kernel of the guest has a virtio disk driver; its disks are put on {context.Capabilities.BlockBus}, its network cards on {context.Capabilities.NetModel}.");
        }

        if (boot is null || current == boot)
        {
            return;
        }

        bool isSet = context.Inspection.BootLoader switch
        {
            { Type: "grub2" } loader => SetInGrub2(context, loader, boot),
            { Type: "grub1" } loader => SetInGrub1(context, loader, boot),
            _ => false,
        };
        string why = current is not null && KernelDrivers.IsXenOnly(current) ? "starts under Xen only" : "has no virtio disk driver";
        context.Warn(isSet
            ? $"The guest starts the kernel {boot.Version} now: the default one, {current?.Version}, {why}."
            : $"The kernel {boot.Version} must be started: the default one, {current?.Version}, {why}, and the boot menu could not be changed.");
    }

    private static bool SetInGrub2(ConversionContext context, BootLoaderInfo loader, KernelInfo boot)
    {
        if (context.Editor.ReadText(loader.ConfigPath) is not { } text || GrubMenuScan.FindEntry(text, GuestPath.GetName(boot.ImagePath)) is not { } entry)
        {
            return false;
        }

        context.Editor.EditLines(loader.ConfigPath, line => SetDefault().Match(line) is { Success: true } match ? match.Groups[1].Value + $"set default=\"{entry}\"" : line, Reason);
        context.Editor.EditText(
            Defaults, t => GrubDefault().IsMatch(t) ? GrubDefault().Replace(t, $"GRUB_DEFAULT=\"{entry}\"") : TextLines.Append(t, $"GRUB_DEFAULT=\"{entry}\""), Reason);
        return true;
    }

    /// <summary>The number of the first entry with the kernel (GRUB Legacy manual, "default"), which also ends a <c>default saved</c>.</summary>
    private static bool SetInGrub1(ConversionContext context, BootLoaderInfo loader, KernelInfo boot)
    {
        if (context.Editor.ReadText(loader.ConfigPath) is not { } text)
        {
            return false;
        }

        IReadOnlyList<BootEntry> entries = Grub1Config.Parse(GuestText.SplitLines(text)).Entries;
        int index = entries.ToList().FindIndex(e => e.Kernel is { } kernel && GuestPath.GetName(kernel) == GuestPath.GetName(boot.ImagePath)
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

    // Not the line that takes the entry chosen for one boot only.
    [GeneratedRegex("""^(\s*)set default="(?!\$\{next_entry\})[^"]*"\s*$""", RegexOptions.CultureInvariant)]
    private static partial Regex SetDefault();

    [GeneratedRegex(@"^\s*title\s", RegexOptions.CultureInvariant)]
    private static partial Regex Title();

    [GeneratedRegex(@"^\s*default[\s=]", RegexOptions.CultureInvariant)]
    private static partial Regex Default();

    [GeneratedRegex("(?m)^GRUB_DEFAULT=.*$", RegexOptions.CultureInvariant)]
    private static partial Regex GrubDefault();
}
