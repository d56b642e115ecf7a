using V2V.Core.Conversion.Linux.Boot;
using V2V.Core.Inspection;
using V2V.Storage;

namespace V2V.Core.Conversion.Linux;

/// <summary>
/// Where the kernel that starts by default has no virtio disk driver but another one has, makes that one the default; where none has, says so
/// and what the machine gets instead.
/// </summary>
internal sealed class DefaultKernelStep : ConversionStep
{
    internal override string Name => "DefaultKernel";

    internal override int Order => 350;

    internal override void Apply(ConversionContext context)
    {
        KernelInfo? boot = context.Drivers.Boot, current = context.Drivers.Current;
        if (!context.Drivers.HasVirtioDisk && boot is { IsUnified: true })
        {
            CheckUnified(context, boot);
        }
        else if (!context.Drivers.HasVirtioDisk)
        {
            context.Warn($"No kernel of the guest can start from a virtio disk; its disks are put on {context.Capabilities.BlockBus}, its network cards on {context.Capabilities.NetModel}.");
        }

        if (boot is null || current == boot)
        {
            return;
        }

        string why = current is not null && KernelDrivers.IsXenOnly(current) ? "starts under Xen only"
            : current is { HasVirtioBlk: true } or { HasVirtioScsi: true } && KernelDrivers.LacksInitramfs(current) ? "has its virtio disk driver in a module, and no initramfs that could load it"
            : "has no virtio disk driver";
        context.Warn(DefaultEntry.Set(context, boot)
            ? $"The guest starts the kernel {boot.Version} now: the default one, {current?.Version}, {why}."
            : $"The kernel {boot.Version} must be started: the default one, {current?.Version}, {why}, and the boot menu could not be changed.");
    }

    /// <summary>A unified image starts on SATA if it has that driver; its own next rebuild brings virtio, since the tools' settings name it.</summary>
    private static void CheckUnified(ConversionContext context, KernelInfo boot)
    {
        if (!KernelDrivers.HasInside(boot, "ahci"))
        {
            throw V2VException.Unsupported(
                "ConversionUnifiedKernelDrivers", $"The unified kernel image {boot.ImagePath} has neither virtio nor AHCI drivers inside, and nothing can be added to it.", boot.ImagePath,
                "Build the image with virtio_pci, virtio_blk and virtio_scsi in the guest, and export it again.");
        }

        context.Warn(KernelDrivers.HasInside(boot, "virtio_pci") && KernelDrivers.HasInside(boot, "virtio_blk")
            ? $"The command line inside the unified kernel image {boot.ImagePath} names a disk by its place ({boot.EmbeddedCommandLine}), which is another one on virtio-blk; its disks are put on SATA. Give it the UUID in the guest."
            : $"The unified kernel image {boot.ImagePath} has no virtio disk driver inside, and nothing can be added to it; its disks are put on SATA. Its next rebuild in the guest has the driver.");
    }
}
