using V2V.FileSystems.Ext;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Ext;

public class ExtReadTests
{
    /// <summary>Feature sets of mke2fs: name, then arguments.</summary>
    public static TheoryData<string> Features => new(
        "-t ext2 -b 1024",
        "-t ext2 -b 4096 -I 128",
        "-t ext2 -O ^filetype,^dir_index,^sparse_super,^resize_inode",
        "-t ext3 -b 1024",
        "-t ext3 -b 2048 -I 256",
        "-t ext3 -b 4096",
        "-t ext4",
        "-t ext4 -b 1024 -O 64bit,metadata_csum",
        "-t ext4 -b 1024 -O ^64bit,^metadata_csum,uninit_bg",
        "-t ext4 -b 2048 -I 1024 -O inline_data",
        "-t ext4 -b 4096 -I 4096 -i 16384 -O inline_data,ea_inode",
        "-t ext4 -O ^extents,^64bit",
        "-t ext4 -O meta_bg,^resize_inode",
        "-t ext4 -b 1024 -O meta_bg,^resize_inode,^flex_bg",
        "-t ext4 -O bigalloc -C 65536",
        "-t ext4 -b 1024 -O bigalloc -C 8192",
        "-t ext4 -O sparse_super2,large_dir,metadata_csum_seed",
        "-t ext4 -O orphan_file,quota,project",
        "-t ext4 -O casefold,encrypt,verity,stable_inodes,mmp",
        "-t ext4 -b 65536",
        "-t ext4 -O ^has_journal,^flex_bg,^huge_file,^dir_nlink,^extra_isize");

    /// <summary>Those that every kernel mounts: blocks of a page at most, no Unicode tables, no quota support needed.</summary>
    public static TheoryData<string> MountableFeatures => new(
        Features.Select(row => row.Data).Where(arguments =>
            !arguments.Contains("-b 65536", StringComparison.Ordinal) &&
            !arguments.Contains("casefold", StringComparison.Ordinal) &&
            !arguments.Contains("quota", StringComparison.Ordinal)));

    [Theory]
    [MemberData(nameof(Features))]
    public void ReadsWhatMke2fsPopulated(string arguments)
    {
        using var scratch = new TemporaryDirectory();
        string tree = scratch.File("tree");
        HostTree.Populate(tree, seed: 1, large: arguments.Contains("-b 4096", StringComparison.Ordinal));
        using var image = new ExtImage(300 << 20, [.. arguments.Split(' '), "-d", tree]);
        using ExtFileSystem fileSystem = image.Open(writable: false);
        HostTree.AssertEqual(tree, fileSystem, wholeSeconds: true);
    }

    [Theory]
    [MemberData(nameof(MountableFeatures))]
    public void ReadsWhatTheKernelWrote(string arguments)
    {
        using var image = new ExtImage(300 << 20, arguments.Split(' '));
        image.Mounted(writable: true, root => HostTree.Populate(Path.Combine(root, "tree"), seed: 2, large: false, year: 2040));
        image.Mounted(writable: false, root =>
        {
            using Storage.FileDevice device = Storage.FileDevice.Open(image.Path);
            using ExtFileSystem fileSystem = ExtFileSystem.Open(device, writable: false);
            HostTree.AssertEqual(root, fileSystem, wholeSeconds: arguments.Contains("128", StringComparison.Ordinal) || arguments.Contains("^extra_isize", StringComparison.Ordinal));
        });
    }
}
