using V2V.Core.Inspection.Network;
using V2V.Core.Sources;
using Xunit;

namespace V2V.Core.Tests.Inspection;

/// <summary>Cards to which a source gives no MAC.</summary>
public sealed class CardMacsTests
{
    private const string A = "00:0c:29:00:00:0a", B = "00:0c:29:00:00:0b", C = "00:0c:29:00:00:0c";

    [Theory]
    [InlineData("-", "eth0=" + A, "", A)]
    [InlineData("-", "", "ens192=" + A, A)]
    [InlineData("- -", "eth1=" + B + " eth0=" + A, "", A + " " + B)]
    [InlineData("- -", "eth10=" + B + " eth9=" + A, "", A + " " + B)]
    [InlineData("- -", "eth0=" + A, "", A + " ?")]
    [InlineData(A + " -", "eth0=" + A + " eth1=" + B, "", A + " " + B)]
    [InlineData("-", "eth0=" + A + " eth1=" + B + " eth2=" + C, "eth1=", B)]
    [InlineData("-", "eth0=" + A + " eth1=" + B, "", "?")]
    [InlineData("-", "eth0=" + A + " eth1=" + B, "eth0= eth1=", "?")]
    [InlineData("-", "eth0=" + A, "ens192=" + A, A)]
    [InlineData("-", "eth0=01:00:5e:00:00:01", "", "?")]
    [InlineData("-", "eth0=00:00:00:00:00:00", "", "?")]
    [InlineData("-", "", "br0*=" + A, "?")]
    [InlineData("- -", "", "ens192=", "? ?")]
    [InlineData(A, "eth0=" + B, "", A)]
    public void A_card_has_the_MAC_that_the_guest_names_or_one_made_up(string cards, string bindings, string configs, string expected)
    {
        V2VSource source = Source("/a", cards);
        string[] macs = [.. Complete(source, bindings, configs)];
        Assert.Equal(expected.Split(' '), macs.Select(m => m.StartsWith("52:54:00:", StringComparison.Ordinal) ? "?" : m));
        Assert.Equal(macs.Length, macs.Distinct().Count());
        Assert.Equal(macs, Complete(source, bindings, configs));
    }

    [Fact]
    public void What_is_made_up_differs_from_machine_to_machine() =>
        Assert.Equal(300, Enumerable.Range(0, 100).SelectMany(i => Complete(Source($"/vm{i}/disk.vmdk", "- - -"), "", "")).Distinct().Count());

    private static V2VSource Source(string path, string cards) => new()
    {
        Name = "disk",
        Path = path,
        Nics = [.. cards.Split(' ').Select(c => new SourceNic(c == "-" ? null : c, null, "default", NetworkType.Network))],
    };

    private static IEnumerable<string> Complete(V2VSource source, string bindings, string configs) => CardMacs.Complete(
        source,
        [.. Pairs(configs).Select(c => new InterfaceConfig { Name = c.Name.TrimEnd('*'), MacAddress = c.Value, IsVirtual = c.Name.EndsWith('*'), System = "x", Path = "/x" })],
        Pairs(bindings).ToDictionary(b => b.Name, b => b.Value!)).Select(n => n.MacAddress!);

    private static IEnumerable<(string Name, string? Value)> Pairs(string text) =>
        text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(p => p.Split('=')).Select(p => (p[0], p[1].Length == 0 ? null : p[1]));
}
