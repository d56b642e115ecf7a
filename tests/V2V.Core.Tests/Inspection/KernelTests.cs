using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Boot;
using V2V.Core.Inspection.Kernels;
using V2V.Core.Sources;
using V2V.Core.Tests.Guest;
using Xunit;

namespace V2V.Core.Tests.Inspection;

public class KernelTests
{
    private static List<KernelInfo> Find(MemoryFileSystem root, out List<string> warnings, params ApplicationInfo[] packages)
    {
        InspectionContext context = Guests.Context(root, out warnings);
        BootSetup boot = BootSetup.Find(context, FirmwareType.Bios, "x86_64", BootCode.Grub);
        return KernelFinder.Find(context, boot, packages, TestContext.Current.CancellationToken);
    }

    private static MemoryFileSystem Debian() => new MemoryFileSystem()
        .AddLink("/lib", "usr/lib").AddLink("/vmlinuz", "boot/vmlinuz-6.1.0-18-amd64")
        .Add("/boot/vmlinuz-6.1.0-18-amd64", "").Add("/boot/vmlinuz-6.1.0-9-amd64", "").Add("/boot/vmlinuz-6.1.0-1-amd64.dpkg-old", "")
        .Add("/boot/initrd.img-6.1.0-18-amd64", "").Add("/boot/initrd.img-6.1.0-9-amd64", "").Add("/boot/initrd.img-6.1.0-9-amd64.old-dkms", "")
        .Add("/boot/config-6.1.0-9-amd64", "CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_BLK=y\n# CONFIG_SCSI_VIRTIO is not set\nCONFIG_VIRTIO_NET=m\n")
        .Add("/usr/lib/modules/6.1.0-18-amd64/modules.dep", "kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio.ko\nkernel/a/virtio-rng.ko.xz:\nkernel/net/virtio_net.ko.zst:\n")
        .Add("/usr/lib/modules/6.1.0-18-amd64/modules.builtin", "kernel/drivers/virtio/virtio_pci.ko\n")
        .Add("/usr/lib/modules/6.1.0-9-amd64/kernel/drivers/scsi/virtio_scsi.ko.gz", "")
        .Add("/usr/lib/modules/6.1.0-9-amd64/misc/x-y.ko", "")
        .Add("/boot/grub/grub.cfg", "set default=1\nmenuentry a { linux /vmlinuz-6.1.0-18-amd64\n}\nmenuentry b { linux /boot/vmlinuz-6.1.0-9-amd64\n initrd /boot/initrd.img-6.1.0-9-amd64\n}\n")
        .Add("/var/lib/dpkg/info/linux-image-6.1.0-18-amd64.list", "/.\n/boot\n/boot/vmlinuz-6.1.0-18-amd64\n")
        .Add("/var/lib/dpkg/info/linux-image-custom.list", "/.\n/boot\n/boot/vmlinuz-6.1.0-9-amd64\n");

    [Fact]
    public void EveryKernelIsFoundTheDefaultOneFirst()
    {
        List<KernelInfo> kernels = Find(Debian(), out List<string> warnings, new("linux-image-amd64", "6", "amd64", ""),
            new("linux-image-custom", "1", "amd64", ""), new("linux-image-6.1.0-18-amd64", "6", "amd64", ""));
        Assert.Equal(["6.1.0-9-amd64", "6.1.0-18-amd64"], kernels.Select(k => k.Version));
        Assert.Equal([true, false], kernels.Select(k => k.IsDefault));
        Assert.Equal(["linux-image-custom", "linux-image-6.1.0-18-amd64"], kernels.Select(k => k.Package));
        Assert.Equal(["/boot/initrd.img-6.1.0-9-amd64", "/boot/initrd.img-6.1.0-18-amd64"], kernels.Select(k => k.InitramfsPath));
        Assert.All(kernels, k => Assert.Equal("/usr/lib/modules/" + k.Version, k.ModulesPath));
        Assert.Equal(["virtio_blk", "virtio_net", "virtio_rng"], kernels[1].Modules.Order());
        Assert.Equal(["virtio_pci"], kernels[1].BuiltIn);
        Assert.Equal(["virtio_scsi", "x_y"], kernels[0].Modules.Order());
        Assert.Equal((true, true, false), (kernels[0].HasVirtioBlk, kernels[0].HasVirtioScsi, kernels[0].HasVirtioNet));
        Assert.Equal((true, false, true), (kernels[1].HasVirtioBlk, kernels[1].HasVirtioScsi, kernels[1].HasVirtioNet));
        Assert.True(kernels[0].InitramfsHasVirtio);
        Assert.False(kernels[1].InitramfsHasVirtio);
        Assert.Empty(warnings);
    }

    [Fact]
    public void SeparateBootIsUnderstood()
    {
        var root = new MemoryFileSystem().AddDirectory("/boot").Add("/lib/modules/5.1/modules.dep", "a.ko:\n");
        var boot = new MemoryFileSystem().Add("/vmlinuz-5.1", "").Add("/vmlinuz-5.0", "").Add("/initramfs-5.1.img", "").Add("/initramfs-5.1kdump.img", "")
            .Add("/grub2/grub.cfg", "menuentry x { linux ($root)/vmlinuz-5.0\n}\n");
        var tree = new GuestTree(new GuestMount("/", root), new GuestMount("/boot", boot));
        var context = new InspectionContext(tree, []);
        BootSetup setup = BootSetup.Find(context, FirmwareType.Bios, "x86_64", BootCode.Grub);
        List<KernelInfo> kernels = KernelFinder.Find(context, setup, [], TestContext.Current.CancellationToken);
        Assert.Equal(["5.0", "5.1"], kernels.Select(k => k.Version));
        Assert.Equal([null, "/boot/initramfs-5.1.img"], kernels.Select(k => k.InitramfsPath));
        Assert.Equal([null, "/lib/modules/5.1"], kernels.Select(k => k.ModulesPath));
    }

    [Fact]
    public void ArchNamesItsImageAfterThePackage()
    {
        var root = new MemoryFileSystem().Add("/boot/vmlinuz-linux", "").Add("/boot/initramfs-linux.img", "").Add("/boot/initramfs-linux-fallback.img", "")
            .Add("/usr/lib/modules/6.9.1-arch1/pkgbase", "linux\n").Add("/usr/lib/modules/6.9.1-arch1/vmlinuz", "").AddLink("/lib", "usr/lib");
        KernelInfo kernel = Assert.Single(Find(root, out _));
        Assert.Equal(("6.9.1-arch1", "/boot/vmlinuz-linux", "/boot/initramfs-linux.img", true), (kernel.Version, kernel.ImagePath, kernel.InitramfsPath, kernel.IsDefault));
    }

    [Fact]
    public void KernelsOutsideOfBootAreFound()
    {
        var root = new MemoryFileSystem().Add("/usr/lib/modules/6.4.0-default/vmlinuz", "").AddLink("/lib", "usr/lib").Add("/boot/initrd-6.4.0-default", "");
        KernelInfo kernel = Assert.Single(Find(root, out _));
        Assert.Equal(("6.4.0-default", "/usr/lib/modules/6.4.0-default/vmlinuz", "/boot/initrd-6.4.0-default"), (kernel.Version, kernel.ImagePath, kernel.InitramfsPath));
    }

    [Fact]
    public void KernelsOnTheEspAreFoundByTheirEntries()
    {
        var root = new MemoryFileSystem().Add("/boot/efi/EFI/systemd/systemd-bootx64.efi", "").Add("/boot/efi/abc/6.8.5-301/linux", "").Add("/boot/efi/abc/6.8.5-301/initrd", "")
            .Add("/boot/efi/loader/entries/abc-6.8.5.conf", "title F\nversion 6.8.5-301\nlinux /abc/6.8.5-301/linux\ninitrd /abc/6.8.5-301/initrd\n")
            .Add("/lib/modules/6.8.5-301/modules.dep", "virtio_blk.ko:\n");
        InspectionContext context = Guests.Context(root);
        BootSetup boot = BootSetup.Find(context, FirmwareType.Uefi, "x86_64", BootCode.None);
        KernelInfo kernel = Assert.Single(KernelFinder.Find(context, boot, [], TestContext.Current.CancellationToken));
        Assert.Equal(("6.8.5-301", "/boot/efi/abc/6.8.5-301/linux", "/boot/efi/abc/6.8.5-301/initrd", "/lib/modules/6.8.5-301", true),
            (kernel.Version, kernel.ImagePath, kernel.InitramfsPath, kernel.ModulesPath, kernel.IsDefault));
    }

    [Fact]
    public void InitramfsOfALongerVersionIsNotTaken()
    {
        var root = new MemoryFileSystem().Add("/boot/vmlinuz-6.1.0-1", "").Add("/boot/initrd-custom-6.1.0-18", "").Add("/boot/initrd-custom-6.1.0-1", "").Add("/boot/initrd-6.1.0-1kdump", "");
        Assert.Equal("/boot/initrd-custom-6.1.0-1", Assert.Single(Find(root, out _)).InitramfsPath);
    }

    [Fact]
    public void DamagedInitramfsIsAWarning()
    {
        MemoryFileSystem root = Debian().Add("/boot/initrd.img-6.1.0-18-amd64", "this is no cpio archive");
        List<KernelInfo> kernels = Find(root, out List<string> warnings);
        Assert.Contains("/boot/initrd.img-6.1.0-18-amd64", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.False(kernels[1].InitramfsHasVirtio);
    }

    [Fact]
    public void LinksInACircleAreHarmless()
    {
        var root = new MemoryFileSystem().AddLink("/boot/vmlinuz-1", "vmlinuz-2").AddLink("/boot/vmlinuz-2", "vmlinuz-1").AddLink("/lib", "lib");
        Assert.Empty(Find(root, out _));
    }

    [Fact]
    public void GuestToolsAreFound()
    {
        var root = new MemoryFileSystem().Add("/usr/bin/vmware-uninstall-tools.pl", "").Add("/usr/bin/vmtoolsd", "").AddDirectory("/opt/VBoxGuestAdditions-7.0.14")
            .Add("/usr/lib/parallels-tools/install", "");
        List<GuestToolInfo> tools = GuestToolFinder.Find(Guests.Context(root), []);
        Assert.Equal([("vmware-tools-tarball", "files"), ("parallels-tools", "files"), ("virtualbox-guest-additions", "files")], tools.Select(t => (t.Name, t.Kind)));

        ApplicationInfo[] packages = [.. ((string[])["open-vm-tools", "open-vm-tools-desktop", "virtualbox-guest-utils", "virtualbox-guest-additions-iso", "hyperv-daemons",
            "xe-guest-utilities", "cloud-init", "bash"]).Select(n => new ApplicationInfo(n, "1", "amd64", ""))];
        tools = GuestToolFinder.Find(Guests.Context(("/usr/bin/vmtoolsd", "")), packages);
        Assert.Equal(["open-vm-tools", "virtualbox-guest-additions", "xe-guest-utilities", "hyperv-daemons"], tools.Select(t => t.Name));
        Assert.Equal(["open-vm-tools", "open-vm-tools-desktop"], tools[0].Packages);
        Assert.True(GuestToolFinder.HasCloudInit(Guests.Context(), packages));
    }

    [Theory]
    [InlineData("systemd", "/usr/lib/systemd/systemd", "../lib/systemd/systemd")]
    [InlineData("upstart", "/usr/sbin/upstart", "upstart")]
    [InlineData("openrc", "/usr/sbin/openrc-init", "openrc-init")]
    [InlineData("sysvinit", "/etc/inittab", null)]
    [InlineData("openrc", "/sbin/openrc", null)]
    public void InitSystemIsWhatSbinInitIs(string expected, string file, string? link)
    {
        var root = new MemoryFileSystem().Add(file, "");
        _ = link is null ? root.Add("/sbin/init", "") : root.AddLink("/usr/sbin/init", link);
        Assert.Equal(expected, InitSystem.Detect(Guests.Context(root).Tree));
    }

    [Theory]
    [InlineData(2, 1, 62, "x86_64")]
    [InlineData(1, 1, 3, "i386")]
    [InlineData(2, 1, 183, "aarch64")]
    [InlineData(2, 2, 22, "s390x")]
    [InlineData(2, 1, 21, "ppc64le")]
    [InlineData(2, 2, 21, "ppc64")]
    [InlineData(2, 1, 243, "riscv64")]
    [InlineData(2, 1, 9999, "unknown")]
    public void ArchitectureIsThatOfAProgram(int elfClass, int endian, int machine, string expected)
    {
        byte[] header = [0x7F, .. "ELF"u8, (byte)elfClass, (byte)endian, .. new byte[12], .. endian == 1 ? (byte[])[(byte)machine, (byte)(machine >> 8)] : [(byte)(machine >> 8), (byte)machine]];
        var root = new MemoryFileSystem().Add("/bin/bash", "#!script that is long enough").Add("/usr/bin/ls", header);
        Assert.Equal(expected, ElfMachine.Detect(Guests.Context(root).Tree));
    }

    [Theory]
    [InlineData(FirmwareType.Unknown, true, null, true, "None", FirmwareType.Uefi, false)]
    [InlineData(FirmwareType.Unknown, true, null, true, "Grub", FirmwareType.Bios, false)]
    [InlineData(FirmwareType.Unknown, true, null, true, "Other", FirmwareType.Uefi, false)]
    [InlineData(FirmwareType.Unknown, true, null, false, "Other", FirmwareType.Bios, false)]
    [InlineData(FirmwareType.Unknown, true, "21686148-6449-6e6f-744e-656564454649", true, "None", FirmwareType.Bios, false)]
    [InlineData(FirmwareType.Unknown, false, null, null, "Grub", FirmwareType.Bios, false)]
    [InlineData(FirmwareType.Unknown, false, null, null, "None", FirmwareType.Bios, false)]
    [InlineData(FirmwareType.Uefi, true, null, true, "None", FirmwareType.Uefi, false)]
    [InlineData(FirmwareType.Uefi, false, null, null, "Grub", FirmwareType.Uefi, true)]
    [InlineData(FirmwareType.Bios, true, null, true, "None", FirmwareType.Bios, true)]
    [InlineData(FirmwareType.Bios, true, null, true, "Grub", FirmwareType.Bios, false)]
    [InlineData(FirmwareType.Bios, false, null, null, "Grub", FirmwareType.Bios, false)]
    public void FirmwareIsDecided(FirmwareType declared, bool hasEsp, string? otherType, bool? hasLoaders, string code, FirmwareType expected, bool isWarned)
    {
        VolumeInfo[] volumes =
        [
            new("sda1", 0, 1, 0, 1, null, null, null, null, null, hasEsp ? "C12A7328-F81F-11D2-BA4B-00A0C93EC93B" : "83"),
            new("sda2", 0, 2, 0, 1, null, null, null, null, null, otherType),
        ];
        var warnings = new List<string>();
        Assert.Equal(expected, FirmwareDetector.Decide(declared, volumes, hasLoaders, Enum.Parse<BootCode>(code), warnings.Add));
        Assert.Equal(isWarned, warnings.Count == 1);
    }

    [Fact]
    public void BootCodeIsRecognised()
    {
        byte[] sector = new byte[512];
        (sector[510], sector[511]) = (0x55, 0xAA);
        Assert.Equal(BootCode.None, FirmwareDetector.Identify(sector));
        sector[0] = 0xEB;
        Assert.Equal(BootCode.Other, FirmwareDetector.Identify(sector));
        "GRUB "u8.CopyTo(sector.AsSpan(0x180));
        Assert.Equal(BootCode.Grub, FirmwareDetector.Identify(sector));
        sector[511] = 0;
        Assert.Equal(BootCode.None, FirmwareDetector.Identify(sector));
    }
}
