namespace V2V.Core.Conversion.Linux.Network;

/// <summary>/etc/resolv.conf, where nothing else makes it: a plain file, in a guest without resolvconf.</summary>
internal static class ResolverFile
{
    internal static void Write(ConversionContext context, CardAddresses card)
    {
        const string Path = "/etc/resolv.conf";
        bool isMade = context.Tree.TryGetEntry(Path, followLinks: false)?.Type == FileSystems.GuestFileType.SymbolicLink
            || context.HasPackage("resolvconf") || context.HasPackage("openresolv") || context.HasPackage("systemd-resolved");
        if (card.Dns.Count > 0 && !isMade)
        {
            string rest = TextLines.Edit(context.Editor.ReadText(Path) ?? "", line => TextLines.Words(line) is ["nameserver", ..] ? null : line);
            context.Editor.WriteText(Path, TextLines.Append(rest, card.Dns.Select(d => "nameserver " + d)), StaticAddressesStep.Reason);
        }
    }
}
