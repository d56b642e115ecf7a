using V2V.FileSystems.Btrfs;
using V2V.FileSystems.Tests.Ext;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Btrfs;

/// <summary>What the kernel wrote, read by us and compared file by file.</summary>
public class BtrfsReadTests
{
    [Theory]
    [InlineData("", 1, 256, "")]
    [InlineData("-n 4096", 1, 256, "compress-force=zstd:3")]
    [InlineData("-n 65536 --csum xxhash", 1, 256, "compress-force=zlib")]
    [InlineData("--csum sha256 -O ^no-holes", 1, 256, "compress-force=lzo")]
    [InlineData("--csum blake2 -R free-space-tree", 1, 256, "max_inline=0")]
    [InlineData("-R free-space-tree,quota", 1, 256, "nodatacow")]
    [InlineData("-M -n 4096", 1, 128, "compress=zstd")]
    [InlineData("-m raid1 -d raid1", 2, 256, "")]
    [InlineData("-m raid1 -d raid0", 3, 256, "compress=lzo")]
    [InlineData("-m raid10 -d raid10", 4, 256, "")]
    [InlineData("-m raid1c3 -d raid1c3", 3, 256, "")]
    [InlineData("-m raid1c4 -d raid0", 4, 256, "")]
    [InlineData("-m raid5 -d raid5", 3, 256, "")]
    [InlineData("-m raid6 -d raid6", 4, 256, "")]
    [InlineData("-m raid5 -d raid6", 5, 256, "compress=zstd")]
    public void What_the_kernel_wrote_is_read(string arguments, int devices, int mebibytes, string options)
    {
        Tool.RequireRoot();
        using var image = new BtrfsImage((long)mebibytes << 20, devices, arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        image.Mounted(writable: true, options, root =>
        {
            Directory.CreateDirectory(root + "/tree");
            HostTree.Populate(root + "/tree", seed: 11, large: false);
            Tool.Run("btrfs", "subvolume", "create", root + "/sub");
            HostTree.Populate(root + "/sub/inside", seed: 12, large: false);
            Tool.Run("btrfs", "subvolume", "snapshot", root + "/sub", root + "/snapshot");
            File.WriteAllText(root + "/snapshot/inside/new", "new");
            File.WriteAllText(root + "/tree/text", string.Concat(Enumerable.Repeat("all the same. ", 40_000)));
            Tool.Run("fallocate", "-l", "1M", root + "/tree/preallocated");
            Tool.Run("mknod", root + "/tree/node", "b", "259", "70000");
            HostAttributes.Set(root + "/tree/text", "user.a", new byte[3000]);
            HostAttributes.Set(root + "/tree/text", "security.b", "x"u8.ToArray());
            for (int i = 0; i < 150; i++)
            {
                Tool.Run("ln", root + "/tree/empty", $"{root}/tree/{new string('l', 200)}{i}");
            }
        });
        image.Mounted(writable: false, "", root =>
        {
            using BtrfsFileSystem fileSystem = image.Open(writable: false);
            HostTree.AssertEqual(root, fileSystem);
            Assert.Equal(new byte[3000], fileSystem.GetExtendedAttribute("/tree/text", "user.a"));
            Assert.Equal(HostAttributes.List(root + "/tree/text").Order(), fileSystem.ListExtendedAttributes("/tree/text").Order());
            using GuestFileSystem sub = fileSystem.GetMount("rw,subvol=/snapshot,noatime");
            HostTree.AssertEqual(root + "/snapshot", sub);
            Assert.Equal("BtrfsSubvolumeMissing", Assert.Throws<V2VException>(() => fileSystem.GetMount("subvol=tree")).ErrorId);
            Assert.Equal(["", "subvol=/sub"], fileSystem.GetRootCandidates());
        });
    }

    [Theory]
    [InlineData("-m raid1 -d raid1", 2, 1)]
    [InlineData("-m raid10 -d raid10", 4, 1)]
    [InlineData("-m raid1c3 -d raid1c3", 3, 2)]
    [InlineData("-m raid5 -d raid5", 3, 1)]
    [InlineData("-m raid6 -d raid6", 4, 2)]
    [InlineData("-m raid6 -d raid6", 5, 2)]
    public void Missing_devices_are_made_up_for(string arguments, int devices, int missing)
    {
        Tool.RequireRoot();
        using var image = new BtrfsImage(256L << 20, devices, arguments.Split(' '));
        image.Mounted(writable: true, "", root => HostTree.Populate(root + "/tree", seed: 5, large: false));
        image.Mounted(writable: false, "", root =>
        {
            for (int first = 0; first < devices; first++)
            {
                int[] present = [.. Enumerable.Range(0, devices).Where(d => (d - first + devices) % devices >= missing)];
                using BtrfsFileSystem fileSystem = image.Open(writable: false, present);
                HostTree.AssertEqual(root, fileSystem);
            }
        });
        using BtrfsFileSystem whole = image.Open(writable: false);
    }

    [Fact]
    public void A_damaged_copy_is_passed_over()
    {
        Tool.RequireRoot();
        using var image = new BtrfsImage(256L << 20, 2, "-m", "raid1", "-d", "raid1");
        image.Mounted(writable: true, "", root => HostTree.Populate(root + "/tree", seed: 5, large: false));
        var random = new Random(3);
        foreach (string path in image.Paths)
        {
            // Each device loses what the other has: every other 64 KiB behind the first superblock.
            using FileStream file = File.OpenWrite(path);
            var noise = new byte[65536];
            random.NextBytes(noise);
            for (long at = (2 << 20) + (path == image.Paths[0] ? 0 : 65536); at < 60L << 20; at += 131072)
            {
                file.Position = at;
                file.Write(noise);
            }
        }

        using BtrfsFileSystem fileSystem = image.Open(writable: false);
        foreach (DirectoryEntry entry in fileSystem.EnumerateDirectory("/tree"))
        {
            if (entry.Type == GuestFileType.File)
            {
                fileSystem.ReadAllBytes("/tree/" + entry.Name);
            }
        }
    }
}
