using System.Text;
using V2V.Core.Conversion;
using V2V.Core.Conversion.Linux;
using V2V.Core.Conversion.Linux.Initramfs;
using V2V.Core.Inspection;
using V2V.Storage;
using V2V.Testing;
using Xunit;
using ZstdSharp;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>The archive that is appended to an initramfs, judged by cpio, and what is said of it.</summary>
public sealed class InitramfsTests
{
    private static readonly string[] s_added =
    [
        "virtio_blk", "net_failover", "virtio_net", "sd-extra", "virtio_scsi", "virtio", "virtio_pci", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_ring", "failover",
    ];

    [Fact]
    public void CpioReadsTheAppendedArchive()
    {
        Tool.Require("cpio");
        PhonyGuest guest = new PhonyGuest().AddModules();
        byte[] before = MainArchive();
        guest.Root.Add("/boot/initrd.img-" + PhonyGuest.Kernel, before);
        guest.Apply(new InitramfsStep());
        byte[] after = guest.Tree.ReadAllBytes("/boot/initrd.img-" + PhonyGuest.Kernel);
        Assert.True(after.AsSpan().StartsWith(before));
        int start = after.AsSpan(before.Length).IndexOf("070701"u8) + before.Length;
        Assert.Equal(0, start % 4);
        Assert.True(after.AsSpan(before.Length, start - before.Length).IndexOfAnyExcept((byte)0) < 0);
        using var directory = new TemporaryDirectory();
        File.WriteAllBytes(directory.File("segment"), after[start..]);
        string list = Tool.Run("sh", "-c", $"cd '{directory.Path}' && cpio -idm --quiet < segment && find usr lib -type f 2>/dev/null | sort; cpio -t --quiet < segment");
        foreach (string module in s_added)
        {
            Assert.Contains($"/{module}.ko\n", list, StringComparison.Ordinal);
        }

        // Nothing may replace a link on the way, nor repeat what is there.
        string[] names = Tool.Run("sh", "-c", $"cpio -t --quiet < '{directory.File("segment")}'").Split('\n');
        Assert.DoesNotContain("lib", names);
        Assert.DoesNotContain("usr", names);
        Assert.DoesNotContain("usr/lib/modules/" + PhonyGuest.Kernel, names);
        Assert.Contains("usr/lib/modules/" + PhonyGuest.Kernel + "/kernel/drivers/virtio", names);
        Assert.DoesNotContain(names, n => n.EndsWith("vmw_pvscsi.ko", StringComparison.Ordinal));
        string index = File.ReadAllText(directory.File("usr/lib/modules/" + PhonyGuest.Kernel + "/modules.dep"));
        Assert.Contains("vmw_pvscsi.ko:", index, StringComparison.Ordinal);
        Assert.Equal(
            PhonyGuest.Fixture("full")["lib/modules/" + PhonyGuest.Kernel + "/kernel/drivers/block/virtio_blk.ko"],
            File.ReadAllBytes(directory.File("usr/lib/modules/" + PhonyGuest.Kernel + "/kernel/drivers/block/virtio_blk.ko")));
    }

    [Theory]
    [InlineData("xz", true)]
    [InlineData("zst", true)]
    [InlineData("gz", true)]
    [InlineData("zst", false)]
    public void CompressedModulesFollowTheFormOfTheInitramfs(string form, bool isPlainInside)
    {
        PhonyGuest guest = new PhonyGuest().AddModules(form);
        string suffix = isPlainInside ? "" : "." + form;
        guest.Root.Add("/boot/initrd.img-" + PhonyGuest.Kernel, MainArchive(suffix));
        guest.Apply(new InitramfsStep());
        byte[] after = guest.Tree.ReadAllBytes("/boot/initrd.img-" + PhonyGuest.Kernel);
        string text = Encoding.Latin1.GetString(after);
        Assert.Contains($"usr/lib/modules/{PhonyGuest.Kernel}/kernel/drivers/block/virtio_blk.ko{suffix}\0", text, StringComparison.Ordinal);
        Assert.Contains($"kernel/drivers/scsi/vmw_pvscsi.ko{suffix}: kernel/drivers/scsi/scsi_mod.ko{suffix}\n", text, StringComparison.Ordinal);
        byte[] plain = PhonyGuest.Fixture("full")["lib/modules/" + PhonyGuest.Kernel + "/kernel/drivers/block/virtio_blk.ko"];
        Assert.Equal(isPlainInside, after.AsSpan().IndexOf(plain) > 0);
    }

    [Fact]
    public void AnInitramfsWithoutModulesGetsThemWhereItsLibIs()
    {
        PhonyGuest guest = new PhonyGuest().AddModules();
        guest.Kernels[0] = guest.Kernels[0] with { InitramfsModules = [], InitramfsModulesPath = null, InitramfsIsUsrMerged = false };
        guest.Root.Add("/boot/initrd.img-" + PhonyGuest.Kernel, MainArchive());
        guest.Apply(new InitramfsStep());
        string text = Encoding.Latin1.GetString(guest.Tree.ReadAllBytes("/boot/initrd.img-" + PhonyGuest.Kernel));
        Assert.Contains($"00000000lib/modules/{PhonyGuest.Kernel}/kernel/drivers/block/virtio_blk.ko\0", text, StringComparison.Ordinal);
        Assert.Contains($"lib/modules/{PhonyGuest.Kernel}/modules.builtin.modinfo", text, StringComparison.Ordinal);
        Assert.DoesNotContain("00000000usr/", text, StringComparison.Ordinal);
    }

    [Fact]
    public void EveryKernelIsGivenVirtio()
    {
        PhonyGuest guest = new PhonyGuest().AddModules();
        guest.Kernels.Add(guest.Kernels[0] with { Version = "1.2.2-v2v", InitramfsPath = "/boot/initrd.img-1.2.2-v2v", IsDefault = false });
        guest.Root.Add("/boot/initrd.img-" + PhonyGuest.Kernel, MainArchive()).Add("/boot/initrd.img-1.2.2-v2v", MainArchive());
        ConversionContext context = guest.Apply(new InitramfsStep());
        Assert.Equal(2, context.Editor.Changes.Count(c => c.Kind == GuestChangeKind.Append));
        Assert.True(context.FirstBoot.RebuildInitramfs);
    }

    [Fact]
    public void WhatIsThereOrCompiledInIsNotAdded()
    {
        PhonyGuest guest = new PhonyGuest().AddModules();
        guest.Kernels[0] = guest.Kernels[0] with { InitramfsModules = PhonyGuest.AllModules };
        guest.Kernels.Add(guest.Kernels[0] with
        {
            Version = "2",
            InitramfsPath = "/boot/initrd.img-2",
            InitramfsModules = [],
            IsDefault = false,
            BuiltIn = ["virtio", "virtio_ring", "virtio_pci", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_blk", "virtio_scsi", "scsi_mod", "sd_mod", "virtio_net", "sd_extra"],
        });
        guest.Root.Add("/boot/initrd.img-" + PhonyGuest.Kernel, MainArchive()).Add("/boot/initrd.img-2", MainArchive());
        Assert.DoesNotContain(guest.Apply(new InitramfsStep()).Editor.Changes, c => c.Kind == GuestChangeKind.Append);
    }

    [Fact]
    public void AKernelWithoutVirtioIsLeftAndSaid()
    {
        PhonyGuest guest = new PhonyGuest().AddModules();
        guest.Kernels[0] = guest.Kernels[0] with { HasVirtioBlk = false, HasVirtioScsi = false, HasVirtioNet = false, Modules = ["e1000"] };
        guest.Root.Add("/boot/initrd.img-" + PhonyGuest.Kernel, MainArchive());
        ConversionContext context = guest.Apply(new InitramfsStep(), new DefaultKernelStep());
        Assert.Empty(context.Editor.Changes);
        Assert.Equal((BlockBus.Sata, "e1000", false), (context.Capabilities.BlockBus, context.Capabilities.NetModel, context.Capabilities.SupportsVirtioScsi));
        Assert.NotEmpty(context.Warnings);
    }

    [Fact]
    public void AnInitrdThatIsAFileSystemKeepsTheOldBus()
    {
        PhonyGuest guest = new PhonyGuest { Distro = "rhel", PackageFormat = "rpm", Version = new Version(3, 9) }.AddModules();
        guest.Kernels[0] = guest.Kernels[0] with { Version = "2.4.21-50.EL", InitramfsModules = [], InitramfsIsFileSystem = true };
        guest.Root.Add("/boot/initrd.img-" + PhonyGuest.Kernel, "an image of ext2").Add("/etc/fstab", "/dev/sda1 / ext3 defaults 1 1\n");
        ConversionContext context = guest.Apply(new DeviceNamesStep(), new DefaultKernelStep(), new InitramfsStep());
        Assert.Equal((BlockBus.Ide, "pc"), (context.Capabilities.BlockBus, context.Capabilities.Machine));
        Assert.Equal("an image of ext2", guest.Text("/boot/initrd.img-" + PhonyGuest.Kernel));
        Assert.Contains(context.Warnings, w => w.Contains("is the image of a file system", StringComparison.Ordinal));
    }

    [Fact]
    public void NamesGoToInitramfsToolsOnce()
    {
        PhonyGuest guest = new PhonyGuest().AddModules();
        guest.Root.Add("/etc/initramfs-tools/modules", "virtio-blk\nsd_mod").Add("/boot/initrd.img-" + PhonyGuest.Kernel, MainArchive());
        guest.Apply(new InitramfsStep());
        string once = guest.Text("/etc/initramfs-tools/modules");
        Assert.Equal(
            "virtio-blk\nsd_mod\n# Added by V2V: the machine's disks and network cards are virtio now.\nvirtio\nvirtio_ring\nvirtio_pci\nvirtio_pci_modern_dev\nvirtio_pci_legacy_dev\n"
            + "virtio_scsi\nscsi_mod\nvirtio_net\nnet_failover\nfailover\n", once);
        guest.Apply(new InitramfsStep());
        Assert.Equal(once, guest.Text("/etc/initramfs-tools/modules"));
    }

    [Fact]
    public void DracutIsToldToo()
    {
        PhonyGuest guest = new PhonyGuest().AddModules();
        guest.Root.AddDirectory("/etc/dracut.conf.d").Add("/boot/initrd.img-" + PhonyGuest.Kernel, MainArchive());
        guest.Apply(new InitramfsStep());
        Assert.Contains("add_drivers+=\" virtio virtio_ring virtio_pci ", guest.Text("/etc/dracut.conf.d/v2v.conf"), StringComparison.Ordinal);
    }

    [Fact]
    public void AnLz4ArchiveIsContinuedByBlocks()
    {
        PhonyGuest guest = new PhonyGuest().AddModules();
        guest.Kernels[0] = guest.Kernels[0] with { InitramfsCompression = "lz4" };
        byte[] main = [0x02, 0x21, 0x4C, 0x18, .. Lz4LegacyFrame.Continue(Archive(""))];
        guest.Root.Add("/boot/initrd.img-" + PhonyGuest.Kernel, main);
        guest.Apply(new InitramfsStep());
        byte[] after = guest.Tree.ReadAllBytes("/boot/initrd.img-" + PhonyGuest.Kernel);
        Assert.True(Lz4LegacyFrame.EndsWithFile(new MemoryStream(after), 0));
        if (Tool.Find("lz4") is not null)
        {
            using var directory = new TemporaryDirectory();
            File.WriteAllBytes(directory.File("i.lz4"), after);
            Tool.Run("sh", "-c", $"cd '{directory.Path}' && lz4 -dc i.lz4 > i.cpio && cpio -t --quiet < i.cpio");
            Assert.Contains("virtio_blk.ko", Encoding.Latin1.GetString(File.ReadAllBytes(directory.File("i.cpio"))), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void AnIndexThatLeadsOutsideIsRefused()
    {
        PhonyGuest guest = new PhonyGuest().AddModules();
        guest.Root.Add("/lib/modules/" + PhonyGuest.Kernel + "/modules.dep", "../../../etc/virtio_blk.ko:\n").Add("/boot/initrd.img-" + PhonyGuest.Kernel, MainArchive());
        Assert.Equal("KernelModuleIndexDamaged", Assert.Throws<V2VException>(() => guest.Apply(new InitramfsStep())).ErrorId);
    }

    [Fact]
    public void DependenciesInACircleEnd()
    {
        PhonyGuest guest = new PhonyGuest().AddModules();
        guest.Root.Add("/lib/modules/" + PhonyGuest.Kernel + "/modules.dep", "a/virtio_blk.ko: a/virtio.ko\na/virtio.ko: a/virtio_blk.ko\n");
        ModuleDependencies modules = ModuleDependencies.Read(guest.Tree, "/lib/modules/" + PhonyGuest.Kernel);
        Assert.Equal(["virtio_blk", "virtio"], modules.Closure(["virtio_blk"]));
    }

    [Theory]
    [InlineData("modules.dep", "modules.dep", "KernelModuleIndexMissing")]
    [InlineData("kernel/drivers/block/virtio_blk.ko", "virtio_blk.ko", "KernelModuleMissing")]
    public void WhatIsLeftOfAnOldKernelIsNoReasonToRefuse(string file, string named, string errorId)
    {
        PhonyGuest guest = new PhonyGuest().AddModules();
        KernelInfo old = PhonyGuest.NewKernel() with { Version = "0.9", ImagePath = "/boot/vmlinuz-0.9", InitramfsPath = "/boot/initrd.img-0.9", ModulesPath = "/lib/modules/0.9", IsDefault = false };
        foreach ((string path, byte[] content) in PhonyGuest.Fixture("full").Where(f => !f.Key.EndsWith(file, StringComparison.Ordinal)))
        {
            guest.Root.Add("/" + path.Replace(PhonyGuest.Kernel, "0.9", StringComparison.Ordinal), content);
        }

        guest.Kernels.Add(old);
        guest.Root.Add("/boot/initrd.img-" + PhonyGuest.Kernel, MainArchive()).Add("/boot/initrd.img-0.9", MainArchive());
        byte[] before = guest.Tree.ReadAllBytes(old.InitramfsPath!);
        ConversionContext context = guest.Apply(new SpaceStep(), new InitramfsStep());
        Assert.Contains(named, Assert.Single(context.Warnings, w => w.Contains("0.9", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Equal(before, guest.Tree.ReadAllBytes(old.InitramfsPath!));
        Assert.True(guest.Tree.ReadAllBytes("/boot/initrd.img-" + PhonyGuest.Kernel).Length > before.Length);

        // The kernel that starts is one.
        guest.Kernels.RemoveAt(0);
        Assert.Equal(errorId, Assert.Throws<V2VException>(() => guest.Apply(new InitramfsStep())).ErrorId);
    }

    [Fact]
    public void ADamagedModuleIsNamed()
    {
        PhonyGuest guest = new PhonyGuest().AddModules("xz");
        string path = "/lib/modules/" + PhonyGuest.Kernel + "/kernel/drivers/block/virtio_blk.ko.xz";
        byte[] damaged = guest.Tree.ReadAllBytes(path);
        damaged.AsSpan(40).Fill(0xA5);
        guest.Root.Add(path, damaged).Add("/boot/initrd.img-" + PhonyGuest.Kernel, MainArchive());
        Assert.Equal("KernelModuleDamaged", Assert.Throws<V2VException>(() => guest.Apply(new InitramfsStep())).ErrorId);
    }

    /// <summary>A compressed archive of a usr-merged guest with one module.</summary>
    internal static byte[] MainArchive(string suffix = "")
    {
        using var compressor = new Compressor();
        return compressor.Wrap(Archive(suffix)).ToArray();
    }

    private static byte[] Archive(string suffix)
    {
        var archive = new CpioWriter();
        foreach (string path in (string[])["scsi/vmw_pvscsi", "scsi/scsi_mod", "scsi/sd_mod"])
        {
            archive.AddFile($"usr/lib/modules/{PhonyGuest.Kernel}/kernel/drivers/{path}.ko{suffix}", "phony"u8);
        }

        return archive.Finish().ToArray();
    }
}
