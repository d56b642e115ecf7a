namespace V2V.Core.Inspection.Network;

/// <summary>A network interface as one configuration system describes it; collected while its files are read.</summary>
internal sealed class InterfaceConfig
{
    /// <summary>Name of the interface, or a pattern of names (<c>en*</c>), or empty if it is found by its MAC only.</summary>
    internal string Name { get; set; } = "";

    /// <summary>MAC that the configuration binds itself to, or null.</summary>
    internal string? MacAddress { get; set; }

    /// <summary>The configuration system.</summary>
    internal required string System { get; init; }

    /// <summary>The file.</summary>
    internal required string Path { get; init; }

    /// <summary>True for what is no card: bridge, bond, VLAN, tunnel.</summary>
    internal bool IsVirtual { get; set; }

    internal bool IsDhcp { get; set; }

    internal List<string> Addresses { get; } = [];

    internal string? Gateway { get; set; }

    internal List<string> DnsServers { get; } = [];

    /// <summary>Names of the interfaces that a bridge, bond or VLAN stands on.</summary>
    internal List<string> Ports { get; } = [];

    /// <summary><c>static</c> if an address is given, else <c>dhcp</c> or <c>manual</c>.</summary>
    internal string Method => Addresses.Count > 0 ? "static" : IsDhcp ? "dhcp" : "manual";

    internal bool IsPattern => Name.Contains('*', StringComparison.Ordinal) || Name.Contains('?', StringComparison.Ordinal);

    /// <summary>Most addresses, name servers or interfaces that any reader keeps.</summary>
    internal const int MaxItems = 256;

    internal void AddAddress(string address)
    {
        if (Addresses.Count < MaxItems && !Addresses.Contains(address))
        {
            Addresses.Add(address);
        }
    }

    /// <summary>Adds the names of ports; words that are none (<c>none</c>, <c>regex</c>, options) are left out.</summary>
    internal void AddPorts(IEnumerable<string> names)
    {
        foreach (string name in names)
        {
            if (Ports.Count < MaxItems && name.Length is > 0 and <= 15 && name is not ("none" or "all" or "regex" or "noregex" or "lo") && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')
                && !Ports.Contains(name))
            {
                Ports.Add(name);
            }
        }
    }

    internal void AddDns(IEnumerable<string> servers)
    {
        foreach (string server in servers)
        {
            if (DnsServers.Count < MaxItems && !DnsServers.Contains(server) && Uri.CheckHostName(server) is UriHostNameType.IPv4 or UriHostNameType.IPv6)
            {
                DnsServers.Add(server);
            }
        }
    }
}
