using System.Globalization;

namespace V2V.Core.Sources.Ovf;

/// <summary>
/// VMware keeps the VM generation ID as two signed 64-bit decimals; libvirt and QEMU want a UUID, of which the first three fields are
/// in the other byte order.
/// </summary>
internal static class GenerationId
{
    /// <summary>The UUID of <c>vm.genid</c> and <c>vm.genidX</c>; null unless both are numbers.</summary>
    public static string? FromVMware(string? low, string? high)
    {
        const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite;
        if (!long.TryParse(low, Style, CultureInfo.InvariantCulture, out long first) || !long.TryParse(high, Style, CultureInfo.InvariantCulture, out long second))
        {
            return null;
        }

        string s = first.ToString("x16", CultureInfo.InvariantCulture) + second.ToString("x16", CultureInfo.InvariantCulture);
        return $"{s[8..16]}-{s[4..8]}-{s[..4]}-{s[30..32]}{s[28..30]}-{s[26..28]}{s[24..26]}{s[22..24]}{s[20..22]}{s[18..20]}{s[16..18]}";
    }
}
