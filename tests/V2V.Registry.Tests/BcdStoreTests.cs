using System.Text.Json;
using SharpCompress.Compressors.Xz;
using V2V.Registry.Bcd;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Registry.Tests;

/// <summary>A real store of a Windows 10 that also boots Linux, against what others read in it.</summary>
public class BcdStoreTests
{
    private const uint Device = 0x11000001;
    private const uint Path = 0x12000002;

    [Fact]
    public void Entries_are_what_regipy_reads()
    {
        BcdStore store = BcdStore.Open(Read(), "BCD");
        using var expected = JsonDocument.Parse(File.ReadAllBytes(Corpus.Require("bcd/regipy/expected.json")));
        JsonElement[] entries = [.. expected.RootElement.GetProperty("BootEntryList").GetProperty("exact_expected_result").EnumerateArray()];
        Assert.Equal(8, entries.Length);
        foreach (JsonElement entry in entries)
        {
            BcdObject found = store.Find(entry.GetProperty("guid").GetString()!)!;
            Assert.Equal((entry.GetProperty("name").GetString(), Convert.ToUInt32(entry.GetProperty("type").GetString(), 16)), (found.Description, found.Type));
            Assert.Equal(entry.GetProperty("image_path").GetString(), found.Find(Path)!.Text);
            if (found.Find(Device)!.Device is { Partition: not null } device)
            {
                Assert.Equal((entry.GetProperty("gpt_partition").GetString(), entry.GetProperty("gpt_disk").GetString()), (device.Partition, device.Disk));
            }
        }
    }

    [Fact]
    public void Objects_and_elements_have_bcdedits_names()
    {
        BcdStore store = BcdStore.Open(Read(), "BCD");
        BcdObject entry = store.Default!;
        Assert.Equal("Windows 10", entry.Description);
        Assert.Equal(entry.Id, store.Find("{default}")!.Id);
        Assert.Equal("{bootmgr}", store.Find("{bootmgr}")!.Name);
        Assert.Contains(store.Objects, o => o.Name == "{globalsettings}");
        Assert.Equal([BcdNames.IdOf("{bootloadersettings}")], entry.Elements.Single(e => e.Name == "inherit").Objects);
        Assert.Equal(@"\Windows", entry.Elements.Single(e => e.Name == "systemroot").Text);
        Assert.Equal("8e0f2c38-e4ea-47ba-b7fc-9d8c74dccf0b", entry.Find(BcdNames.OsDevice)!.Device!.Partition);
        Assert.StartsWith("{", entry.Elements.Single(e => e.Name == "resumeobject").Text, StringComparison.Ordinal);
        Assert.Equal("filepath", store.Find(entry.Elements.Single(e => e.Name == "resumeobject").Text!)!.Elements.Single(e => e.Text?.EndsWith("hiberfil.sys", StringComparison.Ordinal) == true).Name);
        Assert.True(entry.Elements.Single(e => e.Name == "recoveryenabled").Boolean);
        Assert.NotNull(entry.Elements.Single(e => e.Name == "nx").Integer);
        Assert.DoesNotContain(store.Objects.SelectMany(o => o.Elements), e => e.Format == BcdFormat.None);
    }

    [Fact]
    public void What_is_deleted_is_gone_for_hivex_and_nothing_else()
    {
        using var directory = new TemporaryDirectory();
        Tool.Require("hivexregedit");
        MemoryStream file = Read();
        File.WriteAllBytes(directory.File("before"), file.ToArray());
        BcdStore store = BcdStore.Open(file, "BCD");
        string id = store.Default!.Id;
        Assert.True(store.Default.Delete(0x12000005));
        Assert.False(store.Default.Delete(BcdNames.GraphicsModeDisabled));
        using var saved = new MemoryStream();
        saved.Write(file.ToArray());
        store.Save(saved);
        File.WriteAllBytes(directory.File("after"), saved.ToArray());
        string[] before = [.. Hivex.List(directory.File("before"))], after = [.. Hivex.List(directory.File("after"))];
        Assert.Equal(before.Where(l => !l.StartsWith($@"\Objects\{id}\Elements\12000005", StringComparison.Ordinal)), after);
        Assert.Equal(before.Length - 2, after.Length);
    }

    [Fact]
    public void Damage_gives_only_errors_of_ours()
    {
        byte[] original = Read().ToArray();
        var random = new Random(1);
        for (int round = 0; round < 300; round++)
        {
            byte[] bytes = [.. original];
            for (int flips = random.Next(1, 60); flips > 0; flips--)
            {
                bytes[random.Next(4096, bytes.Length)] ^= (byte)(1 << random.Next(8));
            }

            try
            {
                BcdStore store = BcdStore.Open(new MemoryStream(bytes), "BCD");
                _ = string.Join('\n', store.Objects.Take(1000).SelectMany(o => o.Elements.Take(1000).Select(e => $"{o} {o.Type} {e}"))) + store.Default;
            }
            catch (V2VException)
            {
            }
        }
    }

    private static MemoryStream Read()
    {
        using FileStream file = File.OpenRead(Corpus.Require("bcd/regipy/BCD.xz"));
        using var xz = new XZStream(file);
        var content = new MemoryStream();
        xz.CopyTo(content);
        content.Position = 0;
        return content;
    }
}
