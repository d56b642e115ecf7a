using V2V.Core.Export;
using V2V.Core.Sources;
using V2V.Storage;
using V2V.Storage.Images;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Export;

/// <summary>Exports read back by our own readers: what can be tested on any host, with no tools.</summary>
public sealed class RoundTripTests
{
    private const long MiB = 1 << 20;

    [Theory]
    [MemberData(nameof(ExportedImageTests.Kinds), MemberType = typeof(ExportedImageTests))]
    public void What_is_exported_reads_back(ExportFormat format, ExportCompression compression, ExportAllocation allocation)
    {
        using var directory = new TemporaryDirectory();
        var device = new PatternDevice((20 * MiB) + 512, (0, 4096), (65535, 3), (3 * MiB, 2 * MiB), ((7 * MiB) + 100, MiB), (20 * MiB, 512));
        device.HiddenZeroes.Add((4 * MiB, 200000));
        V2VExport result = Machines.Export(new ExportOptions { Directory = directory.Path, Format = format, Compression = compression, Allocation = allocation }, device);
        using BlockDevice read = DiskImage.Open(result.Disks[0].Path, format == ExportFormat.Raw ? "raw" : "qcow2");
        AssertSame(device.Copy(), read);
    }

    [Fact]
    public void A_machine_that_was_not_converted_goes_through_the_public_entry()
    {
        using var directory = new TemporaryDirectory();
        var content = new byte[3 * MiB];
        new Random(3).NextBytes(content.AsSpan(0, (int)MiB));
        string path = directory.File("disk.raw");
        File.WriteAllBytes(path, content);
        var source = new V2VSource
        {
            Name = "plain",
            Path = path,
            Disks = [new SourceDisk { Index = 0, Format = "raw", Path = path, StoredSize = content.Length, VirtualSize = content.Length }],
        };
        V2VExport result = GuestExporter.Export(source, new ExportOptions { Directory = directory.File("out"), Format = ExportFormat.Raw }, SilentObserver.Instance);
        Assert.Equal(content, File.ReadAllBytes(result.Disks[0].Path));
        Assert.Equal(MiB, result.Disks[0].StoredBytes);
        Assert.True(File.Exists(result.MetadataPath));
    }

    private static void AssertSame(BlockDevice expected, BlockDevice actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        var left = new byte[MiB];
        var right = new byte[MiB];
        for (long at = 0; at < expected.Length; at += MiB)
        {
            int count = (int)Math.Min(MiB, expected.Length - at);
            expected.Read(at, left.AsSpan(0, count));
            actual.Read(at, right.AsSpan(0, count));
            Assert.True(left.AsSpan(0, count).SequenceEqual(right.AsSpan(0, count)), $"The block at {at} differs.");
        }
    }
}
