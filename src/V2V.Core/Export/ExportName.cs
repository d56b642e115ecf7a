using System.Text;

namespace V2V.Core.Export;

/// <summary>Names of machines as names of files, the same on every host: a directory written on Linux can be copied to Windows.</summary>
internal static class ExportName
{
    /// <summary>File systems stop at 255 bytes; this leaves room for <c>-sdaa.partial</c> and what tools append.</summary>
    private const int MaxBytes = 200;

    private static readonly HashSet<string> s_reserved = new(
        ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", .. Enumerable.Range(0, 10).SelectMany(i => new[] { $"COM{i}", $"LPT{i}" })],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>A name in which everything that a host, libvirt or XML refuses is replaced by <c>_</c>.</summary>
    public static string ToFileName(string name)
    {
        var safe = new StringBuilder(name.Length);
        int bytes = 0;
        foreach (Rune rune in name.EnumerateRunes())
        {
            bool isBad = Rune.IsControl(rune) || rune.Value is 0xFFFD or 0xFFFE or 0xFFFF or 0x2028 or 0x2029
                || (rune.IsAscii && "<>:\"/\\|?*".Contains((char)rune.Value, StringComparison.Ordinal));
            bytes += isBad ? 1 : rune.Utf8SequenceLength;
            if (bytes > MaxBytes)
            {
                break;
            }

            safe.Append(isBad ? "_" : rune.ToString());
        }

        // Windows drops dots and spaces at the end; a leading dot hides the file, a leading dash reads as an option.
        string trimmed = safe.ToString().TrimEnd(' ', '.').TrimStart(' ');
        if (trimmed.Length == 0)
        {
            return "_";
        }

        return trimmed[0] is '.' or '-' || s_reserved.Contains(trimmed.Split('.')[0].TrimEnd(' ')) ? "_" + trimmed : trimmed;
    }

    /// <summary>Linux' letters for the disk with an index from 0: a … z, aa, ab, …</summary>
    public static string DiskLetters(int index)
    {
        string letters = "";
        for (index++; index > 0; index = (index - 1) / 26)
        {
            letters = (char)('a' + ((index - 1) % 26)) + letters;
        }

        return letters;
    }
}
