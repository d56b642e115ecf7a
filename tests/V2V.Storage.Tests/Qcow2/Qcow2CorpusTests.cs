using V2V.Storage.Images;
using V2V.Storage.Qcow2;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Qcow2;

/// <summary>qcow2 images that others made, against the content that QEMU reads.</summary>
public class Qcow2CorpusTests
{
    [Theory]
    [InlineData("dfvfs/ext2.qcow2", 4194304, "a6c2f0e39afe6c6ab432ca5465349fcefe8dc944398e97b2d957d3f89dbb5d80")]
    [InlineData("plaso/image.qcow2", 102400, "a9c0220b1dadd1812fc4bbe137f495d2c3b88c7b33b5a4de545d201fd31b3bc0")]
    public void ReadsWhatQemuReads(string file, long size, string sha256)
    {
        using BlockDevice disk = DiskImage.Open(Corpus.Require("disk-qcow2/" + file));
        Assert.IsType<Qcow2Image>(disk);
        Assert.Equal(size, disk.Length);
        Assert.Equal(sha256, ImageContent.Sha256(disk));
    }

    [Theory]
    [InlineData("basic.qcow2", "3c86a52ad19ebbe34acffb812d276817ddca56522eb72de2b984d70ffb20582f")]
    [InlineData("data-file.qcow2", "3c86a52ad19ebbe34acffb812d276817ddca56522eb72de2b984d70ffb20582f")]
    [InlineData("backing-chain-1.qcow2", "186334af67c1acb54b08ded0b6a419571000755d4c810c8b768a30281e2ab074")]
    public void ReadsChainsAndDataFiles(string file, string sha256)
    {
        using var folder = new TemporaryDirectory();
        foreach (string name in (string[])["basic.qcow2", "data-file.qcow2", "data-file.bin", "backing-chain-1.qcow2", "backing-chain-2.qcow2", "backing-chain-3.qcow2"])
        {
            ImageContent.Unpack($"disk-qcow2/dissect/{name}.gz", folder);
        }

        using BlockDevice disk = DiskImage.Open(folder.File(file), allowAbsolute: false);
        Assert.Equal(512L << 20, disk.Length);
        Assert.Equal(sha256, ImageContent.Sha256(disk));
    }
}
