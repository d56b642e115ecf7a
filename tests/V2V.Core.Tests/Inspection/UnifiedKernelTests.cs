using System.Buffers.Binary;
using System.Text;
using V2V.Core.Conversion;
using V2V.Core.Conversion.Linux;
using V2V.Core.Conversion.Linux.Initramfs;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Boot;
using V2V.Core.Inspection.Initramfs;
using V2V.Core.Inspection.Kernels;
using V2V.Core.Sources;
using V2V.Core.Tests.Guest;
using V2V.Core.Tests.GuestConversion;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Inspection;

/// <summary>Unified kernel images, and versions in the headers of kernel images.</summary>
public sealed class UnifiedKernelTests
{
    private const string Stub = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";

    [Fact]
    public void AnImageOfTheRealStubIsRead()
    {
        Tool.Require("objcopy");
        if (!File.Exists(Stub))
        {
            Tool.Missing(Stub + " is missing (package systemd-boot-efi)");
        }

        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("uname"), "6.1.0-18-amd64\n");
        File.WriteAllBytes(directory.File("initrd"), Initramfs("6.1.0-18-amd64"));
        File.WriteAllText(directory.File("cmdline"), "root=/dev/sda2 ro quiet\n");
        Tool.Run(
            "objcopy", "--add-section", $".uname={directory.File("uname")}", "--change-section-vma", ".uname=0x50000", "--add-section", $".cmdline={directory.File("cmdline")}", "--change-section-vma", ".cmdline=0x40000", "--add-section", $".initrd={directory.File("initrd")}",
            "--change-section-vma", ".initrd=0x3000000", Stub, directory.File("uki.efi"));
        GuestTree tree = Tree(File.ReadAllBytes(directory.File("uki.efi")));
        Assert.Equal("6.1.0-18-amd64", UnifiedKernel.ReadVersion(tree, "/uki.efi"));
        Assert.Equal(["ahci"], UnifiedKernel.ReadInitramfs(tree, "/uki.efi", TestContext.Current.CancellationToken)!.Modules["usr/lib/modules/6.1.0-18-amd64"].Keys);
        Assert.Equal("root=/dev/sda2 ro quiet", UnifiedKernel.ReadCommandLine(tree, "/uki.efi"));
        Assert.Null(UnifiedKernel.ReadVersion(Tree(File.ReadAllBytes(Stub)), "/uki.efi"));
    }

    [Fact]
    public void ImagesThatTheFirmwareStartsAreFoundWithoutALoader()
    {
        MemoryFileSystem esp = new MemoryFileSystem().Add("/EFI/Linux/arch-linux.efi", Image("6.9.1-arch1-1", Initramfs("6.9.1-arch1-1"))).Add("/EFI/Linux/arch-lts.efi", Image("6.6.30-1-lts", Initramfs("6.6.30-1-lts")))
            .Add("/EFI/other/tool.efi", "MZ and no kernel");
        var tree = new GuestTree(new GuestMount("/", new MemoryFileSystem().AddDirectory("/efi")), [new GuestMount("/efi", esp)]);
        BootSetup setup = BootSetup.Find(new InspectionContext(tree, []), FirmwareType.Uefi, "x86_64", BootCode.None);
        Assert.Equal(new BootLoaderInfo("uki", "/efi/EFI/Linux/arch-linux.efi", false), setup.Loader);
        Assert.Equal(["/efi/EFI/Linux/arch-linux.efi", "/efi/EFI/Linux/arch-lts.efi"], setup.Menu.Entries.Select(e => e.Kernel).Order());
        Assert.Equal("/efi/EFI/Linux/arch-linux.efi", setup.Menu.Default!.Kernel);
        Assert.Null(BootSetup.Find(new InspectionContext(tree, []), FirmwareType.Bios, "x86_64", BootCode.None).Loader);
    }

    [Fact]
    public void TheNewFirmwareFindsACopyWhereItLooks()
    {
        PhonyGuest guest = Guest("virtio_pci virtio_blk");
        guest.BootLoader = new BootLoaderInfo("uki", "/efi/EFI/Linux/a.efi", false);
        guest.Root.Add("/efi/EFI/Linux/a.efi", "the image");
        ConversionContext context = guest.Apply(new UefiLoaderStep());
        Assert.Equal("the image", guest.Text("/efi/EFI/BOOT/BOOTX64.EFI"));
        Assert.Contains("efibootmgr", Assert.Single(context.Warnings), StringComparison.Ordinal);
        Assert.Null(Convertibility.Check(guest.Inspect()));
    }

    [Theory]
    [InlineData("virtio_pci virtio_blk ahci", "root=/dev/sda2 ro", BlockBus.Sata)]
    [InlineData("virtio_pci virtio_blk virtio_scsi sd_mod", "quiet root=/dev/sda2", BlockBus.VirtioScsi)]
    [InlineData("virtio_pci virtio_blk ahci", "root=UUID=1 ro", BlockBus.VirtioBlk)]
    public void ADiskThatIsNamedByItsPlaceInsideKeepsItsName(string inside, string commandLine, BlockBus bus)
    {
        PhonyGuest guest = Guest(inside);
        guest.Kernels[0] = guest.Kernels[0] with { EmbeddedCommandLine = commandLine };
        ConversionContext context = guest.Apply(new DefaultKernelStep());
        Assert.Equal(bus, context.Capabilities.BlockBus);
        Assert.Equal(bus == BlockBus.Sata, context.Warnings.Any(w => w.Contains("by its place (root=/dev/sda2 ro)", StringComparison.Ordinal)));
    }

    [Fact]
    public void DamagedImagesGiveOurErrorsOnly()
    {
        byte[] image = Image("9.9.9", Initramfs("9.9.9"));
        Assert.Equal("9.9.9", UnifiedKernel.ReadVersion(Tree(image), "/uki.efi"));
        Assert.NotNull(UnifiedKernel.ReadInitramfs(Tree(image), "/uki.efi", TestContext.Current.CancellationToken));
        var random = new Random(5);
        for (int i = 0; i < 2000; i++)
        {
            byte[] bytes = [.. image];
            bytes[random.Next(i % 2 == 0 ? 512 : bytes.Length)] ^= (byte)(1 << random.Next(8));
            GuestTree tree = Tree(i % 9 == 0 ? bytes[..random.Next(bytes.Length)] : bytes);
            Exception? error = Record.Exception(() => (UnifiedKernel.ReadVersion(tree, "/uki.efi"), UnifiedKernel.ReadInitramfs(tree, "/uki.efi", TestContext.Current.CancellationToken), KernelImage.ReadVersion(tree, "/uki.efi")));
            Assert.True(error is null or V2VException, error?.ToString());
        }
    }

    [Theory]
    [InlineData("ahci", BlockBus.Sata)]
    [InlineData("virtio_pci virtio_blk", BlockBus.VirtioBlk)]
    [InlineData("virtio_pci virtio_scsi sd_mod", BlockBus.VirtioScsi)]
    public void WhatIsInsideDecidesTheBus(string inside, BlockBus bus)
    {
        PhonyGuest guest = Guest(inside);
        ConversionContext context = guest.Apply(new DefaultKernelStep(), new InitramfsStep());
        Assert.Equal((bus, "virtio"), (context.Capabilities.BlockBus, context.Capabilities.NetModel));
        Assert.Equal(bus == BlockBus.Sata, context.Warnings.Any(w => w.Contains("unified kernel image /efi/EFI/Linux/a.efi has no virtio", StringComparison.Ordinal)));
        Assert.DoesNotContain(context.Editor.Changes, c => c.Kind == GuestChangeKind.Append);
        Assert.Contains("virtio_blk", guest.Text("/etc/dracut.conf.d/v2v.conf"), StringComparison.Ordinal);
    }

    [Fact]
    public void AnImageWithoutAnyDriverIsRefused() =>
        Assert.Equal("ConversionUnifiedKernelDrivers", Assert.Throws<V2VException>(() => Guest("vmw_pvscsi").Apply(new DefaultKernelStep())).ErrorId);

    [Fact]
    public void AKernelImageTellsItsVersion()
    {
        var image = new byte[0x600];
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(0x20E), 0x300);
        "5.14.0-427.el9.x86_64 (builder@host) #1 SMP\0"u8.CopyTo(image.AsSpan(0x500));
        Assert.Equal("5.14.0-427.el9.x86_64", KernelImage.ReadVersion(Tree(image), "/uki.efi"));
        image[0x500] = (byte)'/';
        Assert.Null(KernelImage.ReadVersion(Tree(image), "/uki.efi"));
        Assert.Null(KernelImage.ReadVersion(Tree(image[..0x201]), "/uki.efi"));
        Assert.Null(KernelImage.ReadVersion(Tree([]), "/uki.efi"));
    }

    private static PhonyGuest Guest(string inside)
    {
        var guest = new PhonyGuest { Firmware = FirmwareType.Uefi, InitramfsTools = [InitramfsTool.Dracut], BootLoader = new BootLoaderInfo("systemd-boot", "/efi/loader/loader.conf", true) };
        string[] modules = inside.Split(' ');
        guest.Kernels[0] = guest.Kernels[0] with
        {
            ImagePath = "/efi/EFI/Linux/a.efi",
            InitramfsPath = null,
            IsUnified = true,
            InitramfsModules = modules,
            InitramfsHasVirtio = modules.Contains("virtio_pci"),
        };
        return guest;
    }

    private static GuestTree Tree(byte[] content) => new(new GuestMount("/", new MemoryFileSystem().Add("/uki.efi", content)));

    private static byte[] Initramfs(string version)
    {
        var archive = new CpioWriter();
        archive.AddFile($"usr/lib/modules/{version}/kernel/drivers/ata/ahci.ko", "module"u8);
        return archive.Finish().ToArray();
    }

    /// <summary>The headers that matter, and two sections.</summary>
    private static byte[] Image(string version, byte[] initramfs)
    {
        byte[] uname = Encoding.ASCII.GetBytes(version);
        var image = new byte[1024 + initramfs.Length];
        "MZ"u8.CopyTo(image);
        image[60] = 64;
        "PE\0\0"u8.CopyTo(image.AsSpan(64));
        image[64 + 6] = 2;
        Section(".uname"u8, 128, uname.Length, 512);
        Section(".initrd"u8, 168, initramfs.Length, 1024);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(64 + 20), 128 - 64 - 24);
        uname.CopyTo(image.AsSpan(512));
        initramfs.CopyTo(image.AsSpan(1024));
        return image;

        void Section(ReadOnlySpan<byte> name, int at, int length, int offset)
        {
            name.CopyTo(image.AsSpan(at));
            BinaryPrimitives.WriteInt32LittleEndian(image.AsSpan(at + 8), length);
            BinaryPrimitives.WriteInt32LittleEndian(image.AsSpan(at + 16), length);
            BinaryPrimitives.WriteInt32LittleEndian(image.AsSpan(at + 20), offset);
        }
    }
}
