using System.Globalization;
using SharpCompress.Compressors.Xz;
using V2V.Registry;
using V2V.Testing;

namespace V2V.Registry.Tests;

/// <summary>Hives of the corpus and copies of them.</summary>
internal static class HiveFile
{
    /// <summary>The bytes of a file of the corpus, unpacked if it ends in ".xz".</summary>
    public static byte[] Read(string name)
    {
        string path = Corpus.Require("registry/" + name);
        if (!name.EndsWith(".xz", StringComparison.Ordinal))
        {
            return File.ReadAllBytes(path);
        }

        using FileStream file = File.OpenRead(path);
        using var xz = new XZStream(file);
        using var content = new MemoryStream();
        xz.CopyTo(content);
        return content.ToArray();
    }

    public static RegistryHive Open(byte[] hive, params byte[][] logs) =>
        RegistryHive.Open(new MemoryStream(hive), "hive", [.. logs.Select(l => new MemoryStream(l))]);

    /// <summary>The hive's file after its changes were saved.</summary>
    public static byte[] Save(RegistryHive hive, byte[] original)
    {
        using var target = new MemoryStream();
        target.Write(original);
        hive.Save(target);
        return target.ToArray();
    }

    /// <summary>Every key, and every value with its type and data, a line each.</summary>
    public static IEnumerable<string> List(RegistryHive hive) => List(hive.Root, "").Order(StringComparer.Ordinal);

    /// <summary>The same from hivex; only files whose names need no escapes.</summary>
    public static IEnumerable<string> ListByHivex(string path)
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

    private static IEnumerable<string> List(RegistryKey key, string path)
    {
        yield return path;
        foreach (RegistryValue value in key.Values)
        {
            yield return $"{path}|{value.Name}|{(uint)value.Type}|{Convert.ToHexString(value.Data)}";
        }

        foreach (RegistryKey subkey in key.Subkeys)
        {
            foreach (string line in List(subkey, path + "\\" + subkey.Name))
            {
                yield return line;
            }
        }
    }
}
