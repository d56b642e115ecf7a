using System.Text.RegularExpressions;
using V2V.Core.Inspection.Network;

namespace V2V.Core.Conversion.Linux.Network;

/// <summary>Writes a card's addresses for Gentoo's netifrc, and has its service start if it is new.</summary>
internal static class NetifrcWriter
{
    internal static void Write(ConversionContext context, CardAddresses card, string name)
    {
        string text = context.Editor.ReadText(NetifrcReader.ConfigPath) ?? "";
        string keys = $"(?:config|routes{(card.Dns.Count > 0 ? "|dns_servers" : "")})_{Regex.Escape(name)}";
        text = Regex.Replace(text, $"(?m)^[ \\t]*{keys}=(?:\"[^\"]*\"|'[^']*'|\\([^)]*\\)|[^\\n]*)[^\\n]*\\n?", "", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
        var lines = new List<string> { $"config_{name}=\"{string.Join('\n', card.Addresses)}\"" };
        string[] routes = [.. new[] { card.Gateway4, card.Gateway6 }.OfType<string>().Select(g => "default via " + g)];
        lines.AddRange(routes.Length > 0 ? [$"routes_{name}=\"{string.Join('\n', routes)}\""] : []);
        lines.AddRange(card.Dns.Count > 0 ? [$"dns_servers_{name}=\"{string.Join(' ', card.Dns)}\""] : []);
        context.Editor.WriteText(NetifrcReader.ConfigPath, TextLines.Append(text, lines), StaticAddressesStep.Reason);
        context.Editor.Link($"/etc/init.d/net.{name}", "net.lo", StaticAddressesStep.Reason);
        context.Editor.Link($"/etc/runlevels/default/net.{name}", $"/etc/init.d/net.{name}", StaticAddressesStep.Reason);
    }
}
