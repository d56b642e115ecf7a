using System.Globalization;

namespace V2V.Core.Conversion;

/// <summary>
/// An address that a network card is to have in the guest. Made from a text as virt-v2v's <c>--mac</c> has it
/// (<c>00:0c:29:aa:bb:cc:ip:192.0.2.7,192.0.2.1,24,192.0.2.3</c>), or from properties. Several of one card add up. Checked by the conversion.
/// </summary>
public sealed class StaticAddress
{
    /// <summary>MAC of the source's card.</summary>
    public string MacAddress { get; set; } = "";

    /// <summary>IPv4 or IPv6 address; <c>/</c> and the length of the prefix may follow.</summary>
    public string Address { get; set; } = "";

    /// <summary>Length of the prefix; 24 for IPv4 and 64 for IPv6 if neither this nor the address says it.</summary>
    public int? PrefixLength { get; set; }

    /// <summary>Default gateway of the same family, or null.</summary>
    public string? Gateway { get; set; }

    /// <summary>Name servers. An array, into which PowerShell turns a single text too.</summary>
    public string[] DnsServers { get; set; } = [];

    /// <summary>Reads <c>MAC:ip:ADDRESS[,GATEWAY[,LENGTH[,DNS…]]]</c>; gateway and length may be empty. Nothing is checked yet.</summary>
    public static StaticAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int at = text.IndexOf(":ip:", StringComparison.OrdinalIgnoreCase);
        if (at < 0)
        {
            return new StaticAddress { MacAddress = text };
        }

        string[] fields = text[(at + 4)..].Split(',', StringSplitOptions.TrimEntries);
        string? length = fields.Length > 2 && fields[2].Length > 0 ? fields[2] : null;
        return new StaticAddress
        {
            MacAddress = text[..at],
            Address = fields[0],
            Gateway = fields.Length > 1 && fields[1].Length > 0 ? fields[1] : null,
            PrefixLength = length is null ? null : int.TryParse(length, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : -1,
            DnsServers = [.. fields.Skip(3).Where(f => f.Length > 0)],
        };
    }

    /// <summary>The form that <see cref="Parse"/> reads.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{MacAddress}:ip:{string.Join(',', [Address, Gateway ?? "", PrefixLength?.ToString(CultureInfo.InvariantCulture) ?? "", .. DnsServers])}").TrimEnd(',');
}
