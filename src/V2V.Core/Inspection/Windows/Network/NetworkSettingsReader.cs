using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Numerics;
using V2V.Registry;

namespace V2V.Core.Inspection.Windows.Network;

/// <summary>Reads what a connection is set to: Services\Tcpip, Tcpip6 and NetBT, and the network store. What is no address is left out.</summary>
internal static class NetworkSettingsReader
{
    private const int MaxTexts = 256;

    /// <summary>The settings of a card's connection.</summary>
    internal static NetworkSettings Read(Func<string, RegistryKey?> find, string controlSet, NetworkCard card, int index, string? macAddress)
    {
        string services = $@"SYSTEM\{controlSet}\Services\";
        RegistryKey? v4 = find($@"{services}Tcpip\Parameters\Interfaces\{card.Interface}");
        RegistryKey? v6 = find($@"{services}Tcpip6\Parameters\Interfaces\{card.Interface}");
        RegistryKey? netBios = find($@"{services}NetBT\Parameters\Interfaces\Tcpip_{card.Interface}");
        var settings = new NetworkSettings(index, macAddress, card.Interface, card.Name);
        if (v4 is not null)
        {
            bool isDhcp = v4.GetNumber("EnableDHCP") is not 0;
            string[] masks = Texts(v4, "SubnetMask"), metrics = Texts(v4, "DefaultGatewayMetric");
            settings = settings with
            {
                IsDhcp = isDhcp,
                Addresses = isDhcp ? [] : [.. Texts(v4, "IPAddress").Select((a, i) => (Address: a, Mask: masks.ElementAtOrDefault(i))).Where(a => IsV4(a.Address)).Select(a => new NetworkAddress(a.Address, PrefixLength(a.Mask)))],
                Gateways = isDhcp ? [] : [.. Texts(v4, "DefaultGateway").Select((g, i) => (Gateway: g, Metric: metrics.ElementAtOrDefault(i))).Where(g => IsV4(g.Gateway)).Select(g => new NetworkGateway(g.Gateway, Number(g.Metric)))],
                DnsServers = [.. List(v4.GetText("NameServer")).Where(IsV4)],
                DnsSuffix = Suffix(v4.GetText("Domain")),
                RegistersAddresses = v4.GetNumber("RegistrationEnabled") is not 0,
                Metric = v4.GetNumber("InterfaceMetric") is { } metric and > 0 and < 10_000 ? (uint)metric : null,
                Mtu = v4.GetNumber("MTU") is { } mtu and >= 576 and <= 65535 ? (uint)mtu : null,
            };
        }

        return settings with
        {
            WinsServers = netBios is null ? [] : [.. Texts(netBios, "NameServerList").Where(IsV4)],
            NetBios = netBios?.GetNumber("NetbiosOptions") is { } option and <= 2 ? (int)option : 0,
            AddressesV6 = card.Luid == 0 ? [] : NetworkStore.AddressesV6(find, controlSet, card.Luid),
            GatewaysV6 = card.Luid == 0 ? [] : NetworkStore.GatewaysV6(find, controlSet, card.Luid),
            DnsServersV6 = [.. List(v6?.GetText("NameServer")).Where(a => Parse(a)?.AddressFamily == AddressFamily.InterNetworkV6)],
        };
    }

    private static string[] Texts(RegistryKey key, string name) => [.. (key.GetValue(name)?.Texts ?? []).Take(MaxTexts).Select(t => t.Trim())];

    private static string[] List(string? text) => [.. (text ?? "").Split([',', ' ', ';'], StringSplitOptions.RemoveEmptyEntries).Take(MaxTexts)];

    private static bool IsV4(string text) => Parse(text) is { AddressFamily: AddressFamily.InterNetwork } address && !address.Equals(IPAddress.Any) && text.Count(c => c == '.') == 3;

    private static IPAddress? Parse(string text) => IPAddress.TryParse(text, out IPAddress? address) ? address : null;

    /// <summary>A DNS suffix becomes part of a command at the first boot, so it must be a name.</summary>
    private static string Suffix(string? text) =>
        text is { Length: > 0 and <= 255 } && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_') ? text : "";

    private static int PrefixLength(string? mask) => Parse(mask ?? "") is { AddressFamily: AddressFamily.InterNetwork } address ? address.GetAddressBytes().Sum(b => BitOperations.PopCount(b)) : 24;

    private static uint Number(string? text) => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint number) && number < 10_000 ? number : 0;
}
