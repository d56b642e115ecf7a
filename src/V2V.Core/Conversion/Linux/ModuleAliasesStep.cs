using V2V.Core.Inspection;

namespace V2V.Core.Conversion.Linux;

/// <summary>
/// Aliases in modprobe's configuration (modprobe.d(5)) that tie an interface or the disk adapter to a driver. Old releases load what
/// <c>ethN</c> and <c>scsi_hostadapter</c> stand for; newer ones ignore them.
/// </summary>
internal sealed class ModuleAliasesStep : ConversionStep
{
    private const string Reason = "The machine's cards have other drivers now.";

    internal override string Name => "ModuleAliases";

    internal override int Order => 500;

    internal override void Apply(ConversionContext context)
    {
        string? disk = context.Capabilities.BlockBus switch
        {
            BlockBus.VirtioBlk => "virtio_blk",
            BlockBus.VirtioScsi => "virtio_scsi",
            _ => null,
        };
        bool isFirst = true;
        string[] files = ["/etc/conf.modules", "/etc/modules.conf", "/etc/modprobe.conf", "/etc/modprobe.conf.local", .. context.Tree.Glob("/etc/modprobe.d/*")];
        foreach (string path in files.Where(context.Tree.FileExists))
        {
            context.Editor.EditLines(
                path,
                line =>
                {
                    if (TextLines.Words(line) is not ["alias", { } alias, _, ..])
                    {
                        return line;
                    }

                    if (IsInterface(alias))
                    {
                        return TextLines.ReplaceWord(line, 2, context.Drivers.NetDriver);
                    }

                    if (!alias.StartsWith("scsi_hostadapter", StringComparison.Ordinal))
                    {
                        return line;
                    }

                    bool keeps = isFirst && disk is not null;
                    isFirst = false;
                    return keeps ? TextLines.ReplaceWord(line, 2, disk!) : null;
                },
                Reason);
        }
    }

    private static bool IsInterface(string alias) => alias.Length > 3 && alias.StartsWith("eth", StringComparison.Ordinal) && alias.AsSpan(3).IndexOfAnyExceptInRange('0', '9') < 0;
}
