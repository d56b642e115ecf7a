using System.Globalization;
using V2V.Core.Guest;

namespace V2V.Core.Inspection.Network;

/// <summary>ifcfg files: Red Hat's in network-scripts, and SUSE's, which wicked reads.</summary>
internal static class IfcfgReader
{
    private const string RedHatDirectory = "/etc/sysconfig/network-scripts";
    private const string SuseDirectory = "/etc/sysconfig/network";

    private static readonly string[] s_backups = ["~", ".bak", ".old", ".orig", ".rpmnew", ".rpmsave", ".template"];

    internal static IEnumerable<InterfaceConfig> Read(InspectionContext context)
    {
        bool isSuse = context.Tree.DirectoryExists(SuseDirectory);
        string directory = isSuse ? SuseDirectory : RedHatDirectory;
        string? route = isSuse ? SuseDefaultRoute(context, SuseDirectory + "/routes") : ShellText.ParseAssignments(context.ReadLines("/etc/sysconfig/network")).GetValueOrDefault("GATEWAY");
        var interfaces = new Dictionary<string, InterfaceConfig>(StringComparer.Ordinal);
        foreach (string path in context.FilesIn(directory, "ifcfg-*").Take(InterfaceConfig.MaxItems))
        {
            if (!s_backups.Any(s => path.EndsWith(s, StringComparison.Ordinal)))
            {
                Parse(path, context.ReadLines(path), isSuse ? "wicked" : "ifcfg", interfaces);
            }
        }

        foreach (InterfaceConfig config in interfaces.Values)
        {
            if (config.Addresses.Count > 0 && !config.IsDhcp)
            {
                config.Gateway ??= (isSuse ? AddressText.Address(SuseDefaultRoute(context, $"{SuseDirectory}/ifroute-{GuestPath.GetName(config.Path)[6..]}")) : null) ?? AddressText.Address(route);
                config.AddDns(isSuse ? SuseDnsServers(context) : []);
            }
        }

        return interfaces.Values;
    }

    /// <summary>Parses a file into the interface that it belongs to; an alias (<c>eth0:1</c>) adds an address to its card.</summary>
    internal static void Parse(string path, IEnumerable<string> lines, string system, Dictionary<string, InterfaceConfig> interfaces)
    {
        Dictionary<string, string> values = ShellText.ParseAssignments(lines);
        string connection = GuestPath.GetName(path)["ifcfg-".Length..];
        (string? idMac, bool isByPlace) = HardwareName(connection);
        string device = idMac is not null || isByPlace ? connection : values.GetValueOrDefault("DEVICE", connection).Split(':')[0];
        if (device is "lo" or "")
        {
            return;
        }

        if (!interfaces.TryGetValue(device, out InterfaceConfig? config))
        {
            string type = values.GetValueOrDefault("TYPE", "Ethernet");
            config = new InterfaceConfig
            {
                // Without DEVICE the file's name is that of a connection, and HWADDR finds the card.
                Name = idMac is null && !isByPlace && (values.ContainsKey("DEVICE") || !values.ContainsKey("HWADDR")) ? device : "",
                MacAddress = idMac ?? MacText.Normalize(values.GetValueOrDefault("HWADDR") ?? values.GetValueOrDefault("LLADDR_MATCH")),
                System = system,
                Path = path,
                IsVirtual = type is not ("Ethernet" or "ethernet") || values.ContainsKey("VLAN") || values.ContainsKey("BONDING_OPTS") || values.ContainsKey("BONDING_MASTER")
                    || values.ContainsKey("BRIDGE_PORTS") || values.ContainsKey("TEAM_CONFIG") || values.GetValueOrDefault("BRIDGE") == "yes" || values.ContainsKey("ETHERDEVICE"),
            };
            config.AddPorts(Ports(values, device));
            interfaces.Add(device, config);
        }

        config.IsDhcp |= values.GetValueOrDefault("BOOTPROTO", "").Split('+')[0].ToLowerInvariant() is "dhcp" or "dhcp4" or "dhcp6" or "bootp";
        for (int i = -1; i < 32; i++)
        {
            string suffix = i < 0 ? "" : i.ToString(CultureInfo.InvariantCulture);
            string? mask = values.GetValueOrDefault("PREFIX" + suffix) ?? values.GetValueOrDefault("PREFIXLEN" + suffix) ?? values.GetValueOrDefault("NETMASK" + suffix);
            if (AddressText.Combine(values.GetValueOrDefault("IPADDR" + suffix), mask) is { } address)
            {
                config.AddAddress(address);
            }

            config.AddDns(values.TryGetValue("DNS" + suffix, out string? server) ? [server] : []);
        }

        // SUSE gives further addresses names of their own: IPADDR_LABEL.
        foreach ((string key, string value) in values.Where(v => v.Key.StartsWith("IPADDR_", StringComparison.Ordinal)))
        {
            if (AddressText.Combine(value, values.GetValueOrDefault("PREFIXLEN" + key[6..]) ?? values.GetValueOrDefault("NETMASK" + key[6..])) is { } address)
            {
                config.AddAddress(address);
            }
        }

        foreach (string address in values.GetValueOrDefault("IPV6ADDR", "").Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Concat(values.GetValueOrDefault("IPV6ADDR_SECONDARIES", "").Split(' ', StringSplitOptions.RemoveEmptyEntries)))
        {
            if (AddressText.Combine(address, null) is { } complete)
            {
                config.AddAddress(complete);
            }
        }

        config.Gateway ??= AddressText.Address(values.GetValueOrDefault("GATEWAY")) ?? AddressText.Address(values.GetValueOrDefault("GATEWAY0")) ?? AddressText.Address(values.GetValueOrDefault("IPV6_DEFAULTGW"));
    }

    /// <summary>SUSE up to 10 named files by the card: <c>eth-id-MAC</c>, or <c>eth-bus-pci-…</c> by its place.</summary>
    private static (string? Mac, bool IsByPlace) HardwareName(string connection) =>
        connection.StartsWith("eth-id-", StringComparison.Ordinal) ? (MacText.Normalize(connection[7..]), false) : (null, connection.StartsWith("eth-bus-", StringComparison.Ordinal));

    private static IEnumerable<string> Ports(Dictionary<string, string> values, string device)
    {
        IEnumerable<string> slaves = values.Where(v => v.Key.StartsWith("BONDING_SLAVE", StringComparison.Ordinal) || v.Key is "ETHERDEVICE" or "PHYSDEV" || v.Key.StartsWith("TEAM_PORT_DEVICE", StringComparison.Ordinal))
            .Select(v => v.Value);
        string[] bridged = values.GetValueOrDefault("BRIDGE_PORTS", "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string[] tagged = values.ContainsKey("VLAN") && !values.ContainsKey("PHYSDEV") && device.Contains('.', StringComparison.Ordinal) ? [device.Split('.')[0]] : [];
        return slaves.Concat(bridged).Concat(tagged);
    }

    internal static string[] SuseDnsServers(InspectionContext context) =>
        ShellText.ParseAssignments(context.ReadLines(SuseDirectory + "/config")).GetValueOrDefault("NETCONFIG_DNS_STATIC_SERVERS", "").Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static string? SuseDefaultRoute(InspectionContext context, string path) =>
        context.ReadLines(path).Select(l => l.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
            .Where(w => w.Length > 1 && w[0] == "default").Select(w => w[1]).FirstOrDefault();
}
