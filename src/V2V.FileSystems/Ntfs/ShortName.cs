namespace V2V.FileSystems.Ntfs;

/// <summary>Names of MS-DOS: eight characters, a dot and three more ([MS-FSA] 2.1.5.2.3 and 8.3 generation of Windows).</summary>
internal static class ShortName
{
    private const string Allowed = "!#$%&'()-@^_`{}~";
    private const int PlainTries = 4;

    /// <summary>True if a name is usable as a short name as it is.</summary>
    public static bool IsShort(string name)
    {
        int dot = name.IndexOf('.', StringComparison.Ordinal);
        string stem = dot < 0 ? name : name[..dot];
        string extension = dot < 0 ? "" : name[(dot + 1)..];
        return stem.Length is > 0 and <= 8 && extension.Length <= 3 && (dot < 0 || extension.Length > 0)
            && stem.All(IsAllowed) && extension.All(IsAllowed);
    }

    /// <summary>A short name for a long one that the directory does not have yet.</summary>
    public static string? Make(string name, Func<string, bool> isTaken)
    {
        int dot = name.LastIndexOf('.');
        string extension = dot <= 0 ? "" : Clean(name[(dot + 1)..], 3);
        string stem = Clean(dot <= 0 ? name : name[..dot], 8);
        string tail = extension.Length == 0 ? "" : "." + extension;
        for (int i = 1; i <= PlainTries; i++)
        {
            string candidate = FormattableString.Invariant($"{Cut(stem, 6)}~{i}{tail}");
            if (!isTaken(candidate))
            {
                return candidate;
            }
        }

        // After a few, Windows goes on with two characters and four digits of a checksum.
        uint checksum = 0;
        foreach (char c in name)
        {
            checksum = (checksum * 0x25) + c;
        }

        for (uint i = 0; i < 0x10000; i++)
        {
            string candidate = FormattableString.Invariant($"{Cut(stem, 2)}{(checksum + i) & 0xFFFF:X4}~1{tail}");
            if (!isTaken(candidate))
            {
                return candidate;
            }
        }

        return null;
    }

    private static bool IsAllowed(char c) => char.IsAsciiLetterOrDigit(c) || Allowed.Contains(c, StringComparison.Ordinal);

    private static string Cut(string text, int length) => text.Length > length ? text[..length] : text;

    private static string Clean(string text, int length)
    {
        string clean = string.Concat(text.Where(c => c is not (' ' or '.')).Select(c => IsAllowed(c) ? char.ToUpperInvariant(c) : '_'));
        return Cut(clean.Length == 0 && length == 8 ? "_" : clean, length);
    }
}
