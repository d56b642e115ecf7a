using System.Buffers.Binary;
using System.Security.Cryptography;

namespace V2V.Storage.Volumes.BitLocker;

/// <summary>
/// The recovery password: eight groups of six digits, each 11 times a number of 16 bits, so that a mistyped digit shows. Windows' own text file around it is
/// understood too.
/// </summary>
internal static class RecoveryPassword
{
    private const int Groups = 8;
    private const int Digits = 6;

    /// <summary>Looks for a recovery password in a text.</summary>
    /// <param name="text">A password, or the content of the file that Windows saves.</param>
    /// <param name="hash">Takes what is to be stretched, 32 bytes, if the result is 0.</param>
    /// <returns>0 if one is there; the number of its first wrong group, from 1, if it is mistyped; -1 if there is none.</returns>
    internal static int Find(ReadOnlySpan<char> text, Span<byte> hash)
    {
        Span<int> groups = stackalloc int[Groups];
        Span<byte> key = stackalloc byte[Groups * 2];
        int result = -1;
        for (int at = 0; at < text.Length; at++)
        {
            if (!char.IsAsciiDigit(text[at]) || (at > 0 && IsPart(text[at - 1])) || !TryReadGroups(text[at..], groups))
            {
                continue;
            }

            result = 1 + FirstWrong(groups);
            if (result > 0)
            {
                break;
            }

            for (int i = 0; i < Groups; i++)
            {
                BinaryPrimitives.WriteUInt16LittleEndian(key[(i * 2)..], (ushort)(groups[i] / 11));
            }

            SHA256.HashData(key, hash);
            break;
        }

        groups.Clear();
        CryptographicOperations.ZeroMemory(key);
        return result;
    }

    /// <summary>Eight groups of digits with one dash or blank between them, or nothing, and no further digit behind.</summary>
    private static bool TryReadGroups(ReadOnlySpan<char> text, Span<int> groups)
    {
        int at = 0;
        for (int group = 0; group < Groups; group++)
        {
            if (group > 0 && at < text.Length && text[at] is '-' or ' ')
            {
                at++;
            }

            int value = 0;
            for (int i = 0; i < Digits; i++, at++)
            {
                if (at >= text.Length || !char.IsAsciiDigit(text[at]))
                {
                    return false;
                }

                value = (value * 10) + text[at] - '0';
            }

            groups[group] = value;
        }

        return at == text.Length || !IsPart(text[at]);
    }

    private static bool IsPart(char c) => char.IsAsciiLetterOrDigit(c) || c == '-';

    /// <summary>Index of the first group that no recovery password has, or -1. The last digit is the others' alternating sum modulo 11, which a multiple of 11 has by itself.</summary>
    private static int FirstWrong(ReadOnlySpan<int> groups)
    {
        for (int i = 0; i < groups.Length; i++)
        {
            if (groups[i] % 11 != 0 || groups[i] / 11 > ushort.MaxValue)
            {
                return i;
            }
        }

        return -1;
    }
}
