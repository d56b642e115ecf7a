using System.Security.Cryptography;
using V2V.Storage.Images;
using V2V.Storage.Vmdk;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Vmdk;

/// <summary>VMDKs that others made, against the content that VMware's or QEMU's tools read.</summary>
public class VmdkCorpusTests
{
    [Theory]
    [InlineData("cot/blank.vmdk", 536870912, "9acca8e8c22201155389f65abbf6bc9723edc7384ead80503839f49dcc56d767")]
    [InlineData("cot/input.vmdk", 1073741824, "49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14")]
    [InlineData("dfvfs/ext2.vmdk", 4194304, "a6c2f0e39afe6c6ab432ca5465349fcefe8dc944398e97b2d957d3f89dbb5d80")]
    [InlineData("plaso/image.vmdk", 102400, "854c3db1c4a07a241e2ed9fbd8892adf2adc662c7862a75deed26f3483f414c9")]
    [InlineData("vmdk-forensic/compressed_stream_opt.vmdk", 65536, "55f4f09be519d8702500e4442b9efd7d58c912ea774d5f767c2444a02bcf8080")]
    [InlineData("vmdk-forensic/flat.vmdk", 1048576, "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58")]
    [InlineData("vmdk-forensic/minimal.vmdk", 1048576, "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58")]
    [InlineData("vmdk-forensic/stream_opt.vmdk", 1048576, "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58")]
    [InlineData("vmdk-forensic/tw_sparse.vmdk", 4194304, "bb9f8df61474d25e71fa00722318cd387396ca1736605e1248821cc0de3d3af8")]
    [InlineData("vmdk-rs/monolithicSparse.vmdk", 10485760, "a3bcf05f07a1c06a3380eeca8571f0efb2b85afafa1e21662b8cad436d1f7727")]
    [InlineData("vmdk-rs/streamOptimizedWithMarkers.vmdk", 1048576, "92c0f8b4280377437056f57c51ef51a5f8aeb1462ac630ef0633febcbfc3db4e")]
    [InlineData("vmdk-rs/vmfs_thick.vmdk", 2097152, "8d43c795d24bce01b49f92744f934c1072210dcac170bb1c83a5aa56df46ab7d")]
    public void ReadsWhatQemuReads(string file, long size, string sha256)
    {
        using BlockDevice disk = DiskImage.Open(Corpus.Require("disk-vmdk/" + file), allowAbsolute: false);
        Assert.IsType<VmdkImage>(disk);
        Assert.Equal(size, disk.Length);
        Assert.Equal(sha256, ImageContent.Sha256(disk));
    }

    [Theory]
    [InlineData("monolithicSparse.vmdk", "DD2FADE471D68658B2EBBFF7474F5D0A99DA8989")]
    [InlineData("vmfs_thick.vmdk", "17EAF058191C5F2639D8F983CA7633E4F47087D1")]
    [InlineData("streamOptimizedWithMarkers.vmdk", "B6FD01DD1B93B3589E6D76F7507AF55C589EF69D")]
    public void ReadsWhatVMwareReads(string file, string sha1)
    {
        using BlockDevice disk = DiskImage.Open(Corpus.Require("disk-vmdk/vmdk-rs/" + file));
        Assert.Equal(sha1, ImageContent.Hash(disk, HashAlgorithmName.SHA1), ignoreCase: true);
    }

    [Fact]
    public void ReadsSeSparse()
    {
        using var folder = new TemporaryDirectory();
        using BlockDevice disk = DiskImage.Open(ImageContent.Unpack("disk-vmdk/dissect/sesparse.vmdk.gz", folder));
        Assert.Equal(512L << 20, disk.Length);
        var buffer = new byte[16 << 20];
        disk.Read(0, buffer);
        Assert.False(buffer.AsSpan().ContainsAnyExcept((byte)'a'));
        Assert.Equal(new BlockExtent(0, 16 << 20, BlockExtentKind.Data), disk.GetExtents(0, disk.Length).First());
    }

    [Theory]
    [InlineData("vmdk-rs/monolithicFlat.vmdk", "ImageFileNotFound")]
    [InlineData("vmdk-rs/twoGbMaxExtentFlat.vmdk", "ImageFileNotFound")]
    [InlineData("vmdk-forensic/ms3-win.vmdk", "ImageFileNotFound")]
    [InlineData("vmdk-rs/vmfs_thick-000001.vmdk", "ImageFileNotFound")]
    [InlineData("go-vmdk-parser/vmdk-invalid.img", "VmdkDescriptorInvalid")]
    public void NamesWhatIsMissing(string file, string errorId)
    {
        V2VException error = Assert.Throws<V2VException>(() => DiskImage.Open(Corpus.Require("disk-vmdk/" + file)).Dispose());
        Assert.Equal(errorId, error.ErrorId);
    }

    [Theory]
    [InlineData("go-vmdk-parser/vmdk-monolith.img", 65536)]
    [InlineData("go-vmdk-parser/vmdk-streamoptimized.img", 65536)]
    [InlineData("cot/ubuntu.2.0-disk1.vmdk", 8589934592)]
    public void KnowsEmptyDisksWithoutReading(string file, long size)
    {
        using BlockDevice disk = DiskImage.Open(Corpus.Require("disk-vmdk/" + file));
        Assert.Equal(size, disk.Length);
        Assert.InRange(disk.GetExtents(0, size).Where(e => e.Kind == BlockExtentKind.Data).Sum(e => e.Length), 0, 65536);
    }
}
