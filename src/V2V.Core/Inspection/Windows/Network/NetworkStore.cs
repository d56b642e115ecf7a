using System.Buffers.Binary;
using System.Net;
using V2V.Registry;

namespace V2V.Core.Inspection.Windows.Network;

/// <summary>
/// The persistent tables of the network store (Control\Nsi), Vista and later: where static addresses and routes of both protocols are; those of IPv6 are
/// nowhere else. A value's name is the entry's key in hexadecimal, its data the entry. Layouts as real Windows 7 hives have them.
/// </summary>
internal static class NetworkStore
{
    private const string AddressTable = "10";
    private const string RouteTable = "16";
    private const int LuidLength = 8;
    private const int PrefixLengthAt = 16;
    private const int MaxEntries = 4096;
    private const string ModuleV6 = "{eb004a01-9b1a-11d4-9123-0050047759bc}";

    /// <summary>The static IPv6 addresses of a connection.</summary>
    internal static IReadOnlyList<NetworkAddress> AddressesV6(Func<string, RegistryKey?> find, string controlSet, ulong luid)
    {
        var found = new List<NetworkAddress>();
        foreach ((byte[] key, byte[] data) in Entries(find, controlSet, AddressTable))
        {
            // Key: interface, address. Data: lifetimes, origins, length of the prefix.
            if (key.Length >= LuidLength + 16 && BinaryPrimitives.ReadUInt64LittleEndian(key) == luid && data.Length > PrefixLengthAt)
            {
                var address = new IPAddress(key.AsSpan(LuidLength, 16));
                int length = data[PrefixLengthAt];
                if (!address.IsIPv6LinkLocal && !address.IsIPv6Multicast && !address.Equals(IPAddress.IPv6Any))
                {
                    found.Add(new NetworkAddress(address.ToString(), length is > 0 and <= 128 ? length : 64));
                }
            }
        }

        return found;
    }

    /// <summary>The static IPv6 default gateways of a connection: the routes whose destination is all zero.</summary>
    internal static IReadOnlyList<NetworkGateway> GatewaysV6(Func<string, RegistryKey?> find, string controlSet, ulong luid)
    {
        var found = new List<NetworkGateway>();
        Span<byte> pattern = stackalloc byte[LuidLength];
        BinaryPrimitives.WriteUInt64LittleEndian(pattern, luid);
        foreach ((byte[] key, byte[] _) in Entries(find, controlSet, RouteTable))
        {
            // Key: destination, source, interface twice, next hop. The next hop is what follows the last mention of the interface.
            int at = key.AsSpan().LastIndexOf(pattern);
            if (at >= 16 && key.Length >= at + LuidLength + 16 && key.AsSpan(0, 16).IndexOfAnyExcept((byte)0) < 0)
            {
                var gateway = new IPAddress(key.AsSpan(at + LuidLength, 16));
                if (!gateway.Equals(IPAddress.IPv6Any))
                {
                    found.Add(new NetworkGateway(gateway.ToString(), 0));
                }
            }
        }

        return [.. found.Distinct()];
    }

    private static IEnumerable<(byte[] Key, byte[] Data)> Entries(Func<string, RegistryKey?> find, string controlSet, string table)
    {
        foreach (RegistryValue value in find($@"SYSTEM\{controlSet}\Control\Nsi\{ModuleV6}\{table}")?.Values.Take(MaxEntries) ?? [])
        {
            if (value.Name.Length is > 0 and <= 512 && value.Name.Length % 2 == 0 && value.Name.All(char.IsAsciiHexDigit))
            {
                yield return (Convert.FromHexString(value.Name), value.Data);
            }
        }
    }
}
