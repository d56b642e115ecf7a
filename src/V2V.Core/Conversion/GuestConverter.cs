using V2V.Core.Conversion.Linux;
using V2V.Core.Conversion.Linux.Network;
using V2V.Core.Conversion.Windows;
using V2V.Core.Conversion.Windows.Boot;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Boot;
using V2V.Core.Sources;
using V2V.Storage;

namespace V2V.Core.Conversion;

/// <summary>
/// Converts a guest for KVM: start here. Opens overlays over the source's disks, mounts the guest's file systems, applies the steps in their order,
/// trims, and closes. Nothing is left if anything fails. Thread-safe: it holds no state.
/// </summary>
public static class GuestConverter
{
    /// <summary>Inspects a machine and converts its guest.</summary>
    public static V2VOverlay Convert(V2VSource source, ConversionOptions options, IOperationObserver observer)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Convert(GuestInspector.Inspect(source, new InspectionOptions { Root = options.Root }, observer), options, observer);
    }

    /// <summary>Converts an inspected guest.</summary>
    /// <param name="inspection">The guest.</param>
    /// <param name="options">What the user chose.</param>
    /// <param name="observer">Where to report to.</param>
    /// <returns>The overlays, what the guest can drive now, and every change. Without overlays for <see cref="ConversionOptions.WhatIf"/>.</returns>
    /// <exception cref="V2VException">The guest cannot be converted; the blocker's own identifier, or one of docs/errors/conversion.md.</exception>
    public static V2VOverlay Convert(V2VInspection inspection, ConversionOptions options, IOperationObserver observer)
    {
        ArgumentNullException.ThrowIfNull(inspection);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(observer);
        if (options.Root is { } root && inspection.RootDevice is { } found && !IsSameRoot(root, found))
        {
            inspection = GuestInspector.Inspect(inspection.Source, new InspectionOptions { Root = root }, observer);
        }

        string? doubt = Convertibility.Check(inspection);
        CheckOptions(options, inspection);
        CardAddresses.Check(options.StaticAddresses, inspection.Nics);
        using OverlaySet overlays = OverlaySet.Create(inspection.Source, options);
        (ConversionContext context, long trimmed) = Edit(inspection, options, observer, overlays, doubt);
        foreach (BlockDevice device in overlays.Devices)
        {
            device.Flush();
        }

        if (!options.WhatIf)
        {
            overlays.Keep();
        }

        return new V2VOverlay
        {
            Source = inspection.Source,
            Inspection = inspection,
            Capabilities = context.Capabilities,
            Changes = context.Editor.Changes,
            Nics = context.Nics,
            Disks = [.. overlays.Disks],
            WorkingDirectory = overlays.Directory,
            BootDiskIndex = inspection.BootDiskIndex,
            TrimmedBytes = trimmed,
            Warnings = context.Warnings,
        };
    }

    private static (ConversionContext Context, long Trimmed) Edit(V2VInspection inspection, ConversionOptions options, IOperationObserver observer, OverlaySet overlays, string? doubt)
    {
        using GuestDisks disks = GuestDisks.Open(overlays.Devices, keys: inspection.Source.Keys);
        GuestTree tree = GuestTree.Mount(disks, WithEsp(inspection, disks), writable: true);
        using var context = new ConversionContext(inspection, options, tree, observer);
        if (doubt is not null)
        {
            context.Warn(doubt);
        }

        foreach (ConversionStep step in inspection.Windows is null ? LinuxConversion.Steps : WindowsConversion.Steps)
        {
            observer.CancellationToken.ThrowIfCancellationRequested();
            observer.Verbose($"{inspection.Name}: {step.Name}");
            context.Editor.Step = step.Name;
            step.Apply(context);
        }

        tree.Flush();
        return (context, options.Trim ? new DiskTrimmer(disks, context).Trim(tree) : 0);
    }

    /// <summary>The guest's mounts, with its EFI system partition where UEFI guests have it if fstab does not name it; a Windows guest has no fstab.</summary>
    private static IReadOnlyList<MountInfo> WithEsp(V2VInspection inspection, GuestDisks disks)
    {
        IReadOnlyList<MountInfo> mounts = inspection.Windows is null || inspection.Mounts.Count > 0 ? inspection.Mounts : [new MountInfo("/", inspection.RootDevice!, "ntfs", "", "")];
        VolumeInfo? esp = inspection.Windows is null
            ? inspection.Volumes.FirstOrDefault(v => v.FileSystem == "vfat" && string.Equals(v.PartitionType, FirmwareDetector.EspType, StringComparison.OrdinalIgnoreCase))
            : EfiPartition.Find(inspection, disks);
        return esp is null || mounts.Any(m => m.Device == esp.Device || m.MountPoint is "/boot/efi" or "/efi")
            ? mounts
            : [.. mounts, new MountInfo(inspection.Windows is null ? "/boot/efi" : EfiPartition.MountPoint, esp.Device, "vfat", "", "")];
    }

    private static void CheckOptions(ConversionOptions options, V2VInspection inspection)
    {
        if (options.GuestAgentPackage is { } package)
        {
            string[] suffixes = (inspection.Windows is null ? inspection.PackageFormat : "msi") switch
            {
                "pacman" => [".pkg.tar.zst", ".pkg.tar.xz", ".pkg.tar"],
                "deb" or "rpm" or "apk" or "xbps" => ["." + inspection.PackageFormat],
                "msi" => [".msi"],
                _ => throw V2VException.Unsupported(
                    "GuestAgentPackageUnsupported", $"Packages of the guest's kind ({inspection.PackageFormat}) are built in the guest; none can be given to it.", package, "Leave -GuestAgentPackage out."),
            };
            if (!File.Exists(package) || !suffixes.Any(s => package.EndsWith(s, StringComparison.OrdinalIgnoreCase)))
            {
                throw new V2VException(
                    "GuestAgentPackageInvalid", V2VErrorKind.NotFound, $"The guest agent's package is not there, or is not a {suffixes[0]} file.", package, "Check the path.");
            }
        }

        if (inspection.Windows is not null)
        {
            WindowsOptions.Check(options);
        }

        if (options.PreferredBus is not (BlockBus.VirtioBlk or BlockBus.VirtioScsi))
        {
            throw new V2VException(
                "ConversionBusInvalid", V2VErrorKind.InvalidArgument, $"Disks can be put on virtio-blk or virtio-scsi, not on {options.PreferredBus}.", advice: "Choose one of the two.");
        }

        foreach (NicBinding binding in options.NicBindings)
        {
            NetworkNamesStep.CheckBinding(binding);
        }
    }

    private static bool IsSameRoot(string root, string device) =>
        root is "single" or "first" || root == device || root == "/dev/" + device;
}
