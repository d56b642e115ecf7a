using System.Text.RegularExpressions;
using V2V.Core.Conversion.Linux.Boot;
using V2V.Core.Guest;
using V2V.Core.Inspection;

namespace V2V.Core.Conversion.Linux;

/// <summary>
/// Where the kernel that starts by default has no virtio disk driver but another one has, makes that one the default; where none has, says so
/// and what the machine gets instead.
/// </summary>
internal sealed partial class DefaultKernelStep : ConversionStep
{
    private const string Defaults = "/etc/default/grub";
    private const string Reason = "The default kernel has no virtio disk driver.";

    internal override string Name => "DefaultKernel";

    internal override int Order => 350;

    internal override void Apply(ConversionContext context)
    {
        KernelInfo? boot = context.Drivers.Boot;
        if (!context.Drivers.HasVirtioDisk)
        {
            context.Warn($"No kernel of the guest has a virtio disk driver; its disks are put on {context.Capabilities.BlockBus}, its network cards on {context.Capabilities.NetModel}.");
            return;
        }

        KernelInfo? current = context.Drivers.Current;
        if (boot is null || current == boot)
        {
            return;
        }

        if (context.Inspection.BootLoader is not { Type: "grub2" } loader || context.Editor.ReadText(loader.ConfigPath) is not { } text
            || GrubMenuScan.FindEntry(text, GuestPath.GetName(boot.ImagePath)) is not { } entry)
        {
            context.Warn($"The kernel {boot.Version} must be started: the default one, {current?.Version}, has no virtio disk driver, and the boot menu could not be changed.");
            return;
        }

        context.Editor.EditLines(loader.ConfigPath, line => SetDefault().Match(line) is { Success: true } match ? match.Groups[1].Value + $"set default=\"{entry}\"" : line, Reason);
        context.Editor.EditText(
            Defaults, t => GrubDefault().IsMatch(t) ? GrubDefault().Replace(t, $"GRUB_DEFAULT=\"{entry}\"") : TextLines.Append(t, $"GRUB_DEFAULT=\"{entry}\""), Reason);
        context.Warn($"The guest starts the kernel {boot.Version} now: the default one, {current?.Version}, has no virtio disk driver.");
    }

    // Not the line that takes the entry chosen for one boot only.
    [GeneratedRegex("""^(\s*)set default="(?!\$\{next_entry\})[^"]*"\s*$""", RegexOptions.CultureInvariant)]
    private static partial Regex SetDefault();

    [GeneratedRegex("(?m)^GRUB_DEFAULT=.*$", RegexOptions.CultureInvariant)]
    private static partial Regex GrubDefault();
}
