namespace V2V.Core.Inspection.Windows.Network;

/// <summary>
/// What a connection of the old machine was set to. The first boot gives it to the card that has the MAC; everything is a plain text that netsh takes.
/// </summary>
/// <param name="Index">Which of the machine's cards it was, from 0: its place in <see cref="Core.Sources.V2VSource.Nics"/>.</param>
/// <param name="MacAddress">MAC that the card has on the target, with colons, in lower case; null only for a connection that is no card of the machine.</param>
/// <param name="Interface">GUID of the old connection, in braces.</param>
/// <param name="Name">Name of the connection; empty if it had none.</param>
internal sealed record NetworkSettings(int Index, string? MacAddress, string Interface, string Name)
{
    /// <summary>True if IPv4 addresses come from DHCP.</summary>
    internal bool IsDhcp { get; init; } = true;

    /// <summary>Static IPv4 addresses.</summary>
    internal IReadOnlyList<NetworkAddress> Addresses { get; init; } = [];

    /// <summary>Static IPv4 default gateways.</summary>
    internal IReadOnlyList<NetworkGateway> Gateways { get; init; } = [];

    /// <summary>Static IPv4 name servers; empty takes those of DHCP.</summary>
    internal IReadOnlyList<string> DnsServers { get; init; } = [];

    /// <summary>DNS suffix of the connection; empty takes that of DHCP.</summary>
    internal string DnsSuffix { get; init; } = "";

    /// <summary>True if the connection's addresses are registered in DNS.</summary>
    internal bool RegistersAddresses { get; init; } = true;

    /// <summary>WINS servers.</summary>
    internal IReadOnlyList<string> WinsServers { get; init; } = [];

    /// <summary>NetBIOS over TCP/IP: 0 as DHCP says, 1 on, 2 off.</summary>
    internal int NetBios { get; init; }

    /// <summary>Metric of the interface; null for Windows' own choice.</summary>
    internal uint? Metric { get; init; }

    /// <summary>MTU that was set; null for the card's own.</summary>
    internal uint? Mtu { get; init; }

    /// <summary>Static IPv6 addresses.</summary>
    internal IReadOnlyList<NetworkAddress> AddressesV6 { get; init; } = [];

    /// <summary>Static IPv6 default gateways.</summary>
    internal IReadOnlyList<NetworkGateway> GatewaysV6 { get; init; } = [];

    /// <summary>Static IPv6 name servers.</summary>
    internal IReadOnlyList<string> DnsServersV6 { get; init; } = [];

    /// <summary>True if there is anything but a name to give to the new card.</summary>
    internal bool HasSettings =>
        !IsDhcp || DnsServers.Count + WinsServers.Count + AddressesV6.Count + GatewaysV6.Count + DnsServersV6.Count > 0 || DnsSuffix.Length > 0
        || Metric is not null || Mtu is not null || NetBios != 0 || !RegistersAddresses;
}

/// <summary>An address of a connection.</summary>
/// <param name="Address">IPv4 or IPv6 address.</param>
/// <param name="PrefixLength">Length of its prefix.</param>
internal sealed record NetworkAddress(string Address, int PrefixLength)
{
    /// <summary>The prefix as IPv4 writes it: 255.255.255.0.</summary>
    internal string Mask => new System.Net.IPAddress(System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(PrefixLength == 0 ? 0u : uint.MaxValue << (32 - PrefixLength))).ToString();

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Address}/{PrefixLength}");
}

/// <summary>A default gateway of a connection.</summary>
/// <param name="Address">IPv4 or IPv6 address.</param>
/// <param name="Metric">Metric of the route; 0 for Windows' own choice.</param>
internal sealed record NetworkGateway(string Address, uint Metric);
