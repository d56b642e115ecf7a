using V2V.FileSystems.Btrfs;
using V2V.FileSystems.Tests.Ext;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Btrfs;

/// <summary>
/// Quotas as SUSE sets them up: groups above those of the subvolumes. Writing leaves them to be counted anew, which the kernel does at the
/// next mount without being asked; btrfs check then agrees with every number.
/// </summary>
public sealed class BtrfsQuotaTests
{
    [Theory]
    [InlineData("")]
    [InlineData("-n 4096 -O ^skinny-metadata")]
    [InlineData("-O block-group-tree")]
    public void The_kernel_counts_anew_at_the_next_mount(string arguments)
    {
        Tool.RequireRoot();
        using var image = new BtrfsImage(256L << 20, 1, arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        image.Mounted(writable: true, "", root =>
        {
            Tool.Run("btrfs", "quota", "enable", root);
            Tool.Run("btrfs", "qgroup", "create", "1/0", root);
            Tool.Run("btrfs", "subvolume", "create", "-i", "1/0", root + "/work");
            HostTree.Populate(root + "/work/old", seed: 3, large: false);
            Tool.Run("btrfs", "subvolume", "snapshot", "-i", "1/0", root + "/work", root + "/snapshot");
            for (int i = 0; i < 20; i++)
            {
                Tool.Run("btrfs", "qgroup", "create", $"2/{i}", root);
            }

            Tool.Run("sync", "-f", root);
            Tool.Run("btrfs", "quota", "rescan", "-w", root);
        });
        image.Check();
        using (BtrfsFileSystem fileSystem = image.Open(writable: true))
        {
            GuestFileSystem work = fileSystem.GetMount("subvol=work");
            work.CreateDirectory("/new", new FileMetadata(0x1ED));
            for (int i = 0; i < 40; i++)
            {
                work.CreateFile($"/new/{i}", new FileMetadata(0x1A4));
                using Stream stream = work.OpenWrite($"/new/{i}");
                stream.Write(HostTree.Bytes(new Random(i), 40_000));
            }
        }

        image.Check();
        image.Mounted(writable: true, "noatime", root =>
        {
            // Waits; it does not ask for anything.
            Tool.Run("btrfs", "quota", "rescan", "-W", root);
            Tool.Run("sync", "-f", root);
            string counted = Tool.Run("btrfs", "qgroup", "show", "--raw", "--sync", root);
            Assert.DoesNotContain("inconsistent", counted, StringComparison.Ordinal);
            Tool.Run("btrfs", "quota", "rescan", "-w", root);
            Assert.Equal(counted, Tool.Run("btrfs", "qgroup", "show", "--raw", "--sync", root));
        });
        image.Check();
    }
}
