using System.Globalization;
using System.Text;
using V2V.Testing;
using Xunit;

namespace V2V.Registry.Tests;

/// <summary>Real hives with keys of ours, as reged (chntpw) and regtree (Samba) read them.</summary>
public class OtherReadersTests
{
    private const int Added = 300;

    [Theory]
    [InlineData("regipy/SAM.xz")]
    [InlineData("regipy/NTUSER.DAT.xz")]
    [InlineData("regipy/SYSTEM.xz")]
    public void Reged_exports_every_key_and_our_values(string name)
    {
        Tool.Require("reged");
        using var directory = new TemporaryDirectory();
        RegistryHive hive = HiveFile.Open(Write(name, directory.File("hive")));
        Tool.Run("reged", "-x", directory.File("hive"), "HIVE", "\\", directory.File("hive.reg"));
        string[] lines = File.ReadAllLines(directory.File("hive.reg"), Encoding.Latin1);

        string[] keys = [.. lines.Where(l => l.StartsWith("[HIVE", StringComparison.Ordinal)).Select(l => l[5..^1].TrimEnd('\\'))];
        Assert.Equal(Paths(hive.Root, "").Where(p => Ascii.IsValid(p)).Order(StringComparer.Ordinal), keys.Where(p => Ascii.IsValid(p)).Order(StringComparer.Ordinal));
        for (int number = 0; number < Added; number++)
        {
            int at = Array.FindIndex(lines, l => l.EndsWith($"\\V2V\\Key{number}]", StringComparison.Ordinal));
            string[] expected = [$"\"number\"=dword:{number:x8}", $"\"text\"=\"text {number}\"", $"\"bytes\"=hex:{number & 0xFF:x2},{number >> 8:x2},03,04,05,06,07,08,09,0a,0b,0c"];
            Assert.Equal(expected.Order(StringComparer.Ordinal), lines[(at + 1)..(at + 4)].Order(StringComparer.Ordinal));
        }
    }

    /// <summary>regtree gives up on most real hives as Windows wrote them, but reads this one; it rounds sizes of values up to what is allocated.</summary>
    [Fact]
    public void Regtree_lists_our_keys_and_values()
    {
        Tool.Require("regtree");
        using var directory = new TemporaryDirectory();
        RegistryHive hive = HiveFile.Open(Write("regipy/SAM.xz", directory.File("hive")));
        string[] lines = [.. Tool.Run("regtree", "-F", directory.File("hive")).Split('\n').Select(l => l.Trim())];
        Assert.Empty(Paths(hive.Root, "").Select(p => p.Split('\\')[^1]).Except(lines).Except([""]));
        for (int number = 0; number < Added; number++)
        {
            int at = Array.IndexOf(lines, $"Key{number}");
            string[] expected = [$"bytes = REG_BINARY : {number & 0xFF:X2}{number >> 8:X2}030405060708090A0B0C", $"number = REG_DWORD : 0x{number:x8}", $"text = REG_SZ : text {number}"];
            Assert.All(expected.Zip(lines[(at + 1)..(at + 4)].Order(StringComparer.Ordinal)), p => Assert.StartsWith(p.First, p.Second, StringComparison.Ordinal));
        }
    }

    private static IEnumerable<string> Paths(RegistryKey key, string path) => key.Subkeys.SelectMany(k => Paths(k, path + "\\" + k.Name)).Prepend(path);

    /// <summary>Writes the hive with our keys and returns its bytes.</summary>
    private static byte[] Write(string name, string path)
    {
        byte[] bytes = HiveFile.Read(name);
        RegistryHive hive = HiveFile.Open(bytes);
        RegistryKey parent = hive.Root.Subkeys.First().Create("V2V");
        for (int number = 0; number < Added; number++)
        {
            RegistryKey key = parent.Create(string.Create(CultureInfo.InvariantCulture, $"Key{number}"));
            key.SetNumber("number", (uint)number);
            key.SetText("text", string.Create(CultureInfo.InvariantCulture, $"text {number}"));
            key.SetValue("bytes", RegistryValueType.Binary, [(byte)number, (byte)(number >> 8), 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        }

        bytes = HiveFile.Save(hive, bytes);
        File.WriteAllBytes(path, bytes);
        return bytes;
    }
}
