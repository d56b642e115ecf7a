using System.Globalization;
using System.Net;
using System.Numerics;
using V2V.Core.Sources;
using V2V.Registry;

namespace V2V.Core.Inspection.Windows;

/// <summary>The network connections of a Windows guest, from Services\Tcpip\Parameters\Interfaces.</summary>
internal static class WindowsNetworks
{
    private const string Interfaces = @"Services\Tcpip\Parameters\Interfaces";
    private const string Connections = @"Control\Network\{4D36E972-E325-11CE-BFC1-08002BE10318}";
    private const int MaxInterfaces = 1024;

    /// <summary>The connections that have a name, that is, those of a card that was once there.</summary>
    public static IReadOnlyList<NetworkInfo> Read(WindowsHives hives, IReadOnlyList<SourceNic> nics)
    {
        var found = new List<NetworkInfo>();
        foreach (RegistryKey key in hives.Read(() => hives.Current(Interfaces)?.Subkeys.Take(MaxInterfaces).ToList()) ?? [])
        {
            if (hives.Read(() => Read(hives, key)) is { } network)
            {
                found.Add(network);
            }
        }

        // Nothing in the registry says which MAC a connection had: with one card and one connection there is no doubt.
        return found.Count == 1 && nics.Count == 1 ? [found[0] with { MacAddress = nics[0].MacAddress }] : found;
    }

    private static NetworkInfo? Read(WindowsHives hives, RegistryKey key)
    {
        if (hives.Current($@"{Connections}\{key.Name}\Connection")?.GetText("Name") is not { } name)
        {
            return null;
        }

        bool isDhcp = key.GetNumber("EnableDHCP") is not 0;
        string[] addresses = Texts(key, "IPAddress"), masks = Texts(key, "SubnetMask");
        return new NetworkInfo(
            name, null, "windows", $@"SYSTEM\{hives.ControlSet}\{Interfaces}\{key.Name}", isDhcp ? "dhcp" : "static",
            isDhcp ? [] : [.. addresses.Select((a, i) => a + "/" + PrefixLength(masks.ElementAtOrDefault(i)))],
            isDhcp ? null : Texts(key, "DefaultGateway").FirstOrDefault(),
            [.. (key.GetText("NameServer") ?? "").Split([',', ' '], StringSplitOptions.RemoveEmptyEntries)]);
    }

    private static string[] Texts(RegistryKey key, string name) => [.. (key.GetValue(name)?.Texts ?? []).Where(t => t.Length > 0 && t != "0.0.0.0")];

    private static string PrefixLength(string? mask) =>
        IPAddress.TryParse(mask, out IPAddress? address) && address.GetAddressBytes() is { Length: 4 } bytes
            ? bytes.Sum(b => BitOperations.PopCount(b)).ToString(CultureInfo.InvariantCulture)
            : "24";
}
