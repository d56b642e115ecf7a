using System.Security.Cryptography;
using V2V.FileSystems.Btrfs;
using V2V.FileSystems.Tests.Ext;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Btrfs;

/// <summary>Images that others made: with known contents, and broken ones.</summary>
public class BtrfsCorpusTests
{
    [Theory]
    [InlineData("btrfs-progs/misc-tests/025-zstd-compression/compress.raw.xz", "btrfsprogs_zstd.tsv")]
    [InlineData("discutils/btrfs.vhdx.gz", "discutils_btrfs.tsv")]
    public void Known_contents_are_read(string name, string expected)
    {
        Tool.Require("xz", "sh", "qemu-img");
        string path = Corpus.Require(Path.Combine("fs-btrfs", name));
        using var scratch = new TemporaryDirectory();
        string image = scratch.File("image");
        Tool.Run("sh", "-c", name.EndsWith(".xz", StringComparison.Ordinal)
            ? $"xz -dc '{path}' > '{image}'"
            : $"gzip -dc '{path}' > '{image}.vhdx' && qemu-img convert -O raw '{image}.vhdx' '{image}'");
        using FileDevice device = FileDevice.Open(image, writable: false);
        using BlockDevice? partition = name.StartsWith("discutils", StringComparison.Ordinal) ? new SubDevice(device, 1 << 20, device.Length - (1 << 20)) : null;
        using BtrfsFileSystem fileSystem = BtrfsFileSystem.Open(partition ?? device, writable: false);
        foreach (string line in File.ReadLines(Corpus.Require(Path.Combine("fs-btrfs/expected", expected))).Where(l => l[0] != '#'))
        {
            string[] field = line.Split('\t');
            FileEntry entry = fileSystem.TryGetEntry("/" + field[0])!;
            Assert.NotNull(entry);
            if (field[1] == "l")
            {
                Assert.Equal(field[6], fileSystem.ReadLink(entry.Path));
            }
            else if (field[1] == "f")
            {
                Assert.Equal(long.Parse(field[2], System.Globalization.CultureInfo.InvariantCulture), entry.Length);
                using Stream stream = fileSystem.OpenRead(entry.Path);
                Assert.True(field[6] == "skipped-large" || field[6] == Convert.ToHexStringLower(SHA256.HashData(stream)), field[0]);
            }
        }
    }

    [Fact]
    public void Broken_images_never_crash()
    {
        Tool.Require("xz", "sh");
        using var scratch = new TemporaryDirectory();
        int images = 0;
        foreach (string path in Directory.EnumerateFiles(Corpus.Require("fs-btrfs/btrfs-progs"), "*.xz", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string image = scratch.File("image");
            Tool.Run("sh", "-c", $"xz -dc '{path}' > '{image}'");
            images++;
            using FileDevice device = FileDevice.Open(image, writable: false);
            BtrfsFuzz.Visit(device, path);
        }

        Assert.True(images > 8);
    }
}
