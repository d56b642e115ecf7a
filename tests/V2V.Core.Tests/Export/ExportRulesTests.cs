using V2V.Core.Export;
using V2V.Core.Export.Machine;
using V2V.Core.Sources;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Export;

/// <summary>Names, options, the network map, progress.</summary>
public sealed class ExportRulesTests
{
    [Theory]
    [InlineData("guest", "guest")]
    [InlineData("a/b\\c", "a_b_c")]
    [InlineData("con", "_con")]
    [InlineData("COM1.old", "_COM1.old")]
    [InlineData("lpt9 .x", "_lpt9 .x")]
    [InlineData("console", "console")]
    [InlineData("..", "_")]
    [InlineData("", "_")]
    [InlineData(" . ", "_")]
    [InlineData(".hidden", "_.hidden")]
    [InlineData("-rf", "_-rf")]
    [InlineData("end. ", "end")]
    [InlineData("q\"<>|?*:", "q_______")]
    [InlineData("tab\tnul\0nel\u0085", "tab_nul_nel_")]
    [InlineData("Übung 日本 😀", "Übung 日本 😀")]
    public void Names_become_safe_on_every_host(string name, string expected) => Assert.Equal(expected, ExportName.ToFileName(name));

    [Fact]
    public void Half_a_character_becomes_one_underscore() => Assert.Equal("lone_", ExportName.ToFileName("lone" + (char)0xD800));

    [Fact]
    public void A_long_name_is_cut_between_characters()
    {
        string name = ExportName.ToFileName(string.Concat(Enumerable.Repeat("日本", 500)));
        Assert.Equal(66, name.Length);
    }

    [Theory]
    [InlineData(0, "a")]
    [InlineData(25, "z")]
    [InlineData(26, "aa")]
    [InlineData(701, "zz")]
    [InlineData(702, "aaa")]
    public void Disks_are_lettered_as_Linux_does(int index, string letters) => Assert.Equal(letters, ExportName.DiskLetters(index));

    [Theory]
    [InlineData("VM Network", null, "VM Network", false)]
    [InlineData("VM Network", "br-lan", "br-lan", false)]
    [InlineData("VM Network", "bridge:br-lan", "br-lan", true)]
    [InlineData("VM Network", "network: default ", "default", false)]
    public void Networks_are_mapped_by_name(string network, string? target, string expected, bool isBridge)
    {
        var map = new Dictionary<string, string> { ["*"] = "other" };
        if (target is null)
        {
            map.Clear();
        }
        else
        {
            map["vm network"] = target;
        }

        TargetNic nic = NetworkConnection.Connect(new SourceNic("52:54:00:aa:bb:cc", null, network, NetworkType.Network), "virtio", map, []);
        Assert.Equal((expected, isBridge), (nic.Network, nic.IsBridge));
    }

    [Fact]
    public void A_MAC_goes_before_a_name_and_a_name_before_all()
    {
        var map = new Dictionary<string, string> { ["*"] = "all", ["net"] = "named", ["52:54:00:AA:BB:CC"] = "bridge:mine" };
        Assert.Equal("mine", Connect("52:54:00:aa:bb:cc", "net"));
        Assert.Equal("named", Connect("52:54:00:aa:bb:cd", "net"));
        Assert.Equal("all", Connect(null, "elsewhere"));

        string Connect(string? mac, string network) => NetworkConnection.Connect(new SourceNic(mac, null, network, NetworkType.Bridge), "virtio", map, []).Network;
    }

    [Theory]
    [InlineData("bridge:")]
    [InlineData("bridge:no spaces here")]
    [InlineData("  ")]
    [InlineData("a\nb")]
    public void A_map_to_nothing_is_refused(string value) =>
        Assert.Equal("ExportNetworkMapInvalid", Refused(new ExportOptions { Target = ExportTarget.Null, NetworkMap = new Dictionary<string, string> { ["a"] = value } }));

    [Fact]
    public void Contradictions_are_refused_by_name()
    {
        Assert.Equal("ExportDirectoryMissing", Refused(new ExportOptions()));
        Assert.Equal("ExportDirectoryInvalid", Refused(new ExportOptions { Directory = "/tmp/a\u0001b" }));
        Assert.Equal("ExportCompressionUnsupported", Refused(new ExportOptions { Directory = "x", Format = ExportFormat.Raw, Compression = ExportCompression.Zlib }));
        Assert.Equal(
            "ExportCompressionUnsupported",
            Refused(new ExportOptions { Directory = "x", Allocation = ExportAllocation.Preallocated, Compression = ExportCompression.Zstd }));
    }

    [Fact]
    public void A_conversion_that_was_only_tried_is_refused()
    {
        V2VSource source = Machines.Source();
        var overlay = new Conversion.V2VOverlay
        {
            Source = source,
            Inspection = new Core.Inspection.V2VInspection { Source = source },
            Capabilities = new Conversion.GuestCapabilities(),
        };
        V2VException e = Assert.Throws<V2VException>(() => GuestExporter.Export(overlay, new ExportOptions { Target = ExportTarget.Null }, SilentObserver.Instance));
        Assert.Equal("ExportOverlayMissing", e.ErrorId);
    }

    [Fact]
    public void The_null_target_reads_everything_and_writes_nothing()
    {
        const long MiB = 1 << 20;
        var device = new PatternDevice(64 * MiB, (0, 10 * MiB));
        device.HiddenZeroes.Add((MiB, 2 * MiB));
        V2VExport result = Machines.Export(new ExportOptions { Target = ExportTarget.Null }, device);
        Assert.Equal(("null", 10 * MiB, null), (result.Target, device.BytesRead, result.MetadataPath));
        ExportedDisk disk = Assert.Single(result.Disks);
        Assert.Equal(("", 64 * MiB, 10 * MiB, 8 * MiB), (disk.Path, disk.VirtualSize, disk.DataBytes, disk.StoredBytes));
    }

    [Fact]
    public void Progress_grows_to_the_total_over_all_disks_and_ends()
    {
        using var directory = new TemporaryDirectory();
        const long MiB = 1 << 20;
        PatternDevice[] devices = [new(80 * MiB, (0, 60 * MiB)), new(80 * MiB, (MiB, 30 * MiB))];
        foreach (PatternDevice device in devices)
        {
            device.Reading = _ => Thread.Sleep(10);
        }

        var observer = new RecordingObserver();
        Machines.Export(Machines.Source(disks: 2), new ExportOptions { Directory = directory.Path }, observer, devices);
        Assert.Equal(observer.Reports.Select(r => r.DoneBytes).Order(), observer.Reports.Select(r => r.DoneBytes));
        Assert.All(observer.Reports, r => Assert.Equal(90 * MiB, r.TotalBytes));
        Assert.Equal([90 * MiB], observer.Reports.Where(r => r.IsCompleted).Select(r => r.DoneBytes));
        Assert.True(observer.Reports[^1].IsCompleted);
        Assert.Contains(observer.Reports, r => r is { BytesPerSecond: > 0, Status: "Disk 2 of 2" });
        Assert.All(observer.Reports, r => Assert.Contains("guest", r.Activity, StringComparison.Ordinal));
    }

    [Fact]
    public void A_source_that_was_not_converted_comes_with_a_warning()
    {
        var observer = new RecordingObserver();
        V2VSource source = Machines.Source();
        V2VExport result = new GuestExporter(source, null, new ExportOptions { Target = ExportTarget.Null }, observer, _ => new PatternDevice(4096)).Run();
        Assert.Contains("not converted", Assert.Single(result.Warnings), StringComparison.Ordinal);
        Assert.Equal(result.Warnings, observer.Warnings);
        Assert.Null(result.Capabilities);
    }

    private static string Refused(ExportOptions options) => Assert.Throws<V2VException>(() => Machines.Export(options, new PatternDevice(4096))).ErrorId;
}
