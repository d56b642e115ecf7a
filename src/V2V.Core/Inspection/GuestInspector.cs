using V2V.Core.Guest;
using V2V.Core.Inspection.Boot;
using V2V.Core.Inspection.Distributions;
using V2V.Core.Inspection.Volumes;
using V2V.Core.Inspection.Windows;
using V2V.Core.Sources;
using V2V.Storage.Volumes;

namespace V2V.Core.Inspection;

/// <summary>
/// Looks into a machine's disks and tells what is inside, from files alone: nothing is mounted, no guest code runs, nothing is written.
/// What prevents a conversion is reported in <see cref="V2VInspection.Blockers"/>, not thrown.
/// </summary>
public static class GuestInspector
{
    /// <summary>Inspects a machine.</summary>
    /// <param name="source">The machine.</param>
    /// <param name="options">What the user chose.</param>
    /// <param name="observer">Takes progress and warnings, and gives the cancellation.</param>
    /// <exception cref="Storage.V2VException">
    /// <c>InspectionSeveralRoots</c>, <c>InspectionRootNotFound</c>, or an error of a disk that cannot be opened at all.
    /// </exception>
    public static V2VInspection Inspect(V2VSource source, InspectionOptions options, IOperationObserver observer)
    {
        ArgumentNullException.ThrowIfNull(source);
        using GuestDisks disks = GuestDisks.Open(source);
        return Inspect(source, disks, options, observer);
    }

    /// <summary>Inspects disks that are open already, such as overlays.</summary>
    public static V2VInspection Inspect(V2VSource source, GuestDisks disks, InspectionOptions options, IOperationObserver observer)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(disks);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(observer);
        observer.Verbose($"Inspecting {source.Name}.");
        List<string> warnings = [.. disks.Warnings];
        List<VolumeReport> reports = VolumeReport.Read(disks, observer.CancellationToken);
        foreach (VolumeReport report in reports)
        {
            observer.Verbose($"{report.Info.Device}: {report.Info.FileSystem ?? "unknown"}, {report.Role}.");
        }

        (int? bootDisk, BootCode bootCode) = FirmwareDetector.FindBootDisk(disks.Devices);
        FirmwareType firmware = FirmwareDetector.Decide(source.Firmware, disks.Volumes.Select(v => v.Info).ToList(), HasEfiLoaders(reports), bootCode, warnings.Add);
        List<VolumeReport> roots = FindRoots(reports);
        VolumeReport? root = RootChoice.Choose(roots, options.Root, source.Name);
        V2VInspection inspection = root switch
        {
            null => WithoutRoot(source, reports, disks.Assembled, firmware, warnings),
            { Role: FileSystemRole.WindowsRoot } => Windows(source, root, roots, reports, disks.Assembled, firmware, warnings),
            _ => new LinuxInspection(source, disks, reports, root, firmware, bootDisk, bootCode, warnings, observer).Run(roots),
        };
        foreach (string warning in inspection.Warnings)
        {
            observer.Warning($"{source.Name}: {warning}");
        }

        return inspection;
    }

    /// <summary>The systems that can be chosen. A Windows without a registry, as a disk that was once another machine's may have, is none beside one that has it.</summary>
    private static List<VolumeReport> FindRoots(List<VolumeReport> reports)
    {
        List<VolumeReport> found = [.. reports.Where(r => r.Tree is not null && r.Role is FileSystemRole.LinuxRoot or FileSystemRole.CoreOsRoot or FileSystemRole.WindowsRoot)];
        List<VolumeReport> whole = [.. found.Where(r => r.Role != FileSystemRole.WindowsRoot || (SystemFolder.Find(r.Tree!) is { } folder && SystemFolder.HasRegistry(r.Tree!, folder)))];
        return whole.Count > 0 ? whole : found;
    }

    private static V2VInspection Windows(
        V2VSource source, VolumeReport root, List<VolumeReport> roots, List<VolumeReport> reports, AssembledVolumes assembled, FirmwareType firmware, List<string> warnings)
    {
        warnings.AddRange(assembled.Problems.Where(p => IsLocked(p, reports)).Take(32).Select(p => $"{p.Message} It stays as it is; the guest's own Windows opens it."));
        return WindowsInspection.Run(source, root, roots, root.Tree!, firmware, reports, warnings);
    }

    /// <summary>A machine with another system, or none that could be found.</summary>
    private static V2VInspection WithoutRoot(V2VSource source, List<VolumeReport> reports, AssembledVolumes assembled, FirmwareType firmware, List<string> warnings)
    {
        (string osType, BlockerInfo[] blockers, string? root) = Explain(source, reports, assembled);
        return new V2VInspection
        {
            Source = source,
            OsType = osType,
            Firmware = firmware,
            Volumes = [.. reports.Select(r => r.Info)],
            RootDevice = root,
            Blockers = blockers,
            Warnings = warnings,
        };
    }

    private static (string OsType, BlockerInfo[] Blockers, string? Root) Explain(V2VSource source, List<VolumeReport> reports, AssembledVolumes assembled)
    {
        VolumeReport? windows = reports.Find(r => r.Role == FileSystemRole.WindowsRoot)
            ?? reports.Where(r => r.Info.FileSystem is "ntfs" or "BitLocker" && !assembled.Volumes.Any(v => v.Members.Contains(r.Info.Device))).MaxBy(r => r.Info.Length);
        if (windows is not null)
        {
            // Behind BitLocker, the key is what is missing, not Windows.
            VolumeProblem[] locked = [.. assembled.Problems.Where(p => IsLocked(p, reports)).Take(32)];
            return ("windows", locked.Length > 0 ? [.. locked.Select(Blockers.Refused)] : [Blockers.Windows(windows)], windows.Info.Device);
        }

        if (reports.Find(r => r.Role == FileSystemRole.OstreeRoot) is { } ostree)
        {
            return ("linux", [Blockers.Ostree(ostree.Info.Device)], ostree.Info.Device);
        }

        foreach ((FileSystemRole role, string osType, string name) in ((FileSystemRole, string, string)[])[(FileSystemRole.FreeBsdRoot, "freebsd", "FreeBSD"),
            (FileSystemRole.NetBsdRoot, "netbsd", "NetBSD"), (FileSystemRole.OpenBsdRoot, "openbsd", "OpenBSD"), (FileSystemRole.HurdRoot, "hurd", "GNU/Hurd"),
            (FileSystemRole.MinixRoot, "minix", "Minix"), (FileSystemRole.DosRoot, "dos", "DOS")])
        {
            if (reports.Find(r => r.Role == role) is { } other)
            {
                return (osType, [Blockers.OtherSystem(name, other.Info.Device)], other.Info.Device);
            }
        }

        // A root may hide in what could not be opened; each such volume is named once.
        IEnumerable<BlockerInfo> refused = assembled.Problems.Select(Blockers.Refused);
        BlockerInfo[] hidden = [.. refused.Concat(reports.Where(r => !assembled.IsMember(r.Info.Device)).Select(Blockers.ForVolume).OfType<BlockerInfo>()).DistinctBy(b => (b.ErrorId, b.Target)).Take(32)];
        return ("unknown", hidden.Length > 0 ? hidden : [Blockers.NoSystem(source.Name)], null);
    }

    private static bool IsLocked(VolumeProblem problem, List<VolumeReport> reports) =>
        problem.Members.Any(m => reports.Exists(r => r.Info.Device == m && r.Info.FileSystem == "BitLocker"));

    private static bool? HasEfiLoaders(List<VolumeReport> reports)
    {
        bool? found = null;
        foreach (VolumeReport esp in reports.Where(r => FirmwareDetector.IsEsp(r.Info) && r.Tree is not null))
        {
            var context = new InspectionContext(esp.Tree!, []);
            string? folder = context.FindIgnoringCase("/EFI");
            bool hasLoaders = folder is not null && context.List(folder).Take(256)
                .Any(v => context.List(GuestPath.Combine(folder, v.Name)).Any(f => f.Name.EndsWith(".efi", StringComparison.OrdinalIgnoreCase)));
            hasLoaders |= esp.Tree!.FileExists("/EFI/Microsoft/Boot/bootmgfw.efi");
            found = found == true || hasLoaders;
        }

        return found;
    }
}
