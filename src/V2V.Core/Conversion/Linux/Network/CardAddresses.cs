using System.Globalization;
using System.Net;
using System.Net.Sockets;
using V2V.Core.Inspection.Network;
using V2V.Core.Sources;
using V2V.Storage;

namespace V2V.Core.Conversion.Linux.Network;

/// <summary>All that a user gave for one card, checked.</summary>
/// <param name="Mac">Lower case with colons.</param>
/// <param name="Addresses">Addresses with prefix lengths.</param>
/// <param name="Gateway4">IPv4 gateway or null.</param>
/// <param name="Gateway6">IPv6 gateway or null.</param>
/// <param name="Dns">Name servers.</param>
internal sealed record CardAddresses(string Mac, IReadOnlyList<CardAddresses.Item> Addresses, string? Gateway4, string? Gateway6, IReadOnlyList<string> Dns)
{
    /// <summary>An address.</summary>
    internal readonly record struct Item(string Address, int Prefix, bool IsV6)
    {
        internal string Netmask => new IPAddress(BitConverter.GetBytes(IPAddress.HostToNetworkOrder(Prefix == 0 ? 0 : unchecked((int)(uint.MaxValue << (32 - Prefix)))))).ToString();

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Address}/{Prefix}");
    }

    internal IEnumerable<Item> V4 => Addresses.Where(a => !a.IsV6);

    internal IEnumerable<Item> V6 => Addresses.Where(a => a.IsV6);

    /// <summary>Checks what was given and puts it together by card.</summary>
    /// <exception cref="V2VException"><c>StaticAddressInvalid</c>, <c>StaticAddressNicUnknown</c>.</exception>
    internal static List<CardAddresses> Check(IEnumerable<StaticAddress> given, IReadOnlyList<SourceNic> nics)
    {
        var cards = new List<CardAddresses>();
        foreach (IGrouping<string, StaticAddress> group in given.GroupBy(a => MacText.Normalize(a.MacAddress) ?? throw Invalid(a, "has no MAC of six bytes")))
        {
            if (!nics.Any(n => MacText.Normalize(n.MacAddress) == group.Key))
            {
                throw new V2VException(
                    "StaticAddressNicUnknown", V2VErrorKind.InvalidArgument, $"The machine has no network card with the MAC {group.Key}.", group.Key,
                    nics.Count == 0 ? "It has no network card at all." : $"It has {string.Join(", ", nics.Select(n => n.MacAddress ?? "one without a MAC"))}.");
            }

            List<Item> addresses = [.. group.Select(ReadAddress)];
            string? Gateway(bool isV6) => group.Where((_, i) => addresses[i].IsV6 == isV6).Select(a => a.Gateway).LastOrDefault(g => !string.IsNullOrEmpty(g));
            cards.Add(new CardAddresses(group.Key, addresses, Gateway(false), Gateway(true), [.. group.SelectMany(a => a.DnsServers).Distinct()]));
        }

        return cards;
    }

    private static Item ReadAddress(StaticAddress given)
    {
        string[] parts = given.Address.Split('/', 2);
        if (Read(parts[0]) is not { } ip)
        {
            throw Invalid(given, $"'{parts[0]}' is no IP address");
        }

        bool isV6 = ip.AddressFamily == AddressFamily.InterNetworkV6;
        int prefix = parts.Length == 1 ? given.PrefixLength ?? (isV6 ? 64 : 24) : int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : -1;
        if (prefix < 1 || prefix > (isV6 ? 128 : 32))
        {
            throw Invalid(given, "the length of its prefix is out of range");
        }

        if (!string.IsNullOrEmpty(given.Gateway) && Read(given.Gateway)?.AddressFamily != ip.AddressFamily)
        {
            throw Invalid(given, $"the gateway '{given.Gateway}' is no address of the same family");
        }

        return given.DnsServers.FirstOrDefault(d => Read(d) is null) is { } server ? throw Invalid(given, $"the name server '{server}' is no IP address") : new Item(ip.ToString(), prefix, isV6);
    }

    private static IPAddress? Read(string text) =>
        text.All(c => char.IsAsciiHexDigit(c) || c is '.' or ':') && (text.Contains(':', StringComparison.Ordinal) || text.Count(c => c == '.') == 3) && IPAddress.TryParse(text, out IPAddress? ip) ? ip : null;

    private static V2VException Invalid(StaticAddress given, string why) => new(
        "StaticAddressInvalid", V2VErrorKind.InvalidArgument, $"'{given}' gives a network card no address: {why}.", given.MacAddress,
        "Give MAC:ip:ADDRESS,GATEWAY,LENGTH,DNS, for example 00:0c:29:aa:bb:cc:ip:192.0.2.7,192.0.2.1,24,192.0.2.3; gateway, length and name servers may be left out.");
}
