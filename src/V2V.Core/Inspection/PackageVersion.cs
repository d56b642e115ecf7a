namespace V2V.Core.Inspection;

/// <summary>
/// Compares versions: cut into runs of digits (numbers), runs of letters and single other characters; a number sorts before a string.
/// </summary>
internal static class PackageVersion
{
    internal static int Compare(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
    {
        while (!a.IsEmpty && !b.IsEmpty)
        {
            ReadOnlySpan<char> x = Next(ref a), y = Next(ref b);
            bool isNumberX = char.IsAsciiDigit(x[0]), isNumberY = char.IsAsciiDigit(y[0]);
            int order = isNumberX && isNumberY ? CompareNumbers(x, y)
                : isNumberX ? -1
                : isNumberY ? 1
                : x.CompareTo(y, StringComparison.Ordinal);
            if (order != 0)
            {
                return order;
            }
        }

        return a.Length.CompareTo(b.Length);
    }

    private static int CompareNumbers(ReadOnlySpan<char> x, ReadOnlySpan<char> y)
    {
        x = x.TrimStart('0');
        y = y.TrimStart('0');
        return x.Length != y.Length ? x.Length.CompareTo(y.Length) : x.CompareTo(y, StringComparison.Ordinal);
    }

    private static ReadOnlySpan<char> Next(ref ReadOnlySpan<char> text)
    {
        int length = 1;
        if (char.IsAsciiDigit(text[0]))
        {
            while (length < text.Length && char.IsAsciiDigit(text[length]))
            {
                length++;
            }
        }
        else if (char.IsAsciiLetter(text[0]))
        {
            while (length < text.Length && char.IsAsciiLetter(text[length]))
            {
                length++;
            }
        }

        ReadOnlySpan<char> item = text[..length];
        text = text[length..];
        return item;
    }
}
