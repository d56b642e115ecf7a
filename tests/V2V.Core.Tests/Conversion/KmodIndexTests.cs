using V2V.Core.Conversion.Linux.Initramfs;
using Xunit;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>Our index of a subset of modules against what depmod wrote for the same subset.</summary>
public sealed class KmodIndexTests
{
    private static readonly string[] s_subset = [.. PhonyGuest.AllModules.Except(["e1000", "odd_name"])];

    [Fact]
    public void IndexOfASubsetIsWhatDepmodWrites()
    {
        Dictionary<string, byte[]> expected = PhonyGuest.Fixture("subset");
        Dictionary<string, byte[]> actual = Build(s_subset);
        foreach (string name in (string[])["modules.dep", "modules.dep.bin", "modules.alias.bin", "modules.symbols.bin", "modules.softdep"])
        {
            Assert.True(expected["lib/modules/" + PhonyGuest.Kernel + "/" + name].AsSpan().SequenceEqual(actual[name]), name + " differs from depmod's");
        }

        // depmod walks a hash table for the text forms, so their order is its own.
        foreach (string name in (string[])["modules.alias", "modules.symbols"])
        {
            Assert.Equal(Lines(expected["lib/modules/" + PhonyGuest.Kernel + "/" + name]), Lines(actual[name]));
        }
    }

    [Fact]
    public void IndexOfEverythingIsWhatDepmodWrites()
    {
        Dictionary<string, byte[]> expected = PhonyGuest.Fixture("full");
        Dictionary<string, byte[]> actual = Build(PhonyGuest.AllModules);
        foreach (string name in (string[])["modules.dep", "modules.dep.bin", "modules.alias.bin", "modules.symbols.bin", "modules.softdep"])
        {
            Assert.True(expected["lib/modules/" + PhonyGuest.Kernel + "/" + name].AsSpan().SequenceEqual(actual[name]), name + " differs from depmod's");
        }
    }

    [Fact]
    public void AnEmptyIndexHasARoot()
    {
        byte[] index = new KmodIndex().Build();
        Assert.Equal([0xB0, 0x07, 0xF4, 0x57, 0, 2, 0, 1, 0, 0, 0, 12], index);
    }

    private static Dictionary<string, byte[]> Build(string[] names)
    {
        PhonyGuest guest = new PhonyGuest().AddModules();
        ModuleDependencies modules = ModuleDependencies.Read(guest.Tree, "/lib/modules/" + PhonyGuest.Kernel);
        Dictionary<string, string> paths = modules.Lines.Where(l => names.Contains(l.Name)).ToDictionary(l => l.Name, l => l.Path);
        return ModuleIndexFiles.Build(guest.Tree, modules, paths).ToDictionary(f => f.Name, f => f.Content);
    }

    private static string[] Lines(byte[] text) => [.. System.Text.Encoding.ASCII.GetString(text).Split('\n').Order(StringComparer.Ordinal)];
}
