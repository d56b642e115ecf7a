using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Probe;

/// <summary>Images made by the file systems' own tools; the judge is <c>blkid -p</c>.</summary>
public sealed class ToolSignatureTests
{
    [Theory]
    [InlineData(4, "mke2fs", "-q -t ext2 -L label-2")]
    [InlineData(16, "mke2fs", "-q -t ext3 -L label-3")]
    [InlineData(16, "mke2fs", "-q -t ext4 -L sixteen_byte_lab")]
    [InlineData(16, "mke2fs", "-q -t ext4 -O ^metadata_csum,^64bit")]
    [InlineData(16, "mke2fs", "-q -t ext2 -O has_journal,^resize_inode")]
    [InlineData(16, "mke2fs", "-q -O journal_dev -L log")]
    [InlineData(2, "mkfs.fat", "-F 12 -n TWELVE")]
    [InlineData(16, "mkfs.fat", "-F 16 -i 0badcafe")]
    [InlineData(64, "mkfs.fat", "-F 32 -n THIRTYTWO -S 4096 -s 1")]
    [InlineData(64, "mkfs.fat", "-F 32 -i 00000001")]
    [InlineData(300, "mkfs.xfs", "-q -L xfslabel")]
    [InlineData(300, "mkfs.xfs", "-q -m crc=0 -n ftype=0")]
    [InlineData(120, "mkfs.btrfs", "-q -L butter-label")]
    [InlineData(8, "mkntfs", "-q -F -f -L Naïve-labël -s 512 -H 1 -S 1 -p 0")]
    [InlineData(8, "mkntfs", "-q -F -f -c 65536 -s 512 -H 1 -S 1 -p 0")]
    [InlineData(2, "mkswap", "-L swapper")]
    [InlineData(2, "mkswap", "-p 65536 -U 01234567-89ab-cdef-0123-456789abcdef")]
    [InlineData(2, "mkswap", "-p 8192")]
    [InlineData(64, "mkfs.f2fs", "-q -l f2label")]
    [InlineData(16, "mkfs.exfat", "-L exlabel")]
    [InlineData(16, "mkudffs", "--label=udf-label --blocksize=512")]
    [InlineData(16, "mkudffs", "--label=ünïcode --blocksize=2048")]
    [InlineData(32, "mkfs.jfs", "-q -L jfslabel")]
    [InlineData(64, "mkreiserfs", "-q -f -l reiser")]
    [InlineData(32, "cryptsetup", "luksFormat -q --type luks1 --pbkdf-force-iterations 1000 --key-file /proc/version")]
    [InlineData(32, "cryptsetup", "luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --label lukslabel --key-file /proc/version")]
    public void Identify_agrees_with_blkid(int mebibytes, string program, string arguments)
    {
        Tool.Require(program, "blkid");
        using var temporary = new TemporaryDirectory();
        string image = temporary.File("image");
        using (FileStream file = File.Create(image))
        {
            file.SetLength((long)mebibytes << 20);
        }

        Tool.Run(program, [.. arguments.Split(' '), image]);
        AssertSame(image);
    }

    [Fact]
    public void Iso_and_squashfs_agree_with_blkid()
    {
        Tool.Require("genisoimage", "mksquashfs", "blkid");
        using var temporary = new TemporaryDirectory();
        string content = Directory.CreateDirectory(temporary.File("content")).FullName;
        File.WriteAllText(Path.Combine(content, "a file.txt"), "text");
        foreach (string options in (string[])["-V PLAIN", "-J -V A_label_of_more_than_16_chars", "-R -J -V Lower", "-udf -V BRIDGE"])
        {
            Tool.Run("genisoimage", ["-quiet", .. options.Split(' '), "-o", temporary.File("iso"), content]);
            AssertSame(temporary.File("iso"));
        }

        Tool.Run("mksquashfs", content, temporary.File("squash"), "-quiet", "-no-progress");
        AssertSame(temporary.File("squash"));
    }

    private static void AssertSame(string image) =>
        BlkidOutput.AssertSame(Tool.Run("blkid", "-p", "-o", "udev", image).Split('\n', StringSplitOptions.RemoveEmptyEntries), image);
}
