using System.Buffers.Binary;
using System.Text;

namespace V2V.FileSystems.Fat;

/// <summary>
/// Names in FAT (Microsoft FAT specification 1.03, sections 6.1 and 7): 11 bytes of a code page in upper case, and for any other
/// name a chain of entries with 13 UTF-16 characters each.
/// </summary>
internal static class FatName
{
    /// <summary>Characters in one long-name entry.</summary>
    public const int CharactersPerSlot = 13;

    private const int MaximumLength = 255;
    private const byte LowerBase = 0x08;
    private const byte LowerExtension = 0x10;
    private const string Forbidden = "\"*/:<>?\\|";
    private const string ShortPunctuation = "$%'-_@~`!(){}^#&";

    private static readonly Encoding s_codePage = CodePagesEncodingProvider.Instance.GetEncoding(437)!;
    private static readonly int[] s_characterOffsets = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

    /// <summary>Refuses a name that FAT cannot store.</summary>
    public static void Check(string name)
    {
        bool valid = name.Length is > 0 and <= MaximumLength && name[^1] is not ('.' or ' ');
        for (int i = 0; valid && i < name.Length; i++)
        {
            char c = name[i];
            bool pair = char.IsHighSurrogate(c) && i + 1 < name.Length && char.IsLowSurrogate(name[i + 1]);
            valid = c >= ' ' && !Forbidden.Contains(c, StringComparison.Ordinal) && (pair || !char.IsSurrogate(c));
            i += pair ? 1 : 0;
        }

        if (!valid)
        {
            throw FatErrors.Name(name);
        }
    }

    /// <summary>The name that a short entry shows, with the case flags that Windows NT keeps in its byte 12.</summary>
    public static string DecodeShort(ReadOnlySpan<byte> entry)
    {
        Span<byte> raw = stackalloc byte[11];
        entry[..11].CopyTo(raw);
        raw[0] = raw[0] == 0x05 ? (byte)0xE5 : raw[0];
        string stem = s_codePage.GetString(raw[..8]).TrimEnd(' ');
        string extension = s_codePage.GetString(raw[8..]).TrimEnd(' ');
        stem = (entry[12] & LowerBase) != 0 ? stem.ToLowerInvariant() : stem;
        extension = (entry[12] & LowerExtension) != 0 ? extension.ToLowerInvariant() : extension;
        string name = extension.Length == 0 ? stem : stem + "." + extension;
        return IsUsable(name) ? name : Sanitize(name);
    }

    /// <summary>True for a name that can be a component of a path.</summary>
    public static bool IsUsable(string name) =>
        name.Length > 0 && name is not ("." or "..") && !name.Contains('/', StringComparison.Ordinal) && !name.Contains('\0', StringComparison.Ordinal);

    /// <summary>The checksum that ties long-name entries to their short one.</summary>
    public static byte Checksum(ReadOnlySpan<byte> shortName)
    {
        byte sum = 0;
        foreach (byte b in shortName[..11])
        {
            sum = (byte)(((sum & 1) << 7) + (sum >> 1) + b);
        }

        return sum;
    }

    /// <summary>Puts the characters of a long-name entry in front of those of later entries.</summary>
    public static void ReadSlot(ReadOnlySpan<byte> slot, Span<char> characters)
    {
        for (int i = 0; i < CharactersPerSlot; i++)
        {
            characters[i] = (char)BinaryPrimitives.ReadUInt16LittleEndian(slot[s_characterOffsets[i]..]);
        }
    }

    /// <summary>Writes the long-name entries of a name, last part first, as they lie in a directory.</summary>
    public static void WriteSlots(string name, byte checksum, Span<byte> slots)
    {
        int count = slots.Length / 32;
        for (int order = 1; order <= count; order++)
        {
            Span<byte> slot = slots.Slice((count - order) * 32, 32);
            slot.Clear();
            slot[0] = (byte)(order | (order == count ? 0x40 : 0));
            slot[11] = FatDirectory.AttributeLongName;
            slot[13] = checksum;
            for (int i = 0; i < CharactersPerSlot; i++)
            {
                int at = ((order - 1) * CharactersPerSlot) + i;
                ushort unit = at < name.Length ? name[at] : at == name.Length ? (ushort)0 : (ushort)0xFFFF;
                BinaryPrimitives.WriteUInt16LittleEndian(slot[s_characterOffsets[i]..], unit);
            }
        }
    }

    /// <summary>
    /// Encodes a name as a short entry alone, with case flags, where it is one: 8.3, each part in one case, ASCII.
    /// </summary>
    public static bool TryEncodeShort(string name, Span<byte> shortName, out byte caseFlags)
    {
        caseFlags = 0;
        int dot = name.LastIndexOf('.');
        string stem = dot < 0 ? name : name[..dot];
        string extension = dot < 0 ? "" : name[(dot + 1)..];
        if (stem.Length is 0 or > 8 || extension.Length > 3 || (dot >= 0 && extension.Length == 0))
        {
            return false;
        }

        shortName.Fill((byte)' ');
        if (!EncodePart(stem, shortName, out bool lowerStem) || !EncodePart(extension, shortName[8..], out bool lowerExtension))
        {
            return false;
        }

        caseFlags = (byte)((lowerStem ? LowerBase : 0) | (lowerExtension ? LowerExtension : 0));
        return true;
    }

    /// <summary>Makes the 8.3 alias of a long name: its own letters where they fit and are free, else with a number (<c>LONGNA~1.TXT</c>).</summary>
    public static void MakeAlias(string name, Func<string, bool> isTaken, Span<byte> alias)
    {
        int dot = name.LastIndexOf('.');
        dot = dot <= 0 || name[..dot].Trim('.', ' ').Length == 0 ? -1 : dot;
        bool lossy = false;
        string stem = AliasPart(dot < 0 ? name : name[..dot], 8, ref lossy);
        string extension = dot < 0 ? "" : AliasPart(name[(dot + 1)..], 3, ref lossy);
        stem = stem.Length == 0 ? "_" : stem;
        string candidate = Join(stem, extension);
        for (int number = 1; lossy || isTaken(candidate); number++)
        {
            string tail = FormattableString.Invariant($"~{number}");
            candidate = Join(stem[..Math.Min(stem.Length, 8 - tail.Length)] + tail, extension);
            lossy = false;
        }

        dot = candidate.IndexOf('.', StringComparison.Ordinal);
        alias[..11].Fill((byte)' ');
        Encoding.ASCII.GetBytes(dot < 0 ? candidate : candidate[..dot], alias);
        Encoding.ASCII.GetBytes(dot < 0 ? "" : candidate[(dot + 1)..], alias[8..]);
    }

    private static string Join(string stem, string extension) => extension.Length == 0 ? stem : stem + "." + extension;

    private static string AliasPart(string part, int length, ref bool lossy)
    {
        var text = new StringBuilder(length);
        foreach (char c in part)
        {
            if (c is ' ' or '.')
            {
                lossy = true;
                continue;
            }

            if (text.Length == length)
            {
                lossy = true;
                break;
            }

            char upper = char.ToUpperInvariant(c);
            bool direct = IsShortCharacter(upper);
            lossy |= !direct;
            text.Append(direct ? upper : '_');
        }

        return text.ToString();
    }

    private static bool IsShortCharacter(char c) => c is >= 'A' and <= 'Z' or >= '0' and <= '9' || ShortPunctuation.Contains(c, StringComparison.Ordinal);

    private static bool EncodePart(string part, Span<byte> target, out bool lower)
    {
        lower = false;
        bool upper = false;
        for (int i = 0; i < part.Length; i++)
        {
            char c = part[i];
            lower |= char.IsAsciiLetterLower(c);
            upper |= char.IsAsciiLetterUpper(c);
            c = char.IsAsciiLetterLower(c) ? (char)(c - 32) : c;
            if (!IsShortCharacter(c))
            {
                return false;
            }

            target[i] = (byte)c;
        }

        return !(lower && upper);
    }

    private static string Sanitize(string name)
    {
        string text = name.Replace('/', '_').Replace('\0', '_');
        return IsUsable(text) ? text : "_" + text;
    }
}
