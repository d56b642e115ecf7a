using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Probe;

/// <summary>The images of util-linux' own test-suite with what libblkid is expected to say of them.</summary>
public sealed class CorpusSignatureTests
{
    [Theory]
    [InlineData("fs-btrfs", "btrfs")]
    [InlineData("fs-ext", "ext2")]
    [InlineData("fs-ext", "ext3")]
    [InlineData("fs-ext", "ext4")]
    [InlineData("fs-ext", "jbd")]
    [InlineData("fs-fat", "exfat")]
    [InlineData("fs-fat", "fat")]
    [InlineData("fs-fat", "fat16_noheads")]
    [InlineData("fs-fat", "fat32_label_64MB")]
    [InlineData("fs-fat", "fat32_mkdosfs_label1")]
    [InlineData("fs-fat", "fat32_mkdosfs_label1_xp_label2")]
    [InlineData("fs-fat", "fat32_xp_label1")]
    [InlineData("fs-fat", "fat32_xp_none")]
    [InlineData("fs-fat", "fat32_cp850_O_tilde")]
    [InlineData("fs-fat", "small-fat32")]
    [InlineData("fs-ntfs", "bitlocker-win7")]
    [InlineData("fs-ntfs", "ntfs")]
    [InlineData("fs-xfs", "xfs-log")]
    [InlineData("fs-xfs", "xfs-v5")]
    [InlineData("fs-xfs", "xfs")]
    [InlineData("iso-udf", "iso-joliet")]
    [InlineData("iso-udf", "iso-rr-joliet")]
    [InlineData("iso-udf", "iso-unicode-long-label")]
    [InlineData("iso-udf", "iso")]
    [InlineData("iso-udf", "udf-bdr-2.60-nero")]
    [InlineData("iso-udf", "udf-cd-nero-6")]
    [InlineData("iso-udf", "udf-hdd-macosx-2.60-4096")]
    [InlineData("iso-udf", "udf-hdd-mkudffs-1.3-1")]
    [InlineData("iso-udf", "udf-hdd-win7")]
    [InlineData("iso-udf", "udf")]
    [InlineData("lvm-md", "luks1")]
    [InlineData("lvm-md", "luks2")]
    [InlineData("lvm-md", "lvm2")]
    [InlineData("lvm-md", "mdraid-1")]
    [InlineData("lvm-md", "mdraid")]
    [InlineData("lvm-md", "swap1")]
    [InlineData("lvm-md", "vmfs")]
    [InlineData("lvm-md", "vmfs_volume")]
    public void Identify_says_what_blkid_says(string area, string name)
    {
        Tool.Require("xz", "sh");
        string folder = Corpus.Require(Path.Combine(area, "util-linux"));
        using var temporary = new TemporaryDirectory();
        string image = temporary.File("image");
        Tool.Run("sh", "-c", $"xz -dc '{Path.Combine(folder, name + ".img.xz")}' > '{image}'");
        BlkidOutput.AssertSame(File.ReadLines(Path.Combine(folder, name + ".expected")), image);
    }
}
