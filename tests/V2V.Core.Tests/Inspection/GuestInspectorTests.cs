using V2V.Core.Inspection;
using V2V.Core.Sources;
using V2V.Core.Tests.Guest;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Inspection;

public class GuestInspectorTests
{
    private static readonly (string, string)[] s_debian =
    [
        ("/etc/os-release", "ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"Debian 12\"\n"), ("/etc/debian_version", "12.1"), ("/etc/hosts", ""), ("/bin/", ""),
        ("/boot/vmlinuz-6.1", "kernel"), ("/var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\n"), ("/boot/grub/grub.cfg", "menuentry d { linux /boot/vmlinuz-6.1\n}\n"),
    ];

    [Fact]
    public void PhonyDebianIsToldFromFilesAlone()
    {
        var disk = new MemoryBlockDevice(TestDisk.Fixture());
        V2VInspection found = TestDisk.Inspect([disk]);
        Assert.Equal(("linux", "debian", "12.5", "Debian GNU/Linux 12 (bookworm)"), (found.OsType, found.Distro, found.Version.ToString(), found.ProductName));
        Assert.Equal(("x86_64", "phony", "debian12", "deb", "apt", "systemd"),
            (found.Architecture, found.HostName, found.OsInfoId, found.PackageFormat, found.PackageManager, found.InitSystem));
        Assert.Equal((FirmwareType.Bios, 0, "sda2"), (found.Firmware, found.BootDiskIndex, found.RootDevice));
        Assert.Equal(new BootLoaderInfo("grub2", "/boot/grub/grub.cfg", null), found.BootLoader);
        Assert.Equal(["sda1", "sda2", "sda3"], found.Volumes.Select(v => v.Device));
        Assert.Equal(["ext4", "ext4", "swap"], found.Volumes.Select(v => v.FileSystem));
        Assert.Equal("5eed0001-02", found.Volumes[1].PartitionUuid);
        Assert.Equal([("/", "sda2"), ("/boot", "sda1")], found.Mounts.Select(m => (m.MountPoint, m.Device)));
        Assert.Equal(["open-vm-tools", "linux-image-6.1.0-18-amd64"], found.Applications.Select(a => a.Name));
        Assert.Equal("open-vm-tools", Assert.Single(found.GuestTools).Name);
        KernelInfo kernel = Assert.Single(found.Kernels);
        Assert.Equal(("6.1.0-18-amd64", "linux-image-6.1.0-18-amd64", "/boot/vmlinuz-6.1.0-18-amd64", "/boot/initrd.img-6.1.0-18-amd64", "gzip"),
            (kernel.Version, kernel.Package, kernel.ImagePath, kernel.InitramfsPath, kernel.InitramfsCompression));
        Assert.Equal(("/usr/lib/modules/6.1.0-18-amd64", "usr/lib/modules/6.1.0-18-amd64", true), (kernel.ModulesPath, kernel.InitramfsModulesPath, kernel.InitramfsIsUsrMerged));
        Assert.Equal(["vmw_pvscsi"], kernel.InitramfsModules);
        Assert.Equal((true, false, true, false, true), (kernel.HasVirtioBlk, kernel.HasVirtioScsi, kernel.HasVirtioNet, kernel.InitramfsHasVirtio, kernel.IsDefault));
        NetworkInfo network = Assert.Single(found.Networks);
        Assert.Equal(("ens192", "00:50:56:00:00:01", "static", "192.0.2.1"), (network.InterfaceName, network.MacAddress, network.Method, network.Gateway));
        Assert.Empty(found.Blockers);
        Assert.Contains("/dev/mapper/data", Assert.Single(found.Warnings), StringComparison.Ordinal);
        Assert.InRange(disk.BytesRead, 1, 2 << 20);
    }

    [Fact]
    public void SourceThatContradictsItsDisksIsWarnedOf()
    {
        V2VInspection found = TestDisk.Inspect([new MemoryBlockDevice(TestDisk.Fixture())], firmware: FirmwareType.Uefi);
        Assert.Equal(FirmwareType.Uefi, found.Firmware);
        Assert.Contains(found.Warnings, w => w.Contains("UEFI", StringComparison.Ordinal));
    }

    [Fact]
    public void AnOverlayOnEtcIsRefusedByName()
    {
        using var directory = new TemporaryDirectory();
        string root = TestDisk.Ext4(directory, 8, null, [.. s_debian, ("/etc/fstab", "overlay /etc overlay defaults,lowerdir=/sysroot/etc,upperdir=/var/lib/overlay/1/etc 0 0\n")]);
        V2VInspection found = TestDisk.Inspect([FileDevice.Open(TestDisk.Make(directory, ("L", 8, root)))]);
        Assert.Equal("InspectionReadOnlyRoot", Assert.Single(found.Blockers).ErrorId);
    }

    [Fact]
    public void ASystemThatOstreeDeploysIsRefusedByName()
    {
        using var directory = new TemporaryDirectory();
        string root = TestDisk.Ext4(directory, 8, null, [("/ostree/repo/config", ""), ("/ostree/deploy/fedora-coreos/deploy/0.origin", ""), ("/boot/", "")]);
        V2VInspection found = TestDisk.Inspect([FileDevice.Open(TestDisk.Make(directory, ("L", 8, root)))]);
        Assert.Equal(("linux", "InspectionOstreeUnsupported", "sda1"), (found.OsType, Assert.Single(found.Blockers).ErrorId, found.RootDevice));
    }

    [Fact]
    public void SeveralRootsAreNeverGuessed()
    {
        using var directory = new TemporaryDirectory();
        string first = TestDisk.Ext4(directory, 8, null, s_debian), second = TestDisk.Ext4(directory, 8, null, [.. s_debian.Skip(2), ("/etc/alpine-release", "3.19.1")]);
        string disk = TestDisk.Make(directory, ("L", 8, first), ("L", 8, second));
        V2VException e = Assert.Throws<V2VException>(() => TestDisk.Inspect([disk]));
        Assert.Equal("InspectionSeveralRoots", e.ErrorId);
        Assert.Contains("sda1 (Debian 12), sda2 (Alpine Linux v3.19.1)", e.Message, StringComparison.Ordinal);
        Assert.Equal("InspectionSeveralRoots", Assert.Throws<V2VException>(() => TestDisk.Inspect([disk], new() { Root = "single" })).ErrorId);
        Assert.Equal("sda1", TestDisk.Inspect([disk], new() { Root = "first" }).RootDevice);
        V2VInspection found = TestDisk.Inspect([disk], new() { Root = "/dev/sda2" });
        Assert.Equal(("sda2", "alpine"), (found.RootDevice, found.Distro));
        Assert.Equal(["sda1", "sda2"], found.Roots);
        Assert.Equal("InspectionRootNotFound", Assert.Throws<V2VException>(() => TestDisk.Inspect([disk], new() { Root = "sda3" })).ErrorId);
    }

    [Fact]
    public void DiskWithoutSystemIsReported()
    {
        V2VInspection found = TestDisk.Inspect([new MemoryBlockDevice(1 << 20)]);
        Assert.Equal("unknown", found.OsType);
        Assert.Equal("InspectionNoOperatingSystem", Assert.Single(found.Blockers).ErrorId);

        using var directory = new TemporaryDirectory();
        string data = TestDisk.Ext4(directory, 8, null, ("/photos/cat", "x"));
        Assert.Equal("InspectionNoOperatingSystem", Assert.Single(TestDisk.Inspect([data]).Blockers).ErrorId);
    }

    [Fact]
    public void NoDisksAreNoSystem() => Assert.Equal("InspectionNoOperatingSystem", Assert.Single(TestDisk.Inspect((IReadOnlyList<BlockDevice>)[]).Blockers).ErrorId);

    [Fact]
    public void UnknownDistributionBlocksUnlessItsPackagesTell()
    {
        using var directory = new TemporaryDirectory();
        (string, string)[] files = [.. s_debian.Skip(2), ("/etc/os-release", "ID=martian\nPRETTY_NAME=\"Mars 1\"\n")];
        Assert.Empty(TestDisk.Inspect([TestDisk.Ext4(directory, 16, null, files)]).Blockers);
        string root = TestDisk.Ext4(directory, 16, null, [.. files.Where(f => f.Item1 != "/var/lib/dpkg/status")]);
        V2VInspection found = TestDisk.Inspect([root]);
        Assert.Equal(("linux", "unknown", "sda"), (found.OsType, found.Distro, found.RootDevice));
        BlockerInfo blocker = Assert.Single(found.Blockers);
        Assert.Equal("InspectionUnknownDistribution", blocker.ErrorId);
        Assert.Contains("Mars 1", blocker.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("InspectionWindowsUnsupported", "mkntfs", 16, "-QqF")]
    public void OtherFileSystemsAreNamed(string errorId, string program, int size, string option)
    {
        using var directory = new TemporaryDirectory();
        string image = TestDisk.Format(directory, size, program, option);
        string disk = TestDisk.Make(directory, ("L", size, image));
        V2VInspection found = TestDisk.Inspect([disk]);
        BlockerInfo blocker = Assert.Single(found.Blockers);
        Assert.Equal((errorId, "sda1"), (blocker.ErrorId, blocker.Target));
        Assert.Equal(errorId == "InspectionWindowsUnsupported" ? "windows" : "unknown", found.OsType);
    }

    [Theory]
    [InlineData("luks1", "LuksKeyMissing")]
    [InlineData("luks2", "LuksHeaderDamaged")]
    [InlineData("lvm2", "InspectionLvmUnsupported")]
    [InlineData("mdraid", "InspectionNoOperatingSystem")]
    [InlineData("mdraid-1", "InspectionNoOperatingSystem")]
    public void EncryptedAndStackedVolumesAreNamed(string image, string errorId)
    {
        string packed = Corpus.Require($"lvm-md/util-linux/{image}.img.xz");
        Tool.Require("xz", "sh");
        using var directory = new TemporaryDirectory();
        Tool.Run("sh", "-c", $"xz -dc '{packed}' > '{directory.File("disk")}'");
        V2VInspection found = TestDisk.Inspect([directory.File("disk")]);
        Assert.Equal(("unknown", errorId), (found.OsType, Assert.Single(found.Blockers).ErrorId));
    }

    [Fact]
    public void MountsOfTheGuestAreFollowedOverSeveralDisks()
    {
        Tool.Require("mkfs.xfs");
        using var directory = new TemporaryDirectory();
        string fstab = "LABEL=root / ext4 defaults 0 1\n/dev/sdb1 //var/ ext4 defaults 0 2\nPARTLABEL=none /opt ext4 defaults 0 2\nLABEL=xdata /srv xfs defaults 0 2\n"
            + "UUID=gone /mnt/x ext4 nofail 0 0\nproc /proc proc defaults 0 0\n/dev/sdb1 /media/x ext4 defaults 0 0\n/var /srv/bind none bind 0 0\nserver:/e /nfs nfs defaults 0 0\n";
        string root = TestDisk.Ext4(directory, 16, "-L root", [.. s_debian.Where(f => !f.Item1.StartsWith("/var", StringComparison.Ordinal)), ("/etc/fstab", fstab), ("/var/", ""), ("/srv/", "")]);
        string var = TestDisk.Ext4(directory, 16, null, ("/lib/dpkg/status", "Package: fromvar\nStatus: install ok installed\nVersion: 1\n"), ("/log/", ""));
        string xfs = TestDisk.Format(directory, 320, "mkfs.xfs", "-q", "-L", "xdata");
        V2VInspection found = TestDisk.Inspect([TestDisk.Make(directory, ("L", 16, root), ("L", 320, xfs)), TestDisk.Make(directory, ("L", 16, var))]);
        Assert.Equal([("/", "sda1", "LABEL=root"), ("/srv", "sda2", "LABEL=xdata"), ("/var", "sdb1", "/dev/sdb1")], found.Mounts.Select(m => (m.MountPoint, m.Device, m.Spec)));
        Assert.Equal("fromvar", Assert.Single(found.Applications).Name);
        Assert.Contains("PARTLABEL=none", Assert.Single(found.Warnings), StringComparison.Ordinal);
        Assert.Empty(found.Blockers);
    }

    [Fact]
    public void EssentialMountsThatCannotBeOpenedBlock()
    {
        Tool.Require("mkfs.xfs");
        using var directory = new TemporaryDirectory();
        string root = TestDisk.Ext4(directory, 16, "-L root", [.. s_debian, ("/etc/fstab", "LABEL=xboot /boot xfs defaults 0 2\n/dev/vg/usr /usr ext4 defaults 0 2\n/dev/md0 /var ext4 defaults 0 2\n")]);
        using (FileStream log = File.Create(directory.File("log")))
        {
            log.SetLength(64 << 20);
        }

        string xfs = TestDisk.Format(directory, 320, "mkfs.xfs", "-q", "-L", "xboot", "-l", $"logdev={directory.File("log")}");
        V2VInspection found = TestDisk.Inspect([TestDisk.Make(directory, ("L", 16, root), ("L", 320, xfs))]);
        Assert.Equal(["InspectionFileSystemUnsupported", "InspectionVolumeMissing", "InspectionArrayMissing"], found.Blockers.Select(b => b.ErrorId));
    }

    [Theory]
    [InlineData("UUID=gone", "defaults", "InspectionMountMissing")]
    [InlineData("UUID=gone", "noauto", "InspectionMountMissing")]
    [InlineData("UUID=gone", "nofail", "")]
    [InlineData("/dev/disk/by-id/scsi-36000c29aaaa-part1", "defaults", "InspectionMountMissing")]
    [InlineData("/dev/disk/by-id/scsi-36000c29bbbb-part2", "defaults", "")]
    [InlineData("/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:1:0-part1", "defaults", "")]
    [InlineData("/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:2:0-part1", "defaults", "InspectionMountMissing")]
    public void WhatEditsNeedMustBeThere(string spec, string options, string errorId)
    {
        using var directory = new TemporaryDirectory();
        string root = TestDisk.Ext4(directory, 16, null, [.. s_debian, ("/etc/fstab", $"/dev/disk/by-id/scsi-36000c29bbbb-part1 / ext4 defaults 0 1\n{spec} /usr ext4 {options} 0 2\n"), ("/usr/", "")]);
        string usr = TestDisk.Ext4(directory, 16, null, ("/share/", ""));
        V2VInspection found = TestDisk.Inspect([TestDisk.Make(directory, ("L", 16, root), ("L", 16, usr)), TestDisk.Make(directory, ("L", 16, usr))]);
        Assert.Equal(errorId, string.Join(' ', found.Blockers.Select(b => b.ErrorId)));
        Assert.Equal(errorId.Length == 0 && options == "defaults", found.Mounts.Any(m => m.MountPoint == "/usr"));
    }

    [Fact]
    public void EspIsReadAndFoundWithoutFstab()
    {
        Tool.Require("mkfs.fat", "mmd", "mcopy");
        using var directory = new TemporaryDirectory();
        string esp = TestDisk.Format(directory, 40, "mkfs.fat", "-F", "32", "-n", "ESP");
        File.WriteAllText(directory.File("loader"), "MZ");
        Tool.Run("mmd", "-i", esp, "::/EFI", "::/EFI/BOOT", "::/EFI/debian");
        Tool.Run("mcopy", "-i", esp, directory.File("loader"), "::/EFI/BOOT/bootx64.efi");
        byte[] elf = [0x7F, .. "ELF"u8, 2, 1, .. new byte[12], 62, 0];
        string root = TestDisk.Ext4(directory, 16, null, [.. s_debian, ("/boot/efi/", ""), ("/bin/sh", System.Text.Encoding.Latin1.GetString(elf))]);
        V2VInspection found = TestDisk.Inspect([TestDisk.Make(directory, ("U", 40, esp), ("L", 16, root))]);
        Assert.Equal([("/", "sda2"), ("/boot/efi", "sda1")], found.Mounts.Select(m => (m.MountPoint, m.Device)));
        Assert.Equal((FirmwareType.Uefi, 0), (found.Firmware, found.BootDiskIndex));
        Assert.Equal(new BootLoaderInfo("grub2", "/boot/grub/grub.cfg", true), found.BootLoader);
    }

    [Fact]
    public void FullFileSystemBlocks()
    {
        using var directory = new TemporaryDirectory();
        string root = TestDisk.Ext4(directory, 16, "-m 0 -O ^has_journal", [.. s_debian, ("/fill", new string('x', 13 << 20))]);
        BlockerInfo blocker = Assert.Single(TestDisk.Inspect([root]).Blockers);
        Assert.Equal(("InspectionNoFreeSpace", "/"), (blocker.ErrorId, blocker.Target));
    }

    [Fact]
    public void HugeFstabBlocksAndIsNotRead()
    {
        using var directory = new TemporaryDirectory();
        string root = TestDisk.Ext4(directory, 64, null, [.. s_debian, ("/etc/fstab", new string('#', 8 << 20))]);
        Assert.Equal("InspectionFstabUnreadable", Assert.Single(TestDisk.Inspect([root]).Blockers).ErrorId);
    }

    [Fact]
    public void GuestWithoutKernelBlocks()
    {
        using var directory = new TemporaryDirectory();
        string root = TestDisk.Ext4(directory, 16, null, [.. s_debian.Where(f => !f.Item1.StartsWith("/boot", StringComparison.Ordinal))]);
        V2VInspection found = TestDisk.Inspect([root]);
        Assert.Equal("InspectionNoKernel", Assert.Single(found.Blockers).ErrorId);
        Assert.Null(found.BootLoader);
    }

    [Fact]
    public void HibernatedGuestBlocks()
    {
        byte[] disk = TestDisk.Fixture();
        "S1SUSPEND\0"u8.CopyTo(disk.AsSpan((43008 * 512) + 4096 - 10));
        V2VInspection found = TestDisk.Inspect([new MemoryBlockDevice(disk)]);
        Assert.Contains(found.Blockers, b => b is { ErrorId: "InspectionHibernated", Target: "sda3" });
    }

    [Fact]
    public void BrokenPartitionTableOfOneDiskDoesNotHideTheOther()
    {
        byte[] broken = new byte[1 << 20];
        (broken[510], broken[511], broken[446 + 4], broken[446 + 8], broken[446 + 12]) = (0x55, 0xAA, 0xEE, 1, 255);
        V2VInspection found = TestDisk.Inspect([new MemoryBlockDevice(broken), new MemoryBlockDevice(TestDisk.Fixture())]);
        Assert.Equal("sdb2", found.RootDevice);
        Assert.Contains(found.Warnings, w => w.Contains("partition table of sda", StringComparison.Ordinal));
    }

    [Fact]
    public void DamagedDisksGiveErrorsOfOurOwn()
    {
        byte[] whole = TestDisk.Fixture();
        int[] used = [.. Enumerable.Range(0, whole.Length / 512).Where(s => whole.AsSpan(s * 512, 512).ContainsAnyExcept((byte)0))];
        var random = new Random(42);
        for (int i = 0; i < 200; i++)
        {
            byte[] damaged = whole.ToArray();
            for (int flips = random.Next(1, 40); flips > 0; flips--)
            {
                damaged[(used[random.Next(used.Length)] * 512) + random.Next(512)] ^= (byte)(1 << random.Next(8));
            }

            if (random.Next(8) == 0)
            {
                damaged = damaged[..random.Next(damaged.Length)];
            }

            try
            {
                TestDisk.Inspect([new MemoryBlockDevice(damaged)], new() { Root = "first" });
            }
            catch (V2VException)
            {
            }
        }
    }

    [Fact]
    public void CancellationEndsTheInspection()
    {
        using var disks = Core.Guest.GuestDisks.Open([new MemoryBlockDevice(TestDisk.Fixture())]);
        var source = new V2VSource { Name = "guest", Path = "/x" };
        Assert.ThrowsAny<OperationCanceledException>(() => GuestInspector.Inspect(source, disks, new(), new CancelledObserver()));
    }

    private sealed class CancelledObserver : IOperationObserver
    {
        public CancellationToken CancellationToken => new(canceled: true);

        public void Progress(OperationProgress progress)
        {
        }

        public void Warning(string message)
        {
        }

        public void Verbose(string message)
        {
        }
    }
}
