namespace V2V.Core.Inspection.Network;

/// <summary>MAC addresses in the spellings of configuration files.</summary>
internal static class MacText
{
    /// <summary>Lower case with colons, or null if the text is no MAC of six bytes.</summary>
    internal static string? Normalize(string? text)
    {
        if (text is null)
        {
            return null;
        }

        string digits = new([.. text.Take(64).Where(c => c is not (':' or '-' or '.'))]);
        return digits.Length == 12 && digits.All(char.IsAsciiHexDigit)
            ? string.Join(':', digits.ToLowerInvariant().Chunk(2).Select(c => new string(c)))
            : null;
    }
}
