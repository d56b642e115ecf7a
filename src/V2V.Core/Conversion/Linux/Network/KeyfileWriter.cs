using System.Security.Cryptography;
using System.Text;
using V2V.Core.Inspection.Network;

namespace V2V.Core.Conversion.Linux.Network;

/// <summary>Writes a card's addresses into a connection of NetworkManager (nm-settings-keyfile(5)): the card's own, or a new one that comes before the general ones.</summary>
internal static class KeyfileWriter
{
    private const string Directory = "/etc/NetworkManager/system-connections";

    internal static void Write(ConversionContext context, CardAddresses card, string name, string? path)
    {
        string? text = path is not null && path.StartsWith(Directory + "/", StringComparison.Ordinal) ? context.Editor.ReadText(path) : null;
        if (text is null || NetworkManagerReader.Parse(path!, text.Split('\n')) is not { } config || (config.Name != name && config.MacAddress != card.Mac))
        {
            path = $"{Directory}/v2v-{name}.nmconnection";
            Guid id = new(SHA256.HashData(Encoding.ASCII.GetBytes("v2v " + card.Mac)).AsSpan(0, 16));
            text = $"[connection]\nid=v2v-{name}\nuuid={id}\ntype=ethernet\ninterface-name={name}\nautoconnect-priority=100\n\n[ethernet]\nmac-address={card.Mac.ToUpperInvariant()}\n";
        }

        text = SetFamily(text, "ipv4", card.V4, card.Gateway4, [.. card.Dns.Where(d => !d.Contains(':', StringComparison.Ordinal))]);
        text = SetFamily(text, "ipv6", card.V6, card.Gateway6, [.. card.Dns.Where(d => d.Contains(':', StringComparison.Ordinal))]);
        context.Editor.WriteText(path!, text, StaticAddressesStep.Reason, GuestMode.Private);
    }

    private static string SetFamily(string text, string family, IEnumerable<CardAddresses.Item> addresses, string? gateway, string[] dns)
    {
        string[] given = [.. addresses.Select((a, i) => FormattableString.Invariant($"address{i + 1}={a}") + (i == 0 && gateway is not null ? "," + gateway : ""))];
        string section = "", oldMethod = "";
        string rest = TextLines.Edit(text, line =>
        {
            string trimmed = line.Trim();
            if (trimmed is ['[', .., ']'])
            {
                section = trimmed[1..^1];
            }

            string key = section == family && trimmed.Contains('=', StringComparison.Ordinal) ? trimmed.Split('=')[0].Trim() : "";
            if (key == "method")
            {
                oldMethod = trimmed[(trimmed.IndexOf('=', StringComparison.Ordinal) + 1)..].Trim();
            }

            bool isDns = key is "dns" && dns.Length > 0;
            return key is "method" or "gateway" or "addresses" or "may-fail" || isDns || (key.StartsWith("address", StringComparison.Ordinal) && key.Skip(7).All(char.IsAsciiDigit)) ? null : line;
        });

        // Without an address the family keeps how it was, but for one that was static: IPv6 then listens to routers, IPv4 is off.
        string method = given.Length > 0 ? "manual" : oldMethod is "" or "manual" || (family == "ipv4" && oldMethod == "auto") ? family == "ipv4" ? "disabled" : "auto" : oldMethod;
        string[] lines = [$"method={method}", .. given, .. dns.Length > 0 ? [$"dns={string.Join(';', dns)};"] : Array.Empty<string>()];
        bool isPlaced = false;
        string placed = TextLines.Edit(rest, line =>
        {
            if (!isPlaced && line.Trim() == $"[{family}]")
            {
                isPlaced = true;
                return line + "\n" + string.Join('\n', lines);
            }

            return line;
        });
        return isPlaced ? placed : TextLines.Append(rest, ["", $"[{family}]", .. lines]);
    }
}
