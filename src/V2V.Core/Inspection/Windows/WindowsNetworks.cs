using V2V.Core.Inspection.Network;
using V2V.Core.Inspection.Windows.Network;
using V2V.Core.Sources;
using V2V.Registry;

namespace V2V.Core.Inspection.Windows;

/// <summary>The network connections of a Windows guest, each with the machine's card that it belongs to where Windows tells.</summary>
internal static class WindowsNetworks
{
    private const string Hive = @"SYSTEM\";

    /// <summary>The connections that have a name, that is, those of a card that was once there.</summary>
    public static IReadOnlyList<NetworkInfo> Read(WindowsHives hives, IReadOnlyList<SourceNic> nics)
    {
        IReadOnlyList<NetworkCard> cards = hives.Read(() => NetworkCards.Find(Find, hives.ControlSet)) ?? [];
        IReadOnlyDictionary<NetworkCard, int> matches = NetworkCards.Match(cards, nics);
        var found = new List<NetworkInfo>();
        foreach (NetworkCard card in cards.Where(c => c.Name.Length > 0))
        {
            bool isMatched = matches.TryGetValue(card, out int index);
            string? mac = isMatched ? MacText.Normalize(nics[index].MacAddress) ?? card.MacAddress : null;
            if (hives.Read(() => NetworkSettingsReader.Read(Find, hives.ControlSet, card, index, mac)) is { } settings)
            {
                found.Add(Describe(settings, hives.ControlSet));
            }
        }

        return found;

        RegistryKey? Find(string path) => hives.System?.Find(path[Hive.Length..]);
    }

    private static NetworkInfo Describe(NetworkSettings settings, string controlSet) => new(
        settings.Name, settings.MacAddress, "windows", $@"{Hive}{controlSet}\Services\Tcpip\Parameters\Interfaces\{settings.Interface}", settings.IsDhcp ? "dhcp" : "static",
        [.. settings.Addresses.Concat(settings.AddressesV6).Select(a => a.ToString())],
        settings.Gateways.Concat(settings.GatewaysV6).FirstOrDefault()?.Address,
        [.. settings.DnsServers, .. settings.DnsServersV6]);
}
