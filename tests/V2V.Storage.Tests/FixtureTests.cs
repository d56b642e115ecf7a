using System.Globalization;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Text;
using V2V.Storage.Images;
using V2V.Storage.Partitions;
using Xunit;

namespace V2V.Storage.Tests;

/// <summary>Small images made by QEMU and sfdisk (tests/fixtures/storage/make.sh): what can be told without any tool.</summary>
public class FixtureTests
{
    [Theory]
    [InlineData("sparse.vmdk")]
    [InlineData("stream.vmdk")]
    [InlineData("v2.qcow2")]
    [InlineData("v3.qcow2")]
    [InlineData("deflate.qcow2")]
    [InlineData("zstd.qcow2")]
    [InlineData("subclusters.qcow2")]
    public void EveryFormHasOneContent(string name)
    {
        var expected = new byte[3146240];
        Lines(4000).CopyTo(expected, 0);
        Lines(100).CopyTo(expected, 3145748);
        using BlockDevice disk = DiskImage.Open(new MemoryDevice(Load(name), writable: false), name, new MemberResolver(name, _ => null));
        Assert.Equal(Path.GetExtension(name), "." + DiskImage.Detect(new MemoryDevice(Load(name))));
        ImageContent.AssertSame(new MemoryDevice(expected), disk);
        Assert.InRange(disk.GetExtents(0, disk.Length).Where(e => e.Kind == BlockExtentKind.Data).Sum(e => e.Length), 19_000, 300_000);
    }

    [Fact]
    public void Mbr()
    {
        PartitionTable table = PartitionTable.Read(new MemoryDevice(Load("mbr.raw")));
        Assert.Equal(PartitionScheme.Mbr, table.Scheme);
        Assert.Equal(
            [(1, 2048L, 2048L, "0x83", true), (2, 4096, 12288, "0x0f", false), (5, 6144, 2048, "0x82", false), (6, 10240, 4096, "0x8e", false)],
            table.Partitions.Select(p => (p.Number, p.Offset / 512, p.Length / 512, p.Type, p.IsActive)));
        Assert.Equal("1234abcd-06", table.Partitions[3].PartUuid);
        Assert.Empty(table.Warnings);
    }

    [Fact]
    public void Gpt()
    {
        byte[] disk = Load("gpt.raw");
        PartitionTable table = PartitionTable.Read(new MemoryDevice(disk));
        Assert.Equal(PartitionScheme.Gpt, table.Scheme);
        Assert.Equal("dd27f98d-7519-4c9e-8041-f2bfa7b1ef61", table.DiskGuid.ToString());
        Assert.Equal(
            [(1, 2048L, 4096L, "a7101b6c-468c-47df-aff6-cd444d12af61", "EFI System Partition", true), (3, 8192, 4096, "afc4950a-f0f1-4add-802c-5957133486d1", "root", false)],
            table.Partitions.Select(p => (p.Number, p.Offset / 512, p.Length / 512, p.PartUuid, p.Name, p.IsEfiSystem)));
        Assert.Empty(table.Warnings);

        disk[512 + 20] ^= 1;
        PartitionTable again = PartitionTable.Read(new MemoryDevice(disk));
        Assert.Equal(table.Partitions, again.Partitions);
        Assert.Single(again.Warnings);
    }

    private static byte[] Lines(int count) =>
        Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(1, count).Select(i => i.ToString(CultureInfo.InvariantCulture) + "\n")));

    private static byte[] Load(string name, [CallerFilePath] string here = "")
    {
        string path = Path.Combine(Path.GetDirectoryName(here)!, "..", "fixtures", "storage", name + ".gz");
        using var source = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        source.CopyTo(bytes);
        return bytes.ToArray();
    }
}
