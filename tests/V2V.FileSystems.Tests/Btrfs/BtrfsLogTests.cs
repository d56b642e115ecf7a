using V2V.FileSystems.Btrfs;
using V2V.FileSystems.Tests.Ext;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Btrfs;

/// <summary>Images taken while they were mounted, right after fsync: what was synced is there, as the kernel's own replay shows it.</summary>
public class BtrfsLogTests
{
    [Theory]
    [InlineData("", "", 1)]
    [InlineData("-n 4096", "compress-force=zstd:1", 2)]
    [InlineData("-n 4096 -O ^no-holes,^skinny-metadata -R ^free-space-tree", "", 3)]
    [InlineData("--csum sha256", "compress-force=lzo", 4)]
    [InlineData("-M -n 4096", "", 5)]
    [InlineData("-m raid1 -d raid0", "", 6)]
    public void What_was_synced_is_there(string arguments, string options, int seed)
    {
        Tool.RequireRoot();
        int devices = arguments.Contains("raid", StringComparison.Ordinal) ? 2 : 1;
        using var image = new BtrfsImage(200L << 20, devices, arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        using var ours = new BtrfsImage(200L << 20, devices);
        image.Mounted(writable: true, options, root =>
        {
            Tool.Run("btrfs", "subvolume", "create", root + "/sub");
            foreach (string top in (string[])[root, root + "/sub"])
            {
                for (int i = 0; i < 60; i++)
                {
                    File.WriteAllBytes($"{top}/file{i}", HostTree.Bytes(new Random(i), (i * 911) + 1));
                }

                Directory.CreateDirectory(top + "/dir");
            }

            Tool.Run("sync", "-f", root);
            Change(root, new Random(seed));
            Change(root + "/sub", new Random(seed + 100));
            Change(root, new Random(seed + 200));
            for (int i = 0; i < devices; i++)
            {
                File.Copy(image.Paths[i], ours.Paths[i], overwrite: true);
            }
        });
        for (int i = 0; i < devices; i++)
        {
            File.Copy(ours.Paths[i], image.Paths[i], overwrite: true);
        }

        byte[] before = File.ReadAllBytes(ours.Paths[0]);
        using (BtrfsFileSystem fileSystem = ours.Open(writable: false))
        {
            // The kernel replays its copy, we ours.
            image.Mounted(writable: true, "", root => HostTree.AssertEqual(root, fileSystem));
        }

        Assert.True(before.AsSpan().SequenceEqual(File.ReadAllBytes(ours.Paths[0])));
        ours.Open(writable: true).Dispose();
        ours.Check();
        image.Mounted(writable: false, "", root =>
        {
            using BtrfsFileSystem fileSystem = ours.Open(writable: false);
            HostTree.AssertEqual(root, fileSystem);
        });
        ours.Mounted(writable: true, "", BtrfsImage.Scrub);
    }

    private static void Change(string root, Random random)
    {
        for (int i = 0; i < 25; i++)
        {
            string path = $"{root}/file{random.Next(80)}";
            string other = $"{root}/{(random.Next(2) == 0 ? "" : "dir/")}other{random.Next(1000)}";
            switch (random.Next(7))
            {
                case 0 when File.Exists(path):
                    File.Delete(path);
                    break;
                case 1 when File.Exists(path):
                    File.Move(path, other);
                    path = other;
                    break;
                case 2 when File.Exists(path):
                    Tool.Run("ln", path, other);
                    break;
                case 3:
                    Tool.Run("truncate", "-s", random.Next(100_000).ToString(System.Globalization.CultureInfo.InvariantCulture), path);
                    break;
                case 4:
                    path = other;
                    File.WriteAllBytes(path, HostTree.Bytes(random, random.Next(200_000)));
                    HostAttributes.Set(path, "user.x", "value"u8.ToArray());
                    break;
                default:
                    using (FileStream file = File.OpenWrite(path))
                    {
                        file.Position = random.Next(150_000);
                        file.Write(HostTree.Bytes(random, random.Next(60_000)));
                    }

                    break;
            }

            if (File.Exists(path) && random.Next(2) == 0)
            {
                Tool.Run("sync", path);
            }
        }

        Tool.Run("sync", root + "/dir");
    }
}
