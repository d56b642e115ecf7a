using V2V.Core.Inspection.Network;

namespace V2V.Core.Conversion.Linux.Network;

/// <summary>Writes a card's addresses for ALT's etcnet.</summary>
internal static class EtcnetWriter
{
    internal static void Write(ConversionContext context, CardAddresses card, string name)
    {
        string directory = $"{EtcnetReader.Directory}/{name}";
        string options = TextLines.Edit(context.Editor.ReadText(directory + "/options") ?? "TYPE=eth\nONBOOT=yes\n", l => l.TrimStart().StartsWith("BOOTPROTO=", StringComparison.Ordinal) ? null : l);
        if (card.V6.Any() && !options.Contains("CONFIG_IPV6=", StringComparison.Ordinal))
        {
            options = TextLines.Append(options, ["CONFIG_IPV6=yes"]);
        }

        Write(context, directory + "/options", TextLines.Append(options, ["BOOTPROTO=static"]));
        Lines(context, directory + "/ipv4address", card.V4.Select(a => a.ToString()));
        Lines(context, directory + "/ipv6address", card.V6.Select(a => a.ToString()));
        Lines(context, directory + "/ipv4route", card.Gateway4 is { } gateway4 ? ["default via " + gateway4] : []);
        Lines(context, directory + "/ipv6route", card.Gateway6 is { } gateway6 ? ["default via " + gateway6] : []);
        if (card.Dns.Count > 0)
        {
            Lines(context, directory + "/resolv.conf", card.Dns.Select(d => "nameserver " + d));
        }
    }

    private static void Lines(ConversionContext context, string path, IEnumerable<string> lines)
    {
        string text = TextLines.Append("", lines);
        if (text.Length > 0 || context.Tree.FileExists(path))
        {
            Write(context, path, text);
        }
    }

    private static void Write(ConversionContext context, string path, string text) => context.Editor.WriteText(path, text, StaticAddressesStep.Reason);
}
