using System.Text.RegularExpressions;
using V2V.Core.Inspection;

namespace V2V.Core.Conversion;

/// <summary>What the guest's kernels can drive, and the one that the target is fitted to.</summary>
internal sealed partial class KernelDrivers
{
    private KernelDrivers(KernelInfo? current, KernelInfo? boot, BlockBus bus)
    {
        Current = current;
        Boot = boot;
        Bus = bus;
    }

    /// <summary>The kernel that the guest starts by default; null if none was found.</summary>
    internal KernelInfo? Current { get; }

    /// <summary>The kernel that is to start by default; null if none was found.</summary>
    internal KernelInfo? Boot { get; }

    /// <summary>Bus of the disks.</summary>
    internal BlockBus Bus { get; }

    /// <summary>True if the kernel to boot drives virtio disks.</summary>
    internal bool HasVirtioDisk => Bus is BlockBus.VirtioBlk or BlockBus.VirtioScsi;

    /// <summary>The driver of the network card that the guest gets.</summary>
    internal string NetDriver => Boot?.HasVirtioNet == true ? "virtio_net" : "e1000";

    /// <summary>
    /// Keeps the default kernel if it has virtio; otherwise takes the best that has it (convert-linux.md 4.2: virtio-net first, then the version);
    /// otherwise keeps the default on an emulated bus.
    /// </summary>
    internal static KernelDrivers Choose(V2VInspection inspection, ConversionOptions options)
    {
        List<KernelInfo> candidates = [.. inspection.Kernels.Where(k => !IsDebug(k) && !IsXenOnly(k) && !k.IsRescue)];
        KernelInfo? current = inspection.Kernels.FirstOrDefault(k => k.IsDefault) ?? (inspection.Kernels is [{ } first, ..] ? first : null);
        KernelInfo? boot = current is not null && !IsXenOnly(current) && (CanHaveVirtio(current) || current.IsUnified)
            ? current
            : candidates.Where(CanHaveVirtio)
                .OrderByDescending(k => k.HasVirtioNet).ThenByDescending(k => k.Version, Comparer<string>.Create((a, b) => PackageVersion.Compare(a, b))).FirstOrDefault()
                ?? (current is not null && IsXenOnly(current) ? candidates.FirstOrDefault() : current);
        return new KernelDrivers(current, boot, ChooseBus(boot, options.PreferredBus));
    }

    /// <summary>True for a kernel that starts under Xen only, as the packages for it built them before Linux 2.6.32 had one kernel for both.</summary>
    internal static bool IsXenOnly(KernelInfo kernel) =>
        kernel.Version.Contains("xen", StringComparison.Ordinal) && PackageVersion.Compare(kernel.Version, "2.6.32") < 0;

    private static bool CanHaveVirtio(KernelInfo kernel) =>
        !kernel.InitramfsIsFileSystem && (LacksInitramfs(kernel) ? ChooseBus(kernel, BlockBus.VirtioBlk) != BlockBus.Sata : kernel.HasVirtioBlk || kernel.HasVirtioScsi);

    /// <summary>True for a kernel that finds its root by what is compiled in, and to which nothing can be added.</summary>
    internal static bool LacksInitramfs(KernelInfo kernel) => kernel.InitramfsPath is null && !kernel.IsUnified;

    private static BlockBus ChooseBus(KernelInfo? kernel, BlockBus preferred) => kernel switch
    {
        { InitramfsIsFileSystem: true } => BlockBus.Sata,

        // Nothing can be added there, so what is inside decides.
        { IsUnified: true } when !HasInside(kernel, "virtio_pci") => BlockBus.Sata,
        { IsUnified: true } when HasInside(kernel, "virtio_scsi") && HasInside(kernel, "sd_mod")
            && (preferred == BlockBus.VirtioScsi || !HasInside(kernel, "virtio_blk") || NamesDisk().IsMatch(kernel.EmbeddedCommandLine ?? "")) => BlockBus.VirtioScsi,
        { IsUnified: true } => HasInside(kernel, "virtio_blk") && !NamesDisk().IsMatch(kernel.EmbeddedCommandLine ?? "") ? BlockBus.VirtioBlk : BlockBus.Sata,
        not null when LacksInitramfs(kernel) && !kernel.BuiltIn.Contains("virtio_pci") => BlockBus.Sata,
        not null when LacksInitramfs(kernel) => kernel.BuiltIn.Contains("virtio_scsi") && kernel.BuiltIn.Contains("sd_mod") && (preferred == BlockBus.VirtioScsi || !kernel.BuiltIn.Contains("virtio_blk"))
            ? BlockBus.VirtioScsi
            : kernel.BuiltIn.Contains("virtio_blk") ? BlockBus.VirtioBlk : BlockBus.Sata,
        { HasVirtioScsi: true } when preferred == BlockBus.VirtioScsi => BlockBus.VirtioScsi,
        { HasVirtioBlk: true } => BlockBus.VirtioBlk,
        { HasVirtioScsi: true } => BlockBus.VirtioScsi,
        _ => BlockBus.Sata,
    };

    /// <summary>True if a unified image has a driver, compiled in or in its initramfs.</summary>
    internal static bool HasInside(KernelInfo kernel, string module) => kernel.InitramfsModules.Contains(module) || kernel.BuiltIn.Contains(module);

    /// <summary>A device by its place, which is the same on every bus but virtio-blk.</summary>
    [GeneratedRegex(@"(?:^|\s)(?:root|resume)=/dev/sd[a-z]", RegexOptions.CultureInvariant)]
    private static partial Regex NamesDisk();

    private static bool IsDebug(KernelInfo kernel) =>
        kernel.Package is { } package && (package.EndsWith("-debug", StringComparison.Ordinal) || package.EndsWith("-dbg", StringComparison.Ordinal));
}
