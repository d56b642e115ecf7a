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
