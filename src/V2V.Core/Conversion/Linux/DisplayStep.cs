using System.Text.RegularExpressions;

namespace V2V.Core.Conversion.Linux;

/// <summary>Puts X on the kernel's own display driver where it was set up for one of the old hypervisor (xorg.conf(5), section Device).</summary>
internal sealed partial class DisplayStep : ConversionStep
{
    private const string Reason = "The display card of the old hypervisor is not there any more.";

    internal override string Name => "Display";

    internal override int Order => 450;

    internal override void Apply(ConversionContext context)
    {
        string[] files = ["/etc/X11/xorg.conf", "/etc/X11/XF86Config", "/etc/X11/XF86Config-4", .. context.Tree.Glob("/etc/X11/xorg.conf.d/*.conf")];
        foreach (string path in files)
        {
            context.Editor.EditText(path, Edit, Reason);
            if (context.Editor.ReadText(path) is { } text && ForeignInput().IsMatch(text))
            {
                context.Warn($"{path} names a mouse driver of the old hypervisor; X finds the new mouse by itself.");
            }
        }
    }

    /// <summary>Edits the Device sections of a configuration.</summary>
    internal static string Edit(string text)
    {
        bool isDevice = false;
        return TextLines.Edit(text, line =>
        {
            if (Section().Match(line) is { Success: true } section)
            {
                isDevice = section.Groups[1].Value.Equals("Device", StringComparison.OrdinalIgnoreCase);
                return line;
            }

            if (EndSection().IsMatch(line))
            {
                isDevice = false;
            }

            return !isDevice ? line
                : Identity().IsMatch(line) ? null
                : Driver().Replace(line, match => match.Groups[1].Value + "\"modesetting\"");
        });
    }

    [GeneratedRegex("""^\s*Section\s+"([^"]*)"\s*""", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Section();

    [GeneratedRegex(@"^\s*EndSection\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex EndSection();

    [GeneratedRegex(@"^\s*(?:VendorName|BoardName|BusID)\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Identity();

    [GeneratedRegex("""^(\s*Driver\s+)"[^"]*""" + "\"", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Driver();

    [GeneratedRegex("""^\s*Driver\s+"(?:vmmouse|vboxmouse|prlmouse)""" + "\"", RegexOptions.IgnoreCase | RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex ForeignInput();
}
