using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Numerics;

namespace V2V.Core.Inspection.Network;

/// <summary>Addresses with prefix lengths, from the ways in which configuration files write them.</summary>
internal static class AddressText
{
    /// <summary><c>address/prefix</c> of an address that may carry a prefix, and a netmask or prefix that may stand beside it; null if it is none.</summary>
    internal static string? Combine(string? address, string? mask)
    {
        string[] parts = (address ?? "").Split('/', 2);
        if (!IPAddress.TryParse(parts[0], out IPAddress? ip))
        {
            return null;
        }

        string? prefix = parts.Length > 1 ? parts[1] : mask;
        int length = ip.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        int? bits = prefix is null ? DefaultPrefix(ip, length)
            : int.TryParse(prefix, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= length ? number
            : prefix.Contains('.', StringComparison.Ordinal) && IPAddress.TryParse(prefix, out IPAddress? netmask) && netmask.AddressFamily == AddressFamily.InterNetwork
                ? BitOperations.PopCount(BitConverter.ToUInt32(netmask.GetAddressBytes()))
            : null;
        return bits is null ? null : string.Create(CultureInfo.InvariantCulture, $"{parts[0]}/{bits}");
    }

    /// <summary>True for the destinations that mean "everything".</summary>
    internal static bool IsDefaultRoute(string? destination) =>
        destination is null or "" or "default" or "0.0.0.0/0" or "::/0" or "0.0.0.0" or "0/0";

    /// <summary>The text if it is an IP address, else null.</summary>
    internal static string? Address(string? text) => IPAddress.TryParse(text, out _) ? text : null;

    /// <summary>Without a mask, ifup takes the network's class.</summary>
    private static int DefaultPrefix(IPAddress address, int length) =>
        length == 128 ? 64 : address.GetAddressBytes()[0] switch
        {
            < 128 => 8,
            < 192 => 16,
            _ => 24,
        };
}
