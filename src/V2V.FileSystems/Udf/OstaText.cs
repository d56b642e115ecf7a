using System.Text;

namespace V2V.FileSystems.Udf;

/// <summary>OSTA compressed Unicode (UDF 2.1.1): a byte that says how wide the characters are, then the characters, highest byte first.</summary>
internal static class OstaText
{
    /// <summary>Decodes a text; empty if it is none.</summary>
    public static string Decode(ReadOnlySpan<byte> raw)
    {
        if (raw.Length < 2)
        {
            return "";
        }

        return raw[0] switch
        {
            8 or 254 => Encoding.Latin1.GetString(raw[1..]),
            16 or 255 => Encoding.BigEndianUnicode.GetString(raw[1..(1 + ((raw.Length - 1) & ~1))]),
            _ => "",
        };
    }
}
