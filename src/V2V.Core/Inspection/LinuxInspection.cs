using V2V.Core.Guest;
using V2V.Core.Inspection.Boot;
using V2V.Core.Inspection.Distributions;
using V2V.Core.Inspection.Initramfs;
using V2V.Core.Inspection.Kernels;
using V2V.Core.Inspection.Network;
using V2V.Core.Inspection.Packages;
using V2V.Core.Inspection.Volumes;
using V2V.Core.Sources;

namespace V2V.Core.Inspection;

/// <summary>Inspects the Linux of a chosen root.</summary>
internal sealed class LinuxInspection(
    V2VSource source, GuestDisks disks, List<VolumeReport> reports, VolumeReport root, FirmwareType firmware, int? bootDisk, BootCode bootCode,
    List<string> warnings, IOperationObserver observer)
{
    private readonly List<BlockerInfo> _blockers = [];

    internal V2VInspection Run(List<VolumeReport> roots)
    {
        List<MountInfo> mounts = MountPlan.Make(root, reports, source.Disks, _blockers, warnings, disks.Assembled.Problems);
        GuestTree tree = GuestTree.Mount(disks, mounts, writable: false);
        var context = new InspectionContext(tree, warnings);
        Distribution distribution = DistributionReader.Read(context);
        string distro = distribution.Id ?? "unknown";
        Version version = distribution.Version ?? new Version(0, 0);
        (string format, string manager) = PackageSystem.Of(distribution, tree);
        string architecture = ElfMachine.Detect(tree);
        observer.CancellationToken.ThrowIfCancellationRequested();
        List<ApplicationInfo> packages = PackageDatabase.ReadPackages(context, format);
        BootSetup boot = BootSetup.Find(context, firmware, architecture, bootCode);
        observer.Verbose($"{source.Name}: {distribution.Product}, {architecture}, boot loader {boot.Loader?.Type ?? "unknown"}.");
        List<KernelInfo> kernels = KernelFinder.Find(context, boot, packages, observer.CancellationToken);
        FindBlockers(context, distribution, format, kernels, boot);
        (List<NetworkInfo> networks, IReadOnlyList<SourceNic> nics) = NetworkReader.Read(context, source);
        return new V2VInspection
        {
            Source = source,
            OsType = "linux",
            Distro = distro,
            ProductName = distribution.Product,
            Version = version,
            Architecture = architecture,
            HostName = DistributionReader.ReadHostName(context),
            OsInfoId = OsInfoId.Of(distro, version),
            PackageFormat = format,
            PackageManager = manager,
            InitSystem = InitSystem.Detect(tree),
            Firmware = firmware,
            BootDiskIndex = FindBootDisk(mounts),
            BootLoader = boot.Loader,
            RootDevice = root.Info.Device,
            Roots = [.. roots.Select(r => r.Info.Device)],
            Volumes = [.. reports.Select(r => r.Info)],
            Mounts = mounts,
            Applications = packages,
            InitramfsTools = InitramfsTool.Find(tree),
            Kernels = kernels,
            GuestTools = GuestToolFinder.Find(context, packages),
            HasCloudInit = GuestToolFinder.HasCloudInit(context, packages),
            Nics = nics,
            Networks = networks,
            Blockers = _blockers,
            Warnings = warnings,
        };
    }

    private void FindBlockers(InspectionContext context, Distribution distribution, string format, List<KernelInfo> kernels, BootSetup boot)
    {
        if (distribution.Id is null && format.Length == 0)
        {
            _blockers.Add(Blockers.UnknownDistribution(distribution.Product, root.Info.Device));
        }

        if (ReadOnlyRoot(context) is { } how)
        {
            _blockers.Add(Blockers.ReadOnlyRoot(root.Info.Device, how));
        }

        if (kernels.Count == 0)
        {
            _blockers.Add(Blockers.NoKernel(root.Info.Device));
        }

        if (boot.Loader is null)
        {
            context.Warn("No boot loader was found.");
        }

        if (reports.Find(r => r.Info.FileSystem == "swsuspend") is { } hibernated)
        {
            _blockers.Add(Blockers.Hibernated(hibernated.Info.Device));
        }

        foreach (BootEntry unified in boot.Menu.Entries.Where(e => e.Kernel?.EndsWith(".efi", StringComparison.OrdinalIgnoreCase) == true
            && !kernels.Exists(k => k.IsUnified && k.ImagePath == BootSetup.FindFile(context.Tree, e.Kernel))).Take(8))
        {
            context.Warn($"{unified.Kernel} is a unified kernel image that does not say its version; its initramfs is inside and was not looked at.");
        }

        SpaceCheck.Check(context.Tree, kernels, _blockers, context);
    }

    /// <summary>Why what is written to the root does not last: it is a read-only snapshot, or /etc lies in another file system above it; null if it does.</summary>
    private static string? ReadOnlyRoot(InspectionContext context)
    {
        if (context.Tree.Mounts[0].FileSystem is V2V.FileSystems.Btrfs.BtrfsFileSystem { IsReadOnlySubvolume: true })
        {
            return "the subvolume of its root is read-only";
        }

        return FstabLine.Parse(context.ReadLines("/etc/fstab")).Any(l => l.Type == "overlay" && GuestPath.Normalize(l.MountPoint) == "/etc")
            ? "its /etc is an overlay above the root"
            : null;
    }

    /// <summary>The first disk that a volume lies on.</summary>
    private int? Below(VolumeInfo? volume) => volume is null ? null : !volume.IsStacked ? volume.DiskIndex
        : disks.Assembled.BaseDevices(volume.Device).Select(disks.FindVolume).OfType<GuestVolume>().Select(v => (int?)v.Info.DiskIndex).Min();

    /// <summary>A BIOS starts the disk with the loader's code, UEFI the one with the ESP; without either it is the disk of /boot.</summary>
    private int? FindBootDisk(List<MountInfo> mounts)
    {
        VolumeInfo? Of(string point) => mounts.Find(m => m.MountPoint == point) is { } mount ? reports.Find(r => r.Info.Device == mount.Device)?.Info : null;
        int? esp = Below(reports.Find(r => FirmwareDetector.IsEsp(r.Info) && mounts.Exists(m => m.Device == r.Info.Device))?.Info);
        return (firmware == FirmwareType.Uefi ? esp : bootDisk) ?? Below(Of("/boot")) ?? Below(root.Info);
    }
}
