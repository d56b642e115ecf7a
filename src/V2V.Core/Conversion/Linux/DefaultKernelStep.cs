using V2V.Core.Conversion.Linux.Boot;
using V2V.Core.Inspection;

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
        if (!context.Drivers.HasVirtioDisk)
        {
            context.Warn($"No kernel of the guest has a virtio disk driver; its disks are put on {context.Capabilities.BlockBus}, its network cards on {context.Capabilities.NetModel}.");
        }

        if (boot is null || current == boot)
        {
            return;
        }

        string why = current is not null && KernelDrivers.IsXenOnly(current) ? "starts under Xen only" : "has no virtio disk driver";
        context.Warn(DefaultEntry.Set(context, boot)
            ? $"The guest starts the kernel {boot.Version} now: the default one, {current?.Version}, {why}."
            : $"The kernel {boot.Version} must be started: the default one, {current?.Version}, {why}, and the boot menu could not be changed.");
    }
}
