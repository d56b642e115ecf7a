using System.Text;
using System.Text.Unicode;
using V2V.FileSystems;

namespace V2V.Core.Guest;

/// <summary>
/// Text files of a guest as .NET strings. Well-formed UTF-8 is decoded as such; any other byte becomes a lone surrogate as
/// <see cref="GuestName"/> defines it, so that a file in an old encoding survives an edit unharmed.
/// </summary>
public static class GuestText
{
    /// <summary>Decodes the bytes of a file.</summary>
    public static string Decode(ReadOnlySpan<byte> content) =>
        Utf8.IsValid(content) ? Encoding.UTF8.GetString(content) : GuestName.Decode(content);

    /// <summary>Encodes text as the bytes it was decoded from.</summary>
    public static byte[] Encode(string text) => GuestName.Encode(text);

    /// <summary>The lines of a text, without their line ends (LF or CR LF).</summary>
    public static IEnumerable<string> SplitLines(string text)
    {
        for (int start = 0; start < text.Length;)
        {
            int end = text.IndexOf('\n', start);
            int next = end < 0 ? text.Length : end + 1;
            end = end < 0 ? text.Length : end;
            if (end > start && text[end - 1] == '\r')
            {
                end--;
            }

            yield return text[start..end];
            start = next;
        }
    }
}
