using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.FileSystems;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Inspection;

/// <summary>Guests whose root is a subvolume, beside others and snapshots, on one disk or two.</summary>
public class BtrfsRootTests
{
    private static readonly (string Path, string Text)[] s_debian =
    [
        ("/etc/os-release", "ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"Debian 12\"\n"), ("/etc/debian_version", "12.1"), ("/etc/hosts", ""), ("/bin/sh", ""),
        ("/boot/vmlinuz-6.1", "kernel"), ("/var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\n"),
        ("/boot/grub/grub.cfg", "menuentry d { linux /@rootfs/boot/vmlinuz-6.1\n}\n"),
        ("/etc/fstab", "LABEL=guest / btrfs defaults,subvol=@rootfs 0 0\nLABEL=guest /home btrfs subvol=/@home,noatime 0 0\n"),
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_subvolume_of_fstab_is_the_root(int disks)
    {
        Tool.RequireRoot();
        Tool.Require("mkfs.btrfs", "btrfs", "losetup");
        using var directory = new TemporaryDirectory();
        string[] paths = [.. Enumerable.Range(0, disks).Select(i => directory.File($"disk{i}"))];
        foreach (string path in paths)
        {
            using FileStream file = File.Create(path);
            file.SetLength(256 << 20);
        }

        Tool.Run("mkfs.btrfs", ["-q", "-L", "guest", .. disks > 1 ? ["-m", "raid1", "-d", "raid0"] : Array.Empty<string>(), .. paths]);
        Mounted(directory, paths, root =>
        {
            Tool.Run("btrfs", "subvolume", "create", root + "/@rootfs");
            Tool.Run("btrfs", "subvolume", "create", root + "/@home");
            foreach ((string path, string text) in s_debian)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(root + "/@rootfs" + path)!);
                File.WriteAllText(root + "/@rootfs" + path, text);
            }

            Directory.CreateDirectory(root + "/@rootfs/home");
            File.WriteAllText(root + "/@home/mine", "mine");
            Directory.CreateDirectory(root + "/@rootfs/.snapshots/1");
            Tool.Run("btrfs", "subvolume", "snapshot", "-r", root + "/@rootfs", root + "/@rootfs/.snapshots/1/snapshot");
        });
        V2VInspection found = TestDisk.Inspect(paths);
        Assert.Equal(("linux", "debian", "sda"), (found.OsType, found.Distro, found.RootDevice));
        Assert.Equal(["sda"], found.Roots);
        Assert.Equal([("/", "sda"), ("/home", "sda")], found.Mounts.Select(m => (m.MountPoint, m.Device)));
        List<BlockDevice> devices = [.. paths.Select(p => (BlockDevice)FileDevice.Open(p, writable: true))];
        using (GuestDisks opened = GuestDisks.Open(devices, ownsDevices: true))
        {
            GuestTree tree = GuestTree.Mount(opened, found.Mounts, writable: true);
            Assert.Equal("mine", tree.ReadAllText("/home/mine"));
            tree.WriteAllBytes("/etc/new", "new"u8, new FileMetadata(0x1A4));
            tree.WriteAllBytes("/home/new", "newer"u8, new FileMetadata(0x1A4));
        }

        Mounted(directory, paths, root =>
        {
            Assert.Equal("new", File.ReadAllText(root + "/@rootfs/etc/new"));
            Assert.Equal("newer", File.ReadAllText(root + "/@home/new"));
            Assert.False(File.Exists(root + "/@rootfs/.snapshots/1/snapshot/etc/new"));
        });
    }

    [Fact]
    public void A_root_that_is_a_read_only_snapshot_is_refused_by_name()
    {
        Tool.RequireRoot();
        Tool.Require("mkfs.btrfs", "btrfs", "losetup");
        using var directory = new TemporaryDirectory();
        string path = directory.File("disk");
        using (FileStream file = File.Create(path))
        {
            file.SetLength(256 << 20);
        }

        Tool.Run("mkfs.btrfs", "-q", "-L", "guest", path);
        Mounted(directory, [path], root =>
        {
            Tool.Run("btrfs", "subvolume", "create", root + "/@rootfs");
            foreach ((string name, string text) in s_debian)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(root + "/@rootfs" + name)!);
                File.WriteAllText(root + "/@rootfs" + name, text);
            }

            Tool.Run("btrfs", "property", "set", "-ts", root + "/@rootfs", "ro", "true");
        });
        BlockerInfo blocker = Assert.Single(TestDisk.Inspect([path]).Blockers, b => b.ErrorId == "InspectionReadOnlyRoot");
        Assert.Contains("transactional-update", blocker.Advice, StringComparison.Ordinal);
    }

    private static void Mounted(TemporaryDirectory directory, string[] paths, Action<string> action)
    {
        string mountPoint = directory.File("mnt");
        var loops = new List<string>();
        try
        {
            loops.AddRange(paths.Select(p => Tool.Run("losetup", "-f", "--show", p).Trim()));
            using var mount = new LoopMount(loops[0], mountPoint, string.Join(',', loops.Select(l => "device=" + l)), "btrfs");
            action(mountPoint);
        }
        finally
        {
            loops.ForEach(l => Tool.Run("losetup", "-d", l));
        }
    }
}
