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
        string? route = isSuse ? SuseDefaultRoute(context) : ShellText.ParseAssignments(context.ReadLines("/etc/sysconfig/network")).GetValueOrDefault("GATEWAY");
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
                config.Gateway ??= AddressText.Address(route);
            }
        }

        return interfaces.Values;
    }

    /// <summary>Parses a file into the interface that it belongs to; an alias (<c>eth0:1</c>) adds an address to its card.</summary>
    internal static void Parse(string path, IEnumerable<string> lines, string system, Dictionary<string, InterfaceConfig> interfaces)
    {
        Dictionary<string, string> values = ShellText.ParseAssignments(lines);
        string device = values.GetValueOrDefault("DEVICE", GuestPath.GetName(path)["ifcfg-".Length..]).Split(':')[0];
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
                Name = values.ContainsKey("DEVICE") || !values.ContainsKey("HWADDR") ? device : "",
                MacAddress = MacText.Normalize(values.GetValueOrDefault("HWADDR")),
                System = system,
                Path = path,
                IsVirtual = type is not ("Ethernet" or "ethernet") || values.ContainsKey("VLAN") || values.ContainsKey("BONDING_OPTS") || values.ContainsKey("BONDING_MASTER")
                    || values.ContainsKey("BRIDGE_PORTS") || values.GetValueOrDefault("BRIDGE") == "yes" || values.ContainsKey("ETHERDEVICE"),
            };
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

        config.Gateway ??= AddressText.Address(values.GetValueOrDefault("GATEWAY")) ?? AddressText.Address(values.GetValueOrDefault("GATEWAY0"));
    }

    private static string? SuseDefaultRoute(InspectionContext context) =>
        context.ReadLines(SuseDirectory + "/routes").Select(l => l.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
            .Where(w => w.Length > 1 && w[0] == "default").Select(w => w[1]).FirstOrDefault();
}
