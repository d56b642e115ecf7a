using System.Buffers.Binary;
using System.Text;

namespace V2V.Registry.Cells;

/// <summary>Names in cells: one byte a character (Latin-1, "compressed") where every character fits, UTF-16 otherwise.</summary>
internal static class CellText
{
    public static string Decode(ReadOnlySpan<byte> bytes, bool isCompressed) =>
        isCompressed ? Encoding.Latin1.GetString(bytes) : Utf16(bytes);

    /// <summary>UTF-16 as it is stored, unpaired surrogates and NULs included.</summary>
    public static string Utf16(ReadOnlySpan<byte> bytes) =>
        string.Create(bytes.Length / 2, bytes.ToArray(), static (text, raw) =>
        {
            for (int i = 0; i < text.Length; i++)
            {
                text[i] = (char)BinaryPrimitives.ReadUInt16LittleEndian(raw.AsSpan(2 * i));
            }
        });

    public static byte[] Encode(string text, out bool isCompressed)
    {
        isCompressed = text.All(c => c <= 0xFF);
        return isCompressed ? Encoding.Latin1.GetBytes(text) : Utf16(text);
    }

    public static byte[] Utf16(string text)
    {
        byte[] bytes = new byte[2 * text.Length];
        for (int i = 0; i < text.Length; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2 * i), text[i]);
        }

        return bytes;
    }

    /// <summary>The registry's order and equality: by UTF-16 code units in upper case.</summary>
    public static int Compare(string left, string right)
    {
        int common = Math.Min(left.Length, right.Length);
        for (int i = 0; i < common; i++)
        {
            int difference = char.ToUpperInvariant(left[i]) - char.ToUpperInvariant(right[i]);
            if (difference != 0)
            {
                return difference;
            }
        }

        return left.Length - right.Length;
    }
}
