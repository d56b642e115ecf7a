using V2V.FileSystems.Ext;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Ext;

/// <summary>Block numbers of more than 32 bits: 4.2 TiB of 1 KiB blocks in a sparse file of a few hundred MiB.</summary>
public class ExtHugeVolumeTests
{
    private const long TwoTo32 = 1L << 32;
    private static readonly FileMetadata s_metadata = new(0x1A4);

    [Fact]
    public void BlocksBeyondThirtyTwoBits()
    {
        Tool.Require("debugfs", "stat");
        using var image = new ExtImage(
            4300L << 30,
            "-t", "ext4", "-b", "1024", "-N", "700000", "-G", "4096",
            "-O", "64bit,^resize_inode,^has_journal,metadata_csum,sparse_super2", "-E", "lazy_itable_init=1,nodiscard,num_backup_sb=1");
        string high = "";
        image.Mounted(writable: true, root => high = HighestOfManyDirectories(root));

        byte[] content = HostTree.Bytes(new Random(11), 3_000_000);
        using (ExtFileSystem fileSystem = image.Open(writable: true))
        {
            fileSystem.CreateFile($"/{high}/file", s_metadata);
            using (Stream stream = fileSystem.OpenWrite($"/{high}/file"))
            {
                stream.Write(content);
            }

            fileSystem.CreateDirectory($"/{high}/directory", s_metadata with { Mode = 0x1ED });
            fileSystem.CreateSymbolicLink($"/{high}/link", new string('x', 200), s_metadata);
            for (int i = 0; i < 300; i++)
            {
                fileSystem.CreateFile($"/{high}/directory/{i:D100}", s_metadata);
            }

            fileSystem.CreateFile($"/{high}/gone", s_metadata);
            using (Stream stream = fileSystem.OpenWrite($"/{high}/gone"))
            {
                stream.Write(content);
            }

            fileSystem.Delete($"/{high}/gone");
            fileSystem.Flush();
        }

        image.Check();
        string block = Tool.Run("debugfs", "-R", $"bmap /{high}/file 0", image.Path).Split('\n')[0];
        Assert.True(long.Parse(block, System.Globalization.CultureInfo.InvariantCulture) > TwoTo32, $"the file begins at block {block}");
        image.Mounted(writable: false, root =>
        {
            Assert.Equal(content, File.ReadAllBytes(Path.Combine(root, high, "file")));
            Assert.Equal(new string('x', 200), new FileInfo(Path.Combine(root, high, "link")).LinkTarget);
            Assert.Equal(300, Directory.GetFiles(Path.Combine(root, high, "directory")).Length);
            Assert.False(File.Exists(Path.Combine(root, high, "gone")));
        });
        using ExtFileSystem again = image.Open(writable: false);
        Assert.Equal(content, again.ReadAllBytes($"/{high}/file"));
        (long offset, long length) = again.GetFreeExtents().Last();
        Assert.Equal(4300L << 30, offset + length);
    }

    /// <summary>The kernel spreads directories of the root over all groups: of so many, some lie beyond 2^32 blocks.</summary>
    private static string HighestOfManyDirectories(string root)
    {
        var inodes = new List<(long Inode, string Name)>();
        for (int i = 0; i < 150; i++)
        {
            string path = Path.Combine(root, "top" + i);
            Directory.CreateDirectory(path);
            inodes.Add((long.Parse(Tool.Run("stat", "-c", "%i", path), System.Globalization.CultureInfo.InvariantCulture), "top" + i));
        }

        return inodes.Max().Name;
    }
}
