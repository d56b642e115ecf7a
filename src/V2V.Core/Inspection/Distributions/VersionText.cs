namespace V2V.Core.Inspection.Distributions;

/// <summary>Versions inside of text.</summary>
internal static class VersionText
{
    /// <summary>The first <c>digits.digits</c> of a text, else its first digits with minor 0, else null.</summary>
    internal static Version? Find(ReadOnlySpan<char> text)
    {
        Version? major = null;
        for (int i = 0; i < text.Length;)
        {
            if (!char.IsAsciiDigit(text[i]))
            {
                i++;
                continue;
            }

            int end = EndOfDigits(text, i);
            if (end + 1 < text.Length && text[end] == '.' && char.IsAsciiDigit(text[end + 1]))
            {
                return new Version(Number(text[i..end]), Number(text[(end + 1)..EndOfDigits(text, end + 1)]));
            }

            major ??= new Version(Number(text[i..end]), 0);
            i = end;
        }

        return major;
    }

    /// <summary>
    /// The version after a word, in the shapes <c>N Update M</c>, <c>N.M</c> and <c>N</c> that Red Hat's family uses; null if the word is
    /// not there or no digits follow at once.
    /// </summary>
    internal static Version? After(string text, string word)
    {
        int at = text.IndexOf(word, StringComparison.Ordinal);
        if (at < 0)
        {
            return null;
        }

        ReadOnlySpan<char> rest = text.AsSpan(at + word.Length).TrimStart();
        if (rest.IsEmpty || !char.IsAsciiDigit(rest[0]))
        {
            return null;
        }

        int end = EndOfDigits(rest, 0);
        int major = Number(rest[..end]);
        int update = rest.IndexOf("Update ", StringComparison.Ordinal);
        if (update > 0)
        {
            ReadOnlySpan<char> minor = rest[(update + 7)..].TrimStart();
            return new Version(major, Number(minor[..EndOfDigits(minor, 0)]));
        }

        return end + 1 < rest.Length && rest[end] == '.' && char.IsAsciiDigit(rest[end + 1])
            ? new Version(major, Number(rest[(end + 1)..EndOfDigits(rest, end + 1)]))
            : new Version(major, 0);
    }

    private static int EndOfDigits(ReadOnlySpan<char> text, int start)
    {
        while (start < text.Length && char.IsAsciiDigit(text[start]))
        {
            start++;
        }

        return start;
    }

    private static int Number(ReadOnlySpan<char> digits) =>
        int.TryParse(digits, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int number) ? number : 0;
}
