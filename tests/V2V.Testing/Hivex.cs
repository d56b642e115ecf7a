using System.Globalization;

namespace V2V.Testing;

/// <summary>Registry hives as hivex reads them.</summary>
public static class Hivex
{
    /// <summary>
    /// Every key, and every value as "key|name|type|data in hexadecimal", a line each, in ordinal order; the root is the empty path. Only for hives whose
    /// names need no escapes.
    /// </summary>
    /// <param name="path">The hive's file.</param>
    public static IEnumerable<string> List(string path)
    {
        string export = Tool.Run("hivexregedit", "--export", path, "\\");
        string key = "";
        List<string> lines = [];
        foreach (string line in export.Replace("\\\n  ", "", StringComparison.Ordinal).Split('\n'))
        {
            if (line.StartsWith('['))
            {
                key = line[1..^1].TrimEnd('\\');
                lines.Add(key);
            }
            else if (line.IndexOf('=', line.StartsWith('"') ? line.IndexOf("\"=", 1, StringComparison.Ordinal) : 0) is > 0 and var at)
            {
                string name = line[..at] == "@" ? "" : line[1..(at - 1)].Replace("\\\"", "\"", StringComparison.Ordinal).Replace("\\\\", "\\", StringComparison.Ordinal);
                (uint type, byte[] data) = Decode(line[(at + 1)..]);
                lines.Add($"{key}|{name}|{type}|{Convert.ToHexString(data)}");
            }
        }

        return lines.Order(StringComparer.Ordinal);
    }

    private static (uint Type, byte[] Data) Decode(string text)
    {
        if (text.StartsWith("dword:", StringComparison.Ordinal))
        {
            return (4, BitConverter.GetBytes(uint.Parse(text.AsSpan(6), NumberStyles.HexNumber, CultureInfo.InvariantCulture)));
        }

        int colon = text.IndexOf(':', StringComparison.Ordinal);
        uint type = text[..colon] == "hex" ? 3 : uint.Parse(text.AsSpan(4, colon - 5), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return (type, Convert.FromHexString(text[(colon + 1)..].Replace(",", "", StringComparison.Ordinal)));
    }
}
