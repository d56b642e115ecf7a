using V2V.Core.Inspection.Network;

namespace V2V.Core.Conversion.Linux.Network;

/// <summary>Writes a card's addresses for systemd-networkd: a file that sorts before all others, for the first that matches counts, with what else the card's file says.</summary>
internal static class NetworkdWriter
{
    private static readonly string[] s_networkKeys = ["Address", "Gateway", "DHCP", "DHCPServer", "LinkLocalAddressing"];

    internal static void Write(ConversionContext context, CardAddresses card, string name, string? path)
    {
        string rest = path is not null && context.Editor.ReadText(path) is { } text ? Rest(text, card.Dns.Count > 0) : "";
        string[] lines =
        [
            "# By V2V: the address of a network card.", "[Match]", $"Name={name}", "", "[Network]", .. card.Addresses.Select(a => $"Address={a}"),
            .. new[] { card.Gateway4, card.Gateway6 }.OfType<string>().Select(g => $"Gateway={g}"), .. card.Dns.Select(d => $"DNS={d}"),
        ];
        context.Editor.WriteText($"/etc/systemd/network/05-v2v-{name}.network", TextLines.Append("", lines) + (rest.Length > 0 ? "\n" + rest : ""), StaticAddressesStep.Reason);
    }

    /// <summary>A file without what finds the card, and without its addresses.</summary>
    private static string Rest(string text, bool replacesDns)
    {
        string section = "";
        var routes = new List<string>();
        string rest = TextLines.Edit(text, line =>
        {
            string trimmed = line.Trim();
            section = trimmed is ['[', .., ']'] ? trimmed[1..^1] : section;
            if (section == "Route")
            {
                routes.Add(line);
                return null;
            }

            string key = trimmed.Split('=')[0].Trim();
            bool isDropped = section is "Match" or "Address" or "DHCP" or "DHCPv4" or "DHCPv6" || (section == "Network" && (s_networkKeys.Contains(key) || (key == "DNS" && replacesDns)));
            return isDropped ? null : line;
        });

        // Routes to other networks stay.
        var kept = new List<string>();
        foreach (string[] route in Split(routes))
        {
            if (route.Any(l => l.TrimStart().StartsWith("Destination", StringComparison.Ordinal) && !AddressText.IsDefaultRoute(l[(l.IndexOf('=', StringComparison.Ordinal) + 1)..].Trim())))
            {
                kept.AddRange(route);
            }
        }

        return kept.Count > 0 ? TextLines.Append(rest, kept) : rest;
    }

    private static IEnumerable<string[]> Split(List<string> lines)
    {
        var current = new List<string>();
        foreach (string line in lines)
        {
            if (line.Trim() == "[Route]" && current.Count > 0)
            {
                yield return [.. current];
                current.Clear();
            }

            current.Add(line);
        }

        yield return [.. current];
    }
}
