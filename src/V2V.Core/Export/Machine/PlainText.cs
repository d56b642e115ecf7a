using System.Text;
using System.Xml;

namespace V2V.Core.Export.Machine;

/// <summary>Text from a hostile source for XML, scripts and messages.</summary>
internal static class PlainText
{
    /// <summary>Replaces what XML 1.0 cannot hold, and control characters, by <c>_</c>.</summary>
    public static string Clean(string text, bool keepLines = false)
    {
        var clean = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            bool isBad = rune.Value == 0xFFFD
                || (Rune.IsControl(rune) && !(keepLines && rune.Value is '\n' or '\t'))
                || (rune.IsBmp && !XmlConvert.IsXmlChar((char)rune.Value));
            clean.Append(isBad ? "_" : rune.ToString());
        }

        return clean.ToString();
    }
}
