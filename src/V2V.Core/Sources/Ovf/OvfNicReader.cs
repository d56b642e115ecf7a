using System.Globalization;

namespace V2V.Core.Sources.Ovf;

/// <summary>Network cards of a virtual system.</summary>
internal static class OvfNicReader
{
    private const int Ethernet = 10;

    /// <summary>Reads the cards in the order of the document.</summary>
    public static List<SourceNic> Read(IReadOnlyList<OvfItem> items, VirtualBoxMachine? virtualBox, List<string> warnings)
    {
        var nics = new List<SourceNic>();
        IReadOnlyList<string> virtualBoxAddresses = virtualBox?.MacAddresses ?? [];
        foreach (OvfItem item in items.Where(i => i.Type == Ethernet))
        {
            string? address = item.Address;
            string? mac = NormalizeMac(address);
            if (mac is null && address is { Length: > 0 } && address.Any(char.IsAsciiLetterOrDigit) && address.Trim('0', ':', '-').Length > 0)
            {
                warnings.Add($"The network card '{item.Label}' has the MAC address '{address}', which is not one; a new one will be made up.");
            }

            mac ??= nics.Count < virtualBoxAddresses.Count ? NormalizeMac(virtualBoxAddresses[nics.Count]) : null;
            string name = item.Connection ?? "eth" + nics.Count.ToString(CultureInfo.InvariantCulture);

            // VirtualBox names the kind of its connection; only this one is a bridge of the host.
            bool isBridge = item.Connection is not null && (virtualBox is null || name.Equals("Bridged", StringComparison.OrdinalIgnoreCase));
            nics.Add(new SourceNic(mac, item.Model, name, isBridge ? NetworkType.Bridge : NetworkType.Network));
        }

        return nics;
    }

    /// <summary>A MAC address in lower case with colons; null if the text is none, or all zero.</summary>
    public static string? NormalizeMac(string? text)
    {
        if (text is null)
        {
            return null;
        }

        string digits = string.Concat(text.Where(c => c is not (':' or '-' or '.'))).ToLowerInvariant();
        return digits.Length == 12 && digits.All(char.IsAsciiHexDigit) && digits != "000000000000"
            ? string.Join(':', digits.Chunk(2).Select(c => new string(c)))
            : null;
    }
}
