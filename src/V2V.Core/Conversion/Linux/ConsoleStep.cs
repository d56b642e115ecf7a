using V2V.Core.Conversion.Linux.Boot;
using V2V.Core.Conversion.Linux.Devices;

namespace V2V.Core.Conversion.Linux;

/// <summary>Moves a console on a Xen port (hvc0, xvc0) to the first serial port. A guest without such a console gets none.</summary>
internal sealed class ConsoleStep : ConversionStep
{
    private const string Reason = "The Xen console is not there any more; the serial port takes its place.";

    internal override string Name => "Console";

    internal override int Order => 400;

    internal override void Apply(ConversionContext context)
    {
        context.Editor.EditLines("/etc/inittab", RenameInittab, Reason);
        if (context.Editor.ReadText("/etc/securetty") is { } terminals && !terminals.Split('\n').Contains("ttyS0"))
        {
            context.Editor.EditLines("/etc/securetty", line => line.Trim() is "hvc0" or "xvc0" ? "ttyS0" : line, Reason);
        }

        IEnumerable<string> files = BootFiles.Settings(context).Concat(BootFiles.Menus(context)).Concat(BootFiles.Entries(context)).Concat(BootFiles.Syslinux(context));
        foreach (string path in files.ToList())
        {
            context.Editor.EditLines(path, line => line.TrimStart().StartsWith('#') && !line.Contains("kopt=", StringComparison.Ordinal) ? line : CommandLine.ReplaceConsole(line, "ttyS0"), Reason);
        }

        foreach (string path in BootFiles.Environments(context).ToList())
        {
            context.Editor.EditText(path, block => GrubEnvironmentBlock.Edit(block, value => CommandLine.ReplaceConsole(value, "ttyS0")), Reason);
        }

        foreach (string port in (string[])["hvc0", "xvc0"])
        {
            string wanted = $"/etc/systemd/system/getty.target.wants/serial-getty@{port}.service";
            if (context.Tree.TryGetEntry(wanted, followLinks: false) is { Type: FileSystems.GuestFileType.SymbolicLink })
            {
                string target = context.Tree.ReadLink(wanted);
                context.Editor.Delete(wanted, Reason);
                context.Editor.Link("/etc/systemd/system/getty.target.wants/serial-getty@ttyS0.service", target, Reason);
            }
        }
    }

    private static string RenameInittab(string line) => TextLines.Words(line).Length == 0
        ? line
        : line.Replace("hvc0", "ttyS0", StringComparison.Ordinal).Replace("xvc0", "ttyS0", StringComparison.Ordinal);
}
