using System.Globalization;
using System.Numerics;

namespace V2V.Core.Sources.Ovf;

/// <summary>
/// Units of memory and disk capacity: DSP0004 annex C (<c>byte * 2^20</c>, <c>kilobyte</c>) in any spacing and case, and the
/// words that older tools write (<c>MegaBytes</c>, <c>MB</c>, <c>GigaBytes</c>), which are powers of 1024 whatever the word says.
/// </summary>
internal static class AllocationUnits
{
    private static readonly string[] s_words = ["byte", "kilo", "mega", "giga", "tera", "peta"];
    private static readonly string[] s_short = ["b", "k", "m", "g", "t", "p"];

    /// <summary>Bytes of one unit; null if the text is no unit of bytes.</summary>
    public static long? Parse(string text)
    {
        BigInteger product = BigInteger.One;
        bool hasUnit = false;
        foreach (string raw in text.Split('*'))
        {
            string part = string.Concat(raw.Where(c => !char.IsWhiteSpace(c))).ToLowerInvariant();
            if (ParseWord(part) is { } unit)
            {
                if (hasUnit)
                {
                    return null;
                }

                hasUnit = true;
                product *= unit;
            }
            else if (ParsePower(part) is { } factor)
            {
                product *= factor;
            }
            else
            {
                return null;
            }

            if (product > long.MaxValue)
            {
                return null;
            }
        }

        return hasUnit && product > 0 ? (long)product : null;
    }

    /// <summary>A quantity in units as bytes; null if it is no number, negative or too large.</summary>
    public static long? ToBytes(string quantity, long unit)
    {
        if (!decimal.TryParse(quantity, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out decimal value))
        {
            return null;
        }

        try
        {
            decimal bytes = decimal.Floor(value * unit);
            return bytes <= long.MaxValue ? (long)bytes : null;
        }
        catch (OverflowException)
        {
            return null;
        }
    }

    private static long? ParseWord(string part)
    {
        if (part.EndsWith("bytes", StringComparison.Ordinal))
        {
            part = part[..^1];
        }

        for (int i = 0; i < s_words.Length; i++)
        {
            if (part == s_words[i] + (i == 0 ? "" : "byte") || part == s_short[i] + (i == 0 ? "" : "b") || part == s_short[i] + (i == 0 ? "" : "ib"))
            {
                return 1L << (10 * i);
            }
        }

        return null;
    }

    private static BigInteger? ParsePower(string part)
    {
        string[] sides = part.Split('^');
        if (sides.Length > 2 || !int.TryParse(sides[0], NumberStyles.None, CultureInfo.InvariantCulture, out int number))
        {
            return null;
        }

        if (sides.Length == 1)
        {
            return number;
        }

        return int.TryParse(sides[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int exponent) && exponent is >= 0 and <= 62
            ? BigInteger.Pow(number, exponent)
            : null;
    }
}
