using System.Security.Cryptography;
using System.Text;
using V2V.Core.Conversion.Linux.Network;
using V2V.Core.Inspection.Network;
using V2V.Core.Inspection.Windows.Network;

namespace V2V.Core.Conversion.Windows.Settings;

/// <summary>
/// Notes what each connection is set to, for the first boot to give it to the card that has the MAC then, and removes the old cards, so that their names
/// and addresses are free. Offline there is no connection yet to give the settings to: Windows makes its GUID when it first meets the new card.
/// </summary>
internal sealed class NetworkSettingsStep : ConversionStep
{
    internal override string Name => "NetworkSettings";

    internal override int Order => 420;

    internal override void Apply(ConversionContext context)
    {
        RegistryEditor registry = context.Windows.Registry;
        string controlSet = context.Windows.Info.ControlSet;
        IReadOnlyList<NetworkCard> cards = NetworkCards.Find(registry.Find, controlSet);
        IReadOnlyDictionary<NetworkCard, int> matches = NetworkCards.Match(cards, context.Source.Nics);
        var removable = new List<NetworkCard>();
        foreach (NetworkCard card in cards)
        {
            bool isMatched = matches.TryGetValue(card, out int index);
            NetworkSettings settings = NetworkSettingsReader.Read(registry.Find, controlSet, card, index, isMatched ? Mac(context, card, index) : null);
            if (isMatched)
            {
                context.Windows.Networks.Add(settings);
                removable.Add(card);
            }
            else if (card.WasPresent && settings.HasSettings)
            {
                context.Warn($"Nothing tells which network card of the machine the connection '{card.Name}' was; its settings stay with the old card: {Describe(settings)}.");
            }
            else if (card.IsVMware)
            {
                removable.Add(card);
            }
        }

        Override(context);
        Report(context);
        foreach (string set in context.Windows.ControlSets)
        {
            OldCards.Remove(registry, set, removable);
        }
    }

    /// <summary>
    /// The MAC that the card has on the target: that of the machine's description; where that gives none, as OVF files may, the one that Windows noted, or one that
    /// is made up here, since the settings are found by it at the first boot. The export takes it from <see cref="NicReport.MacAddress"/>.
    /// </summary>
    private static string Mac(ConversionContext context, NetworkCard card, int index)
    {
        if ((MacText.Normalize(context.Source.Nics[index].MacAddress) ?? card.MacAddress) is { } known)
        {
            return known;
        }

        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(context.Source.Name + "\0" + card.Interface.ToUpperInvariant()));
        return FormattableString.Invariant($"52:54:00:{hash[0]:x2}:{hash[1]:x2}:{hash[2]:x2}");
    }

    /// <summary>Puts what the user gave in place of what the guest had.</summary>
    private static void Override(ConversionContext context)
    {
        List<NetworkSettings> networks = context.Windows.Networks;
        foreach (CardAddresses given in CardAddresses.Check(context.Options.StaticAddresses, context.Inspection.Nics))
        {
            int at = networks.FindIndex(n => n.MacAddress == given.Mac);
            int index = context.Source.Nics.ToList().FindIndex(n => MacText.Normalize(n.MacAddress) == given.Mac);
            NetworkSettings before = at < 0 ? new NetworkSettings(index, given.Mac, "", "") : networks[at];
            bool hasV4 = given.V4.Any(), hasV6 = given.V6.Any();
            NetworkSettings after = before with
            {
                IsDhcp = before.IsDhcp && !hasV4,
                Addresses = hasV4 ? [.. given.V4.Select(a => new NetworkAddress(a.Address, a.Prefix))] : before.Addresses,
                Gateways = hasV4 ? Gateway(given.Gateway4) : before.Gateways,
                AddressesV6 = hasV6 ? [.. given.V6.Select(a => new NetworkAddress(a.Address, a.Prefix))] : before.AddressesV6,
                GatewaysV6 = hasV6 ? Gateway(given.Gateway6) : before.GatewaysV6,
                DnsServers = given.Dns.Count == 0 ? before.DnsServers : [.. given.Dns.Where(d => !d.Contains(':', StringComparison.Ordinal))],
                DnsServersV6 = given.Dns.Count == 0 ? before.DnsServersV6 : [.. given.Dns.Where(d => d.Contains(':', StringComparison.Ordinal))],
            };
            if (at < 0)
            {
                networks.Add(after);
            }
            else
            {
                networks[at] = after;
            }
        }
    }

    private static IReadOnlyList<NetworkGateway> Gateway(string? address) => address is null ? [] : [new NetworkGateway(address, 0)];

    private static void Report(ConversionContext context)
    {
        foreach ((int index, string? mac) in context.Source.Nics.Select((n, i) => (i, n.MacAddress)))
        {
            NetworkSettings? settings = context.Windows.Networks.FirstOrDefault(n => n.Index == index);
            context.Nics.Add(settings is null
                ? new NicReport(mac, "", "none", ["dhcp"], "No connection of the guest is known to have been this card's; Windows sets it up as a new one.")
                : new NicReport(
                    mac ?? settings.MacAddress, settings.Name, "first-boot",
                    settings.IsDhcp ? ["dhcp", .. settings.AddressesV6.Select(a => a.ToString())] : [.. settings.Addresses.Concat(settings.AddressesV6).Select(a => a.ToString())],
                    mac is null ? "The machine's description gives the card no MAC; the exported machine has this one, by which the guest knows the card." : ""));
        }
    }

    private static string Describe(NetworkSettings settings) =>
        settings.IsDhcp ? "DHCP" : string.Join(", ", settings.Addresses.Concat(settings.AddressesV6).Select(a => a.ToString()));
}
