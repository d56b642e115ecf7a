using V2V.Core.Conversion;
using V2V.Core.Conversion.Linux;
using V2V.Core.Inspection;
using Xunit;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>Kernels that administrators build themselves and start without an initramfs: only what is compiled in finds the root.</summary>
public sealed class KernelWithoutInitramfsTests
{
    [Theory]
    [InlineData("", BlockBus.VirtioBlk, BlockBus.Sata)]
    [InlineData("virtio_blk", BlockBus.VirtioBlk, BlockBus.Sata)]
    [InlineData("virtio_pci scsi_mod virtio_scsi", BlockBus.VirtioScsi, BlockBus.Sata)]
    [InlineData("virtio_pci virtio_blk", BlockBus.VirtioScsi, BlockBus.VirtioBlk)]
    [InlineData("virtio_pci virtio_scsi sd_mod", BlockBus.VirtioBlk, BlockBus.VirtioScsi)]
    [InlineData("virtio_pci virtio_blk virtio_scsi sd_mod", BlockBus.VirtioScsi, BlockBus.VirtioScsi)]
    [InlineData("virtio_pci virtio_blk virtio_scsi sd_mod", BlockBus.VirtioBlk, BlockBus.VirtioBlk)]
    public void WhatIsCompiledInDecides(string builtIn, BlockBus preferred, BlockBus bus)
    {
        PhonyGuest guest = new PhonyGuest { Options = new ConversionOptions { PreferredBus = preferred } }.AddModules();
        guest.Kernels[0] = Bare(builtIn);
        ConversionContext context = guest.Apply(new DefaultKernelStep(), new InitramfsStep());
        Assert.Equal(bus, context.Drivers.Bus);
        Assert.Equal(bus == BlockBus.Sata, context.Warnings.Any(w => w.Contains("No kernel of the guest can start from a virtio disk", StringComparison.Ordinal)));
    }

    [Fact]
    public void AnotherKernelWithAnInitramfsStartsInstead()
    {
        var guest = new PhonyGuest { BootLoader = new BootLoaderInfo("grub2", "/boot/grub/grub.cfg", null) };
        guest.Kernels[0] = Bare("");
        guest.Kernels.Add(PhonyGuest.NewKernel() with { IsDefault = false });
        guest.Root.Add("/boot/grub/grub.cfg", "set default=\"0\"\nmenuentry new {\n linux /boot/vmlinuz-9 root=/dev/sda1\n}\nmenuentry old {\n linux /boot/vmlinuz-1.2.3-v2v root=/dev/sda1\n initrd /boot/initrd.img-1.2.3-v2v\n}\n");
        ConversionContext context = guest.Apply(new DefaultKernelStep());
        Assert.Equal((BlockBus.VirtioBlk, PhonyGuest.Kernel), (context.Drivers.Bus, context.Drivers.Boot?.Version));
        Assert.Contains("no initramfs that could load it", Assert.Single(context.Warnings), StringComparison.Ordinal);
        Assert.Contains("set default=\"1\"", guest.Text("/boot/grub/grub.cfg"), StringComparison.Ordinal);
    }

    private static KernelInfo Bare(string builtIn) =>
        PhonyGuest.NewKernel() with { Version = "9", ImagePath = "/boot/vmlinuz-9", InitramfsPath = null, InitramfsModules = [], InitramfsCompression = null, BuiltIn = builtIn.Split(' ', StringSplitOptions.RemoveEmptyEntries) };
}
