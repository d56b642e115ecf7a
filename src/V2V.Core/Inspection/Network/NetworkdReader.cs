using V2V.Core.Guest;

namespace V2V.Core.Inspection.Network;

/// <summary>systemd-networkd's .network files with their drop-ins (systemd.network(5)).</summary>
internal static class NetworkdReader
{
    private static readonly string[] s_directories = ["/etc/systemd/network", "/usr/local/lib/systemd/network", "/usr/lib/systemd/network", "/lib/systemd/network"];

    internal static IEnumerable<InterfaceConfig> Read(InspectionContext context)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (string directory in s_directories)
        {
            foreach (string path in context.FilesIn(directory, "*.network").Take(InterfaceConfig.MaxItems))
            {
                // A file in /etc replaces its namesake of the vendor; the vendor's defaults match containers, never a card.
                string name = GuestPath.GetName(path);
                if (seen.Add(name) && (directory == s_directories[0] || !IsVendorDefault(name)) && Parse(path, ReadWithDropIns(context, name, path)) is { } config)
                {
                    yield return config;
                }
            }
        }
    }

    /// <summary>Parses a file; null if it applies to no card.</summary>
    internal static InterfaceConfig? Parse(string path, IEnumerable<string> lines)
    {
        List<IniText.Entry> file = IniText.Parse(lines);
        string name = (file.Value("Match", "Name") ?? "").Split(' ')[0];
        string? mac = MacText.Normalize((file.Value("Match", "PermanentMACAddress") ?? file.Value("Match", "MACAddress"))?.Split(' ')[0]);
        string type = file.Value("Match", "Type") ?? "ether";
        if (name == "lo" || (name.Length == 0 && mac is null && !type.Contains("ether", StringComparison.Ordinal)) || file.Count == 0)
        {
            return null;
        }

        var config = new InterfaceConfig
        {
            Name = name.StartsWith('!') ? "" : name,
            MacAddress = mac,
            System = "networkd",
            Path = path,
            IsVirtual = name.StartsWith("br", StringComparison.Ordinal) || name.StartsWith("bond", StringComparison.Ordinal) || name.Contains('.', StringComparison.Ordinal)
                || name.StartsWith("vlan", StringComparison.Ordinal),
        };
        config.IsDhcp = file.Value("Network", "DHCP") is { } dhcp && dhcp.ToLowerInvariant() is "yes" or "true" or "both" or "ipv4" or "ipv6" or "v4" or "v6";
        foreach (string address in file.Values("Network", "Address").Concat(file.Values("Address", "Address")))
        {
            if (AddressText.Combine(address, null) is { } complete)
            {
                config.AddAddress(complete);
            }
        }

        config.AddDns(file.Values("Network", "DNS").SelectMany(v => v.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        config.Gateway = AddressText.Address(file.Values("Network", "Gateway").FirstOrDefault()) ?? FindRoute(file);
        return config;
    }

    /// <summary>The gateway of a [Route] section without destination.</summary>
    private static string? FindRoute(List<IniText.Entry> file) =>
        file.Where(e => e.Section.Name == "Route").GroupBy(e => e.Section.Number)
            .Where(g => AddressText.IsDefaultRoute(g.FirstOrDefault(e => e.Key == "Destination").Value))
            .Select(g => AddressText.Address(g.FirstOrDefault(e => e.Key == "Gateway").Value)).FirstOrDefault(g => g is not null);

    private static bool IsVendorDefault(string name) => name.StartsWith("80-", StringComparison.Ordinal) || name.StartsWith("89-", StringComparison.Ordinal);

    private static IEnumerable<string> ReadWithDropIns(InspectionContext context, string name, string path) =>
        context.ReadLines(path).Concat(s_directories.SelectMany(d => context.FilesIn($"{d}/{name}.d", "*.conf").Take(64)).SelectMany(p => context.ReadLines(p)));
}
