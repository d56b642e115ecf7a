using System.Globalization;
using System.Text.RegularExpressions;
using V2V.Core.Guest;
using V2V.Core.Inspection.Network;

namespace V2V.Core.Conversion.Linux.Network;

/// <summary>Writes a card's addresses into ifcfg files, Red Hat's and SUSE's (ifcfg(5)).</summary>
internal static partial class IfcfgWriter
{
    private const string Suse = "/etc/sysconfig/network";

    internal static void WriteRedHat(ConversionContext context, CardAddresses card, string name, string? path)
    {
        string text = path is null ? $"DEVICE={name}\nHWADDR={card.Mac}\nTYPE=Ethernet\nONBOOT=yes\n" : context.Editor.ReadText(path) ?? "";
        var lines = new List<string> { "BOOTPROTO=none" };
        foreach ((int i, CardAddresses.Item item) in card.V4.Index())
        {
            // Further addresses are numbered from 2, and came with PREFIX; the first form is that of every release.
            string number = i == 0 ? "" : (i + 1).ToString(CultureInfo.InvariantCulture);
            lines.AddRange([$"IPADDR{number}={item.Address}", i == 0 ? $"NETMASK={item.Netmask}" : string.Create(CultureInfo.InvariantCulture, $"PREFIX{number}={item.Prefix}")]);
        }

        Add(lines, "GATEWAY", card.Gateway4);
        CardAddresses.Item[] v6 = [.. card.V6];
        if (v6.Length > 0)
        {
            lines.AddRange(["IPV6INIT=yes", $"IPV6ADDR={v6[0]}"]);
            Add(lines, "IPV6ADDR_SECONDARIES", v6.Length > 1 ? $"\"{string.Join(' ', v6.Skip(1))}\"" : null);
            Add(lines, "IPV6_DEFAULTGW", card.Gateway6);
        }

        lines.AddRange(card.Dns.Select((d, i) => string.Create(CultureInfo.InvariantCulture, $"DNS{i + 1}={d}")));
        bool replacesDns = card.Dns.Count > 0;
        text = TextLines.Edit(text, line => RedHatKey().IsMatch(line) || (replacesDns && RedHatDns().IsMatch(line)) || (v6.Length > 0 && line.StartsWith("IPV6INIT=", StringComparison.Ordinal)) ? null : line);
        context.Editor.WriteText(path ?? "/etc/sysconfig/network-scripts/ifcfg-" + name, TextLines.Append(text, lines), StaticAddressesStep.Reason);
    }

    internal static void WriteSuse(ConversionContext context, CardAddresses card, string name, string? path)
    {
        string text = path is null ? "STARTMODE='auto'\n" : context.Editor.ReadText(path) ?? "";
        var lines = new List<string> { "BOOTPROTO='static'" };
        lines.AddRange(card.Addresses.Select((a, i) => i == 0 ? $"IPADDR='{a}'" : string.Create(CultureInfo.InvariantCulture, $"IPADDR_{i}='{a}'")));
        string file = path ?? $"{Suse}/ifcfg-{name}";
        context.Editor.WriteText(file, TextLines.Append(TextLines.Edit(text, line => SuseKey().IsMatch(line) ? null : line), lines), StaticAddressesStep.Reason);

        string[] routes = [.. new[] { card.Gateway4, card.Gateway6 }.OfType<string>().Select(g => $"default {g} - -")];
        string routeFile = $"{Suse}/ifroute-{GuestPath.GetName(file)["ifcfg-".Length..]}";
        if (routes.Length > 0)
        {
            string rest = TextLines.Edit(context.Editor.ReadText(routeFile) ?? "", line => TextLines.Words(line) is ["default", ..] ? null : line);
            context.Editor.WriteText(routeFile, TextLines.Append(rest, routes), StaticAddressesStep.Reason);

            // The table for all cards must not name the old gateway; another card's keeps its place in a file of its own.
            context.Editor.EditLines(Suse + "/routes", line => TextLines.Words(line) is ["default", _, _, { } device, ..] && device == name || TextLines.Words(line) is ["default", _] or ["default", _, _] or ["default", _, _, "-", ..] ? null : line, StaticAddressesStep.Reason);
        }

        WriteSuseServers(context, card.Dns);
    }

    /// <summary>Gives netconfig the name servers, which no file of an interface names.</summary>
    internal static void WriteSuseServers(ConversionContext context, IReadOnlyList<string> dns)
    {
        if (dns.Count > 0)
        {
            string servers = $"NETCONFIG_DNS_STATIC_SERVERS=\"{string.Join(' ', dns)}\"";
            string settings = context.Editor.ReadText(Suse + "/config") ?? "";
            bool isThere = SuseDns().IsMatch(settings);
            context.Editor.WriteText(Suse + "/config", isThere ? SuseDns().Replace(settings, servers) : TextLines.Append(settings, [servers]), StaticAddressesStep.Reason);
        }
    }

    private static void Add(List<string> lines, string key, string? value)
    {
        if (value is not null)
        {
            lines.Add($"{key}={value}");
        }
    }

    [GeneratedRegex("^[ \\t]*(?:BOOTPROTO|IPADDR[0-9]*|PREFIX[0-9]*|NETMASK[0-9]*|GATEWAY[0-9]*|BROADCAST|NETWORK|IPV6ADDR|IPV6ADDR_SECONDARIES|IPV6_DEFAULTGW|DHCPV6C)=", RegexOptions.CultureInvariant)]
    private static partial Regex RedHatKey();

    [GeneratedRegex("^[ \\t]*DNS[0-9]+=", RegexOptions.CultureInvariant)]
    private static partial Regex RedHatDns();

    [GeneratedRegex("^[ \\t]*(?:BOOTPROTO|(?:IPADDR|PREFIXLEN|NETMASK|BROADCAST|NETWORK|LABEL|REMOTE_IPADDR)[_A-Za-z0-9]*)=", RegexOptions.CultureInvariant)]
    private static partial Regex SuseKey();

    [GeneratedRegex("(?m)^NETCONFIG_DNS_STATIC_SERVERS=.*$", RegexOptions.CultureInvariant)]
    private static partial Regex SuseDns();
}
