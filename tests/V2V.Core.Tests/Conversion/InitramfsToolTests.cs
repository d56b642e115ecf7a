using System.IO.Compression;
using System.Text;
using V2V.Core.Conversion;
using V2V.Core.Conversion.Linux;
using V2V.Core.Conversion.Linux.Initramfs;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Initramfs;
using V2V.Core.Tests.Guest;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>Images and settings of the tools that build an initramfs, each in its own form; read by cpio and by the shells that the guests use.</summary>
public sealed class InitramfsToolTests
{
    private const string Image = "/boot/initrd.img-" + PhonyGuest.Kernel;

    /// <summary>The order of RHEL 5's: what it says before, between and after is not of interest.</summary>
    private const string NashScript = "#!/bin/nash\n\nmount -t proc /proc /proc\nmkblkdevs\necho \"Loading jbd.ko module\"\ninsmod /lib/jbd.ko \necho \"Loading scsi_mod.ko module\"\ninsmod /lib/scsi_mod.ko\n"
        + "echo \"Loading sd_mod.ko module\"\ninsmod /lib/sd_mod.ko \necho \"Loading mptspi.ko module\"\ninsmod /lib/mptspi.ko\necho Waiting for driver initialization.\n"
        + "stabilized --hash --interval 250 /proc/scsi/scsi\nmkblkdevs\nresume /dev/sda5\necho Creating root device.\nmkrootdev -t ext3 -o defaults,ro /dev/sda1\nmount /sysroot\nswitchroot\n";

    private const string SuseScript = "[ \"$debug\" ] && echo preping 02-start.sh\n[ \"$build_day\" ] || build_day='20100509'\n"
        + "[ \"$RESOLVED_INITRD_MODULES\" ] || RESOLVED_INITRD_MODULES='thermal mptspi virtio-pci ext3 edd'\nmodules=\" $RESOLVED_INITRD_MODULES\"\nsource boot/02-start.sh\n"
        + "[ \"$fallback_rootdev\" ] || fallback_rootdev='/dev/disk/by-id/scsi-36000c29f0e1d2c3b4a5968778695a4b3-part1-with-a-very-long-name'\n[ \"$rootdev\" ] || rootdev='/dev/sda1'\n";

    [Fact]
    public void NashInsertsTheNewModulesAfterThoseTheyNeed()
    {
        Tool.Require("cpio");
        PhonyGuest guest = Guest(InitramfsTool.RedHatMkinitrd, Gzip(Files(("init", NashScript), ("lib/jbd.ko", ""), ("lib/scsi_mod.ko", ""), ("lib/sd_mod.ko", ""), ("lib/mptspi.ko", ""))));
        guest.Kernels[0] = guest.Kernels[0] with { InitramfsModules = [], InitramfsModulesPath = null, InitramfsIsUsrMerged = false, InitramfsCompression = "gzip" };
        guest.Root.Add("/etc/fstab", "/dev/sda1 / ext3 defaults 1 1\n/dev/sda5 swap swap defaults 0 0\n").Add("/etc/modprobe.conf", "alias eth0 e1000\nalias scsi_hostadapter mptspi\nalias scsi_hostadapter1 ata_piix\n");
        ConversionContext context = guest.Apply(new DeviceNamesStep(), new ModuleAliasesStep(), new InitramfsStep());
        Assert.Empty(context.Warnings);
        using var directory = new TemporaryDirectory();
        Unpack(guest, directory, out string names);
        string script = File.ReadAllText(directory.File("init"));
        string[] inserted = [.. NashInit.Inserted(script)];
        Assert.Equal(["jbd", "scsi_mod"], inserted[..2]);
        Assert.Equal(["sd_mod", "mptspi"], inserted[^2..]);
        foreach ((string module, string needs) in ((string, string)[])[("virtio_blk", "virtio_ring"), ("virtio_blk", "virtio"), ("virtio_scsi", "scsi_mod"), ("virtio_pci", "virtio_pci_modern_dev")])
        {
            Assert.InRange(Array.IndexOf(inserted, module), Array.IndexOf(inserted, needs) + 1, inserted.Length);
        }

        Assert.Equal(inserted.Length, inserted.Distinct().Count());
        Assert.All(inserted[2..^2], m => Assert.NotEqual(0, new FileInfo(Directory.GetFiles(directory.File("lib"), m.Replace("_", "?", StringComparison.Ordinal) + ".ko").Single()).Length));
        Assert.Equal("755\n", Tool.Run("stat", "-c", "%a", directory.File("init")));
        // A kernel as old as the phony one belongs to tools that know no UUIDs.
        Assert.Contains("resume /dev/sda5\n", script, StringComparison.Ordinal);
        Assert.Equal(
            "resume UUID=1\nmkrootdev -t ext3 -o defaults,ro UUID=1\ninsmod /dev/x\n",
            NashInit.ReplaceDevices("resume /dev/sda5\nmkrootdev -t ext3 -o defaults,ro /dev/sda1\ninsmod /dev/x\n", _ => "UUID=1"));
        Assert.DoesNotContain("modules.dep", names, StringComparison.Ordinal);
        Assert.DoesNotContain("net_failover", names, StringComparison.Ordinal);
        Assert.Equal("alias eth0 virtio_net\nalias scsi_hostadapter virtio_blk\nalias scsi_hostadapter1 virtio_pci\nalias scsi_hostadapter2 virtio_scsi\n", guest.Text("/etc/modprobe.conf"));
    }

    [Fact]
    public void AnInitWithoutAPlaceForModulesIsSaid()
    {
        PhonyGuest guest = Guest(InitramfsTool.RedHatMkinitrd, Gzip(Files(("init", "#!/bin/nash\nmount -t proc /proc /proc\n"))));
        Assert.Contains(guest.Apply(new InitramfsStep()).Warnings, w => w.Contains("a list that V2V does not know", StringComparison.Ordinal));
        Assert.Equal("#!/bin/nash\ninsmod /lib/b.ko\nmkblkdevs\nmount -o ro /dev/x /sysroot\n",
            NashInit.Edit("#!/bin/nash\nmkblkdevs\nmount -o ro /dev/x /sysroot\n", ["b.ko"], new HashSet<string>())!.Replace("mkblkdevs\necho \"Loading b.ko module\"\n", "", StringComparison.Ordinal));
    }

    [Fact]
    public void SusesListsNameTheNewModules()
    {
        Tool.Require("cpio", "bash");
        PhonyGuest guest = Guest(
            InitramfsTool.SuseMkinitrd,
            Gzip(Files(("run_all.sh", SuseScript), ("config/start.sh", "RESOLVED_INITRD_MODULES='thermal mptspi virtio-pci ext3 edd'\n"), ($"lib/modules/{PhonyGuest.Kernel}/kernel/drivers/scsi/sd_mod.ko", "x"))));
        guest.Kernels[0] = guest.Kernels[0] with { InitramfsModulesPath = "lib/modules/" + PhonyGuest.Kernel, InitramfsIsUsrMerged = false };
        guest.Root.Add("/etc/fstab", "/dev/sda1 / ext3 defaults 1 1\n")
            .Add("/etc/sysconfig/kernel", "# a comment\nINITRD_MODULES=\"thermal mptspi xenblk virtio-pci\"\nDOMU_INITRD_MODULES=\"xennet xenblk\"\nMODULES_LOADED_ON_BOOT=\"\"\n");
        guest.Apply(new DeviceNamesStep(), new InitramfsStep());
        using var directory = new TemporaryDirectory();
        Unpack(guest, directory, out string names);
        Assert.Equal("thermal mptspi virtio-pci ext3 edd virtio_blk virtio_scsi\n", Tool.Run("bash", "-c", $". '{directory.File("config/start.sh")}'; echo $RESOLVED_INITRD_MODULES"));
        string script = File.ReadAllText(directory.File("run_all.sh"));
        Assert.Contains("|| RESOLVED_INITRD_MODULES='thermal mptspi virtio-pci ext3 edd virtio_blk virtio_scsi'\n", script, StringComparison.Ordinal);
        Assert.Contains($"|| rootdev='/dev/disk/by-uuid/{PhonyGuest.RootUuid}'\n", script, StringComparison.Ordinal);
        Assert.InRange(script.Length, SuseScript.Length, int.MaxValue);
        Assert.Contains("modules.dep", names, StringComparison.Ordinal);
        Assert.Equal(
            "# a comment\nINITRD_MODULES=\"thermal mptspi virtio-pci virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_blk virtio_scsi scsi_mod sd_mod virtio_net net_failover failover\"\n"
            + "DOMU_INITRD_MODULES=\"\"\nMODULES_LOADED_ON_BOOT=\"\"\n", guest.Text("/etc/sysconfig/kernel"));
    }

    [Fact]
    public void ArchsListNamesThemForImagesWithoutUdev()
    {
        Tool.Require("cpio", "bash");
        PhonyGuest guest = Guest(InitramfsTool.Mkinitcpio, Gzip(Files(("config", "MODULES=\"ext4\"\nEARLYHOOKS=\"\"\nHOOKS=\"\""), ($"usr/lib/modules/{PhonyGuest.Kernel}/kernel/drivers/scsi/sd_mod.ko", "x"))));
        guest.Root.Add("/etc/mkinitcpio.conf", "# MODULES=(old)\nMODULES=(ext4 vmw_pvscsi)\nBINARIES=()\n");
        guest.Apply(new InitramfsStep());
        using var directory = new TemporaryDirectory();
        Unpack(guest, directory, out _);
        Assert.Equal("ext4 virtio_pci virtio_blk virtio_scsi\n", Tool.Run("bash", "-c", $". '{directory.File("config")}'; echo $MODULES"));
        File.WriteAllText(directory.File("conf"), guest.Text("/etc/mkinitcpio.conf"));
        Assert.StartsWith("ext4 virtio virtio_ring virtio_pci", Tool.Run("bash", "-c", $". '{directory.File("conf")}'; echo ${{MODULES[@]}}"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("moduledependencies:\n    ahci: [libahci]\n    ext4:\n        - jbd2\nmodulesforceload:\n    - ext4\nkernel: x\n", "    ", "    ")]
    [InlineData("moduledependencies:\n  ext4:\n  - jbd2\nmodulesforceload:\n- ext4\n", "  ", "")]
    [InlineData("kernel: x", "    ", "    ")]
    [InlineData("moduledependencies: {}\nkernel: x\n", "    ", "    ")]
    public void BoostersImageHoldsThemFlat(string yaml, string mapIndent, string listIndent)
    {
        Tool.Require("cpio");
        PhonyGuest guest = Guest(InitramfsTool.Booster, Gzip(Files(("etc/booster.init.yaml", yaml), ("usr/lib/modules/booster.alias", "scsi:t-0x00* sd_mod\n"), ("usr/lib/modules/sd_mod.ko", "x"))));
        guest.Kernels[0] = guest.Kernels[0] with { InitramfsModules = [], InitramfsModulesPath = null };
        guest.Root.Add("/etc/booster.yaml", "network:\n  dhcp: on\nmodules: '*,-hid'\n");
        guest.Apply(new InitramfsStep());
        using var directory = new TemporaryDirectory();
        Unpack(guest, directory, out string names);
        string after = File.ReadAllText(directory.File("etc/booster.init.yaml"));
        Assert.Contains($"\n{mapIndent}virtio_blk: [", after, StringComparison.Ordinal);
        Assert.Contains($"\nmodulesforceload:\n{listIndent}- virtio_pci\n{listIndent}- virtio_blk\n{listIndent}- virtio_scsi\n", "\n" + after, StringComparison.Ordinal);
        Assert.Single(after.Split('\n'), l => l.StartsWith("moduledependencies:", StringComparison.Ordinal));
        string aliases = File.ReadAllText(directory.File("usr/lib/modules/booster.alias"));
        Assert.StartsWith("scsi:t-0x00* sd_mod\n", aliases, StringComparison.Ordinal);
        Assert.Contains(" virtio_blk\n", aliases, StringComparison.Ordinal);
        Assert.All(aliases.TrimEnd('\n').Split('\n'), l => Assert.Equal(2, l.Split(' ').Length));
        Assert.Contains("usr/lib/modules/virtio_blk.ko\n", names, StringComparison.Ordinal);
        Assert.DoesNotContain("sd_mod", names, StringComparison.Ordinal);
        Assert.StartsWith("network:\n  dhcp: on\nmodules: \"*,-hid,virtio,virtio_ring,", guest.Text("/etc/booster.yaml"), StringComparison.Ordinal);
    }

    [Fact]
    public void TinyInitramfsInsertsByItsList()
    {
        Tool.Require("cpio");
        const string List = "/scsi_common.ko\n/scsi_mod.ko scan=sync\n/sd_mod.ko\n";
        PhonyGuest guest = Guest(InitramfsTool.TinyInitramfs, Gzip(Files(("init", "\x7fELF"), ("modules", List), ("scsi_common.ko", ""), ("scsi_mod.ko", ""), ("sd_mod.ko", ""))));
        guest.Kernels[0] = guest.Kernels[0] with { InitramfsModules = [], InitramfsModulesPath = null, InitramfsCompression = "gzip" };
        guest.Root.Add("/etc/tiny-initramfs/tiny-initramfs.conf", "AUTO_MODULES=yes\nINCLUDE_MODULES=ext4\n");
        Assert.Empty(guest.Apply(new InitramfsStep()).Warnings);
        using var directory = new TemporaryDirectory();
        Unpack(guest, directory, out string names);
        string list = File.ReadAllText(directory.File("modules"));
        Assert.StartsWith(List, list, StringComparison.Ordinal);
        string[] inserted = [.. list.TrimEnd('\n').Split('\n').Select(l => l[1..l.IndexOf(".ko", StringComparison.Ordinal)].Replace('-', '_'))];
        foreach ((string module, string needs) in ((string, string)[])[("virtio_blk", "virtio_ring"), ("virtio_blk", "virtio"), ("virtio_scsi", "scsi_mod"), ("virtio_pci", "virtio_pci_modern_dev")])
        {
            Assert.InRange(Array.IndexOf(inserted, module), Array.IndexOf(inserted, needs) + 1, inserted.Length);
        }

        Assert.Equal(inserted.Length, inserted.Distinct().Count());
        Assert.All(list.TrimEnd('\n').Split('\n')[3..], l => Assert.NotEqual(0, new FileInfo(directory.File(l[1..])).Length));
        Assert.DoesNotContain("modules.dep", names, StringComparison.Ordinal);
        string settings = Tool.Run("sh", "-c", guest.Text("/etc/tiny-initramfs/tiny-initramfs.conf") + "echo $INCLUDE_MODULES");
        Assert.StartsWith("ext4,virtio,virtio_ring,", settings, StringComparison.Ordinal);
        string once = guest.Text("/etc/tiny-initramfs/tiny-initramfs.conf");
        guest.Apply(new InitramfsStep());
        Assert.Equal(once, guest.Text("/etc/tiny-initramfs/tiny-initramfs.conf"));
    }

    [Fact]
    public void EveryToolIsToldOnce()
    {
        PhonyGuest guest = new PhonyGuest { PackageFormat = "rpm", InitramfsTools = [InitramfsTool.MakeInitrd, InitramfsTool.Mkinitfs, InitramfsTool.Dracut] }.AddModules();
        guest.Root.Add(Image, InitramfsTests.MainArchive()).Add("/etc/initrd.mk", "AUTODETECT = all\n").Add("/etc/mkinitfs/mkinitfs.conf", "features=\"ata base ext4\"\n").Add("/etc/dracut.conf", "# empty\n");
        guest.Apply(new InitramfsStep());
        string[] files = ["/etc/initrd.mk", "/etc/mkinitfs/mkinitfs.conf", "/etc/dracut.conf"];
        string[] once = [.. files.Select(guest.Text)];
        Assert.Contains("\nMODULES_ADD += virtio virtio_ring virtio_pci ", once[0], StringComparison.Ordinal);
        Assert.Equal("features=\"ata base ext4 virtio\"\n", once[1]);
        Assert.Contains("\nadd_drivers+=\" virtio virtio_ring ", once[2], StringComparison.Ordinal);
        guest.Apply(new InitramfsStep());
        Assert.Equal(once, files.Select(guest.Text));
    }

    [Fact]
    public void ToolsAreToldByTheirFiles()
    {
        Assert.Equal([InitramfsTool.RedHatMkinitrd], Find("/sbin/mkinitrd", "/sbin/nash"));
        Assert.Equal([InitramfsTool.Dracut], Find("/sbin/mkinitrd", "/sbin/dracut"));
        Assert.Equal([InitramfsTool.SuseMkinitrd], Find("/sbin/mkinitrd", "/lib/mkinitrd/setup"));
        Assert.Equal([InitramfsTool.Mkinitcpio, InitramfsTool.Booster], Find("/usr/bin/mkinitcpio", "/usr/bin/booster"));
        Assert.Equal([InitramfsTool.Mkinitfs], Find("/sbin/mkinitfs"));
        Assert.Equal([InitramfsTool.TinyInitramfs], Find("/usr/sbin/mktirfs"));
        Assert.Empty(Find("/sbin/mkinitrd"));

        static IReadOnlyList<string> Find(params string[] files)
        {
            var root = new MemoryFileSystem();
            foreach (string file in files)
            {
                root.Add(file, "#!/bin/sh\n");
            }

            return InitramfsTool.Find(new GuestTree(new GuestMount("/", root)));
        }
    }

    [Fact]
    public void DamagedImagesGiveOurErrorsOnly()
    {
        byte[] image = Gzip(Files(("init", NashScript), ("lib/scsi_mod.ko", "x"), ("etc/booster.init.yaml", "kernel: x\n"), ("run_all.sh", SuseScript), ("modules", "/scsi_mod.ko\n")));
        byte[] plain = Files(("init", NashScript), ("config/start.sh", SuseScript)).ToArray();
        var random = new Random(20261123);
        for (int i = 0; i < 400; i++)
        {
            byte[] bytes = [.. i % 2 == 0 ? image : plain];
            for (int flips = 0; flips < 1 + (i % 5); flips++)
            {
                bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            }

            PhonyGuest guest = Guest(i % 3 == 0 ? InitramfsTool.Booster : InitramfsTool.RedHatMkinitrd, bytes[..(i % 7 == 0 ? random.Next(bytes.Length) : bytes.Length)]);
            Exception? error = Record.Exception(() => guest.Apply(new InitramfsStep()));
            Assert.True(error is null or Storage.V2VException, error?.ToString());
        }
    }

    private static PhonyGuest Guest(string tool, byte[] image)
    {
        PhonyGuest guest = new PhonyGuest { PackageFormat = "rpm", InitramfsTools = [tool] }.AddModules();
        guest.Kernels[0] = guest.Kernels[0] with { InitramfsModules = ["sd_mod", "scsi_mod"] };
        guest.Root.Add(Image, image);
        return guest;
    }

    private static ReadOnlyMemory<byte> Files(params (string Path, string Text)[] files)
    {
        var archive = new CpioWriter();
        foreach ((string path, string text) in files)
        {
            archive.AddFile(path, Encoding.UTF8.GetBytes(text), path == "init" ? 0x1EDu : 0x1A4u);
        }

        return archive.Finish();
    }

    private static byte[] Gzip(ReadOnlyMemory<byte> content)
    {
        using var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Fastest))
        {
            gzip.Write(content.Span);
        }

        return output.ToArray();
    }

    /// <summary>Unpacks what was appended, over the files that it replaces.</summary>
    private static void Unpack(PhonyGuest guest, TemporaryDirectory directory, out string names)
    {
        byte[] after = guest.Tree.ReadAllBytes(Image);
        int start = after.AsSpan().IndexOf("070701"u8);
        Assert.Equal(0, start % 4);
        File.WriteAllBytes(directory.File("segment"), after[start..]);
        names = Tool.Run("sh", "-c", $"cd '{directory.Path}' && mkdir -p lib usr/lib/modules etc config.d && cpio -t --quiet < segment && cpio -idmu --quiet < segment");
    }
}
