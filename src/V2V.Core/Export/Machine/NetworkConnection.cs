using System.Text.RegularExpressions;
using V2V.Core.Sources;

namespace V2V.Core.Export.Machine;

/// <summary>What a network card is connected to on the target.</summary>
internal static partial class NetworkConnection
{
    private const string BridgePrefix = "bridge:";
    private const string NetworkPrefix = "network:";
    private const string Default = "default";

    /// <summary>Applies the map to a card: by its MAC, else by its network's name, else by <c>*</c>, else unchanged.</summary>
    public static TargetNic Connect(SourceNic nic, string model, IReadOnlyDictionary<string, string> map, List<string> warnings)
    {
        string? mac = CheckMac(nic.MacAddress, warnings);
        string name = PlainText.Clean(nic.NetworkName);
        if (Find(map, nic.MacAddress) is { } byMac)
        {
            return Named(mac, model, byMac);
        }

        if ((Find(map, nic.NetworkName) ?? Find(map, "*")) is { } byName)
        {
            return Named(mac, model, byName);
        }

        if (name.Length == 0)
        {
            return new TargetNic(mac, model, Default, IsBridge: false);
        }

        bool isBridge = nic.NetworkType == NetworkType.Bridge;
        if (isBridge && !BridgeName().IsMatch(name))
        {
            warnings.Add($"A network card is connected to a network '{name}', which the target's host must have; -NetworkMap connects it elsewhere.");
            isBridge = false;
        }

        return new TargetNic(mac, model, name, isBridge);
    }

    /// <summary>Refuses a map whose values name nothing.</summary>
    /// <exception cref="Storage.V2VException"><c>ExportNetworkMapInvalid</c>.</exception>
    public static void CheckMap(IReadOnlyDictionary<string, string> map)
    {
        foreach ((string key, string value) in map)
        {
            TargetNic target = Named(null, "", value);
            if (string.IsNullOrWhiteSpace(target.Network) || target.Network != PlainText.Clean(target.Network)
                || (target.IsBridge && !BridgeName().IsMatch(target.Network)))
            {
                throw new Storage.V2VException(
                    "ExportNetworkMapInvalid",
                    Storage.V2VErrorKind.InvalidArgument,
                    $"The network map sends '{key}' to '{value}', which is no name of a network or bridge.",
                    key,
                    "Give the name of a libvirt network, or bridge:NAME for a bridge of the host.");
            }
        }
    }

    private static TargetNic Named(string? mac, string model, string value)
    {
        if (value.StartsWith(BridgePrefix, StringComparison.OrdinalIgnoreCase))
        {
            return new TargetNic(mac, model, value[BridgePrefix.Length..].Trim(), IsBridge: true);
        }

        return new TargetNic(
            mac, model, (value.StartsWith(NetworkPrefix, StringComparison.OrdinalIgnoreCase) ? value[NetworkPrefix.Length..] : value).Trim(), IsBridge: false);
    }

    private static string? Find(IReadOnlyDictionary<string, string> map, string? key)
    {
        if (string.IsNullOrEmpty(key))
        {
            return null;
        }

        foreach ((string candidate, string value) in map)
        {
            if (string.Equals(candidate.Trim(), key, StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        return null;
    }

    private static string? CheckMac(string? mac, List<string> warnings)
    {
        if (string.IsNullOrEmpty(mac))
        {
            return null;
        }

        if (UnicastMac().IsMatch(mac) && mac != "00:00:00:00:00:00")
        {
            return mac.ToLowerInvariant();
        }

        warnings.Add($"The MAC address '{PlainText.Clean(mac)}' was left out: no network card can have it.");
        return null;
    }

    [GeneratedRegex(@"\A[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}\z")]
    private static partial Regex UnicastMac();

    [GeneratedRegex(@"\A[a-zA-Z0-9_.\-\\:]{1,15}\z")]
    private static partial Regex BridgeName();
}
