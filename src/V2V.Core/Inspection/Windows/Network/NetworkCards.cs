using System.Buffers.Binary;
using System.Globalization;
using V2V.Core.Inspection.Network;
using V2V.Core.Sources;
using V2V.Registry;

namespace V2V.Core.Inspection.Windows.Network;

/// <summary>
/// Finds the network cards of a Windows guest and tells which card of the machine each was. Windows 8 and later note the MAC; PCI Express cards of VMware
/// have it in their device's serial number, which names their key; otherwise the slots' order is that of the machine's cards.
/// </summary>
internal static class NetworkCards
{
    private const int MaxCards = 4096;

    /// <summary>Buses of cards that are hardware to Windows; miniports and tunnels stay on the machine as they are.</summary>
    private static readonly string[] s_buses = [@"PCI\", @"VMBUS\", @"XEN\", @"XENBUS\", @"XENVIF\", @"XENDEVICE\"];

    /// <summary>Property of a device: when it was last seen, and last removed (DEVPKEY_Device_LastArrivalDate and LastRemovalDate).</summary>
    private const string Dates = @"Properties\{83da6326-97a6-4088-9453-a1923f573b29}";

    /// <summary>The cards of the control set that Windows last ran with, those that were present first.</summary>
    internal static IReadOnlyList<NetworkCard> Find(Func<string, RegistryKey?> find, string controlSet)
    {
        var cards = new List<NetworkCard>();
        foreach (RegistryKey key in find($@"SYSTEM\{controlSet}\Control\Class\{NetworkCard.Class}")?.Subkeys.Take(MaxCards) ?? [])
        {
            if (key.GetText("NetCfgInstanceId") is { } id && Guid.TryParseExact(id, "B", out _) && FindDevice(find, controlSet, key, id) is { } device)
            {
                cards.Add(Read(find, controlSet, key, id, device));
            }
        }

        return [.. cards.OrderByDescending(c => c.WasPresent).ThenBy(c => c.Slot).ThenBy(c => c.ClassKey, StringComparer.Ordinal)];
    }

    /// <summary>Which card of the machine each was, as an index into its cards; those that are told by nothing are missing.</summary>
    internal static IReadOnlyDictionary<NetworkCard, int> Match(IReadOnlyList<NetworkCard> cards, IReadOnlyList<SourceNic> nics)
    {
        var matches = new Dictionary<NetworkCard, int>();
        string?[] macs = [.. nics.Select(n => MacText.Normalize(n.MacAddress))];
        List<int> open = [.. Enumerable.Range(0, macs.Length)];
        foreach (NetworkCard card in cards)
        {
            int at = open.FindIndex(i => macs[i] is { } mac && (card.MacAddress is { } noted ? noted == mac : NamesMac(card.Device.Split('\\')[^1], mac)));
            if (at >= 0)
            {
                matches.Add(card, open[at]);
                open.RemoveAt(at);
            }
        }

        // A card whose noted MAC none of the machine's cards has is only one of them if those have no MACs.
        List<NetworkCard> rest = [.. cards.Where(c => !matches.ContainsKey(c) && c.WasPresent && (c.MacAddress is null || open.All(i => macs[i] is null)))];
        foreach (string? model in nics.Select(n => n.Model).Distinct().Append(null))
        {
            MatchInOrder(matches, rest, open, card => model is null || card.IsModel(model), index => model is null || nics[index].Model == model);
        }

        return matches;
    }

    /// <summary>What no MAC tells: as many cards as are left over, in the order of their slots, which is the order in which the hypervisor gave them out.</summary>
    private static void MatchInOrder(Dictionary<NetworkCard, int> matches, List<NetworkCard> rest, List<int> open, Func<NetworkCard, bool> suits, Func<int, bool> isWanted)
    {
        List<NetworkCard> found = [.. rest.Where(suits)];
        List<int> wanted = [.. open.Where(isWanted)];
        if (found.Count == wanted.Count)
        {
            foreach ((NetworkCard card, int index) in found.Zip(wanted))
            {
                matches.Add(card, index);
                rest.Remove(card);
                open.Remove(index);
            }
        }
    }

    private static NetworkCard Read(Func<string, RegistryKey?> find, string controlSet, RegistryKey key, string id, string device)
    {
        RegistryKey? instance = find($@"SYSTEM\{controlSet}\Enum\{device}");
        RegistryKey? kernel = find($@"SYSTEM\{controlSet}\Control\NetworkSetup2\Interfaces\{id}\Kernel");
        string? noted = Mac(kernel?.GetValue("CurrentAddress")?.Data) ?? Mac(kernel?.GetValue("PermanentAddress")?.Data) ?? Mac(Hex(key.GetText("NetworkAddress")));
        return new NetworkCard(id, device, key.Name)
        {
            Name = Connection(find, controlSet, id)?.GetText("Name") ?? "",
            MacAddress = noted,
            Slot = (uint)(instance?.GetNumber("UINumber") ?? uint.MaxValue),
            Luid = ((key.GetNumber("*IfType") ?? 6) << 48) | ((key.GetNumber("NetLuidIndex") ?? 0) << 24),
            Seen = (Date(instance, "0066"), Date(instance, "0067")),
        };
    }

    internal static RegistryKey? Connection(Func<string, RegistryKey?> find, string controlSet, string id) =>
        find($@"SYSTEM\{controlSet}\Control\Network\{NetworkCard.Class}\{id}\Connection");

    private static string? FindDevice(Func<string, RegistryKey?> find, string controlSet, RegistryKey key, string id)
    {
        RegistryKey? connection = Connection(find, controlSet, id);
        string? device = key.GetText("DeviceInstanceID") ?? connection?.GetText("PnPInstanceId");
        return device is not null && device.Split('\\', StringSplitOptions.RemoveEmptyEntries).Length == 3 && device.Count(c => c == '\\') == 2 && s_buses.Any(b => device.StartsWith(b, StringComparison.OrdinalIgnoreCase)) ? device : null;
    }

    /// <summary>
    /// True if a device's instance is named by a serial number made of a MAC: in the order of the bytes (e1000e), or by its two halves, the
    /// upper first, each with its lowest byte first (vmxnet3). FF FF or FF FE stand between the vendor's and the card's part.
    /// </summary>
    private static bool NamesMac(string instance, string mac)
    {
        string digits = mac.Replace(":", "", StringComparison.Ordinal);
        if (digits.Length != 12)
        {
            return false;
        }

        string[] b = [.. Enumerable.Range(0, 6).Select(i => digits.Substring(2 * i, 2))];
        foreach (string filler in (string[])["FFFF", "FFFE"])
        {
            string last = filler[2..];
            string straight = b[0] + b[1] + b[2] + filler + b[3] + b[4] + b[5];
            string halves = "FF" + b[2] + b[1] + b[0] + b[5] + b[4] + b[3] + last;
            if (instance.StartsWith(straight, StringComparison.OrdinalIgnoreCase) || instance.StartsWith(halves, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }

    private static string? Mac(byte[]? bytes) =>
        bytes is { Length: 6 } && bytes.Any(b => b != 0) ? string.Join(':', bytes.Select(b => b.ToString("x2", CultureInfo.InvariantCulture))) : null;

    private static byte[]? Hex(string? text)
    {
        string digits = (text ?? "").Replace("-", "", StringComparison.Ordinal).Replace(":", "", StringComparison.Ordinal);
        return digits.Length == 12 && digits.All(char.IsAsciiHexDigit) ? Convert.FromHexString(digits) : null;
    }

    /// <summary>A date: the default value of a key of four digits, or before Windows 8 the value Data of a key below one of eight.</summary>
    private static long Date(RegistryKey? instance, string property)
    {
        RegistryKey? at = instance;
        foreach (string name in Dates.Split('\\'))
        {
            at = at?.Open(name);
        }

        byte[]? data = at?.Open(property)?.GetValue("")?.Data ?? at?.Open("0000" + property)?.Open("00000000")?.GetValue("Data")?.Data;
        return data is { Length: 8 } ? BinaryPrimitives.ReadInt64LittleEndian(data) : 0;
    }
}
