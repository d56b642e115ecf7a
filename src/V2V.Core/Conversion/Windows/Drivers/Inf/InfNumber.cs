using System.Globalization;

namespace V2V.Core.Conversion.Windows.Drivers.Inf;

/// <summary>A number as INF files write it: decimal, also below zero, or hexadecimal after 0x.</summary>
internal static class InfNumber
{
    public static uint? Parse(string text)
    {
        ReadOnlySpan<char> digits = text.AsSpan().Trim();
        if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            return uint.TryParse(digits[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint hex) ? hex : null;
        }

        return long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) && number is >= int.MinValue and <= uint.MaxValue ? (uint)number : null;
    }
}
