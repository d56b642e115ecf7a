using V2V.Core.Guest;
using V2V.Core.Inspection.Boot;
using V2V.Core.Sources;
using V2V.Storage.Volumes;

namespace V2V.Core.Inspection.Volumes;

/// <summary>Where the guest mounts its volumes: fstab, resolved to the volumes that could be opened.</summary>
internal sealed class MountPlan
{
    private const int MaxFstabBytes = 1 << 20;

    /// <summary>GPT type of the partition that the Boot Loader Specification calls XBOOTLDR.</summary>
    private const string ExtendedLoaderType = "bc13c2ff-59e6-4262-a352-b275fd6f7172";

    /// <summary>Mount points without which a guest cannot be converted.</summary>
    private static readonly string[] s_essential = ["/boot", "/boot/efi", "/efi", "/usr", "/var", "/etc"];

    /// <summary>Those that fstab alone finds: an ESP is found by its type too.</summary>
    private static readonly string[] s_edited = ["/boot", "/usr", "/var", "/etc"];

    private readonly Dictionary<string, MountInfo> _mounts = new(StringComparer.Ordinal);
    private readonly List<BlockerInfo> _blockers;
    private readonly List<string> _warnings;
    private readonly IReadOnlyList<VolumeReport> _reports;
    private readonly IReadOnlyList<VolumeProblem> _problems;

    private MountPlan(IReadOnlyList<VolumeReport> reports, List<BlockerInfo> blockers, List<string> warnings, IReadOnlyList<VolumeProblem> problems) =>
        (_reports, _blockers, _warnings, _problems) = (reports, blockers, warnings, problems);

    /// <summary>Reads the fstab of a root and resolves it.</summary>
    /// <param name="root">The root file system.</param>
    /// <param name="reports">All volumes.</param>
    /// <param name="disks">The source's disks.</param>
    /// <param name="blockers">Takes what prevents a conversion.</param>
    /// <param name="warnings">Takes what a user should know.</param>
    /// <param name="problems">Volumes that could not be put together.</param>
    internal static List<MountInfo> Make(
        VolumeReport root, IReadOnlyList<VolumeReport> reports, IReadOnlyList<SourceDisk> disks, List<BlockerInfo> blockers, List<string> warnings,
        IReadOnlyList<VolumeProblem>? problems = null)
    {
        var plan = new MountPlan(reports, blockers, warnings, problems ?? []);
        plan._mounts.Add("/", new MountInfo("/", root.Info.Device, root.Info.FileSystem ?? "", "/dev/" + root.Info.Device, root.MountOptions.Length > 0 ? root.MountOptions : "defaults"));
        VolumeInfo[] volumes = [.. reports.Select(r => r.Info)];
        var resolver = new DeviceNameResolver(volumes, disks, StackedNames.Read(root.Tree!, volumes, root.Info.Device));
        foreach (FstabLine line in FstabLine.Parse(plan.ReadFstab(root.Tree!)))
        {
            plan.Add(line, root, resolver);
        }

        plan.AddExtendedLoader(root.Tree!);
        plan.AddEsp(root.Tree!);
        plan.CheckWritable();
        return [.. plan._mounts.Values.OrderBy(m => m.MountPoint.Length).ThenBy(m => m.MountPoint, StringComparer.Ordinal)];
    }

    private IEnumerable<string> ReadFstab(GuestTree tree)
    {
        try
        {
            return tree.FileExists("/etc/fstab") ? [.. tree.ReadLines("/etc/fstab", MaxFstabBytes)] : [];
        }
        catch (Storage.V2VException e)
        {
            _blockers.Add(new BlockerInfo("InspectionFstabUnreadable", $"/etc/fstab cannot be read: {e.Message}", "/etc/fstab",
                "Repair /etc/fstab in the guest and export it again."));
            return [];
        }
    }

    private void Add(FstabLine line, VolumeReport root, DeviceNameResolver resolver)
    {
        string point = GuestPath.Normalize(line.MountPoint);
        if (line.Type == "swap" || !line.MountPoint.StartsWith('/') || IsIgnored(point) || line.HasOption("bind") || line.HasOption("rbind"))
        {
            return;
        }

        if (line.Spec == "/dev/root" || point == "/")
        {
            AddRootLine(line, root, resolver);
            return;
        }

        (DeviceNameResolver.Outcome outcome, VolumeInfo? volume) = resolver.Resolve(line.Spec);
        VolumeReport? report = volume is null ? null : _reports.FirstOrDefault(r => r.Info.Device == volume.Device);
        if (report is { Tree: null, Info.FileSystem: "btrfs" })
        {
            // Any device of a file system stands for it.
            report = _reports.FirstOrDefault(r => r.Tree is not null && r.Info.Uuid == report.Info.Uuid) ?? report;
        }

        if (report is { Info.FileSystem: "ntfs" })
        {
            // A Windows beside this system owns it, and may be asleep.
            Warn($"{report.Info.Device} is NTFS and is mounted at {point}. It stays as it is.");
        }
        else if (report?.Tree is not null && FindMountProblem(report, line) is { } problem)
        {
            Problem(point, problem);
        }
        else if (report?.Tree is not null)
        {
            _mounts.TryAdd(point, new MountInfo(point, report.Info.Device, report.Info.FileSystem ?? line.Type, line.Spec, line.Options));
        }
        else if (report is not null && Blockers.ForVolume(report) is { } unsupported)
        {
            Problem(point, unsupported with { Message = $"{unsupported.Message} It is mounted at {point}." });
        }
        else if (outcome == DeviceNameResolver.Outcome.Stacked)
        {
            Problem(point, Blockers.Stacked(line.Spec, point, _problems));
        }
        else if (outcome == DeviceNameResolver.Outcome.Missing && s_edited.Contains(point) && !line.HasOption("nofail"))
        {
            // Without it the edits would lie below the mount point, where the guest never sees them.
            _blockers.Add(Blockers.Missing(line.Spec, point));
        }
        else if (outcome is DeviceNameResolver.Outcome.Missing or DeviceNameResolver.Outcome.Found && !line.HasOption("nofail") && !line.HasOption("noauto"))
        {
            Warn($"fstab mounts {line.Spec} at {point}, but no volume of the disks is that.");
        }
    }

    private void AddRootLine(FstabLine line, VolumeReport root, DeviceNameResolver resolver)
    {
        if (_mounts["/"].Spec != "/dev/" + root.Info.Device || GuestPath.Normalize(line.MountPoint) != "/")
        {
            return;
        }

        VolumeInfo? named = resolver.Find(line.Spec);
        if (named is not null && named.Device != root.Info.Device)
        {
            Warn($"fstab names {line.Spec} as the root, which is {named.Device}; the root found is {root.Info.Device}.");
        }

        // The subvolume is the one that was found, whatever fstab says: the kernel mounts the root by its command line.
        string[] options = [.. line.Options.Split(',').Where(o => !o.StartsWith("subvol", StringComparison.Ordinal)), .. root.MountOptions.Length > 0 ? [root.MountOptions] : Array.Empty<string>()];
        _mounts["/"] = _mounts["/"] with { Spec = line.Spec, Options = string.Join(',', options) };
    }

    /// <summary>Why a file system cannot be mounted as fstab says: a subvolume that does not exist.</summary>
    private static BlockerInfo? FindMountProblem(VolumeReport report, FstabLine line)
    {
        try
        {
            report.Tree!.Mounts[0].FileSystem.GetMount(line.Options);
            return null;
        }
        catch (Storage.V2VException e)
        {
            return new BlockerInfo("InspectionFstabUnreadable", $"fstab mounts {line.Spec} at {line.MountPoint}: {e.Message}", "/etc/fstab", "Repair /etc/fstab in the guest and export it again.");
        }
    }

    /// <summary>systemd mounts an ESP that fstab does not name by itself (systemd-gpt-auto-generator(8)).</summary>
    private void AddEsp(GuestTree tree)
    {
        VolumeReport[] esps = [.. _reports.Where(r => FirmwareDetector.IsEsp(r.Info) && r.Tree is not null && _mounts.Values.All(m => m.Device != r.Info.Device))];
        if (esps.Length == 1 && _mounts.Values.All(m => !_reports.Any(r => r.Info.Device == m.Device && FirmwareDetector.IsEsp(r.Info))))
        {
            string? point = ((string[])["/efi", "/boot/efi"]).FirstOrDefault(p => tree.DirectoryExists(p) && !_mounts.ContainsKey(p)) ?? (IsEmptyBoot(tree) ? "/boot" : null);
            if (point is not null)
            {
                _mounts.Add(point, new MountInfo(point, esps[0].Info.Device, "vfat", "/dev/" + esps[0].Info.Device, "defaults"));
            }
        }
    }

    /// <summary>So it does with the partition that the Boot Loader Specification calls XBOOTLDR.</summary>
    private void AddExtendedLoader(GuestTree tree)
    {
        VolumeReport[] loaders = [.. _reports.Where(r => ExtendedLoaderType.Equals(r.Info.PartitionType, StringComparison.OrdinalIgnoreCase) && r.Tree is not null && _mounts.Values.All(m => m.Device != r.Info.Device))];
        if (loaders.Length == 1 && IsEmptyBoot(tree))
        {
            VolumeInfo volume = loaders[0].Info;
            _mounts.Add("/boot", new MountInfo("/boot", volume.Device, volume.FileSystem ?? "", "/dev/" + volume.Device, "defaults"));
        }
    }

    private bool IsEmptyBoot(GuestTree tree) => !_mounts.ContainsKey("/boot") && tree.DirectoryExists("/boot") && !tree.EnumerateDirectory("/boot").Any();

    /// <summary>What can be read but not written can be inspected, not converted.</summary>
    private void CheckWritable()
    {
        foreach (MountInfo mount in _mounts.Values)
        {
            if (_reports.FirstOrDefault(r => r.Info.Device == mount.Device)?.Info.ReadOnlyReason is { } reason)
            {
                _blockers.Add(Blockers.ReadOnlyVolume(mount.Device, mount.MountPoint, reason));
            }
        }
    }

    private void Problem(string point, BlockerInfo problem)
    {
        if (s_essential.Contains(point))
        {
            _blockers.Add(problem);
        }
        else
        {
            Warn($"{problem.Message} It stays as it is.");
        }
    }

    private void Warn(string warning)
    {
        if (_warnings.Count < 200)
        {
            _warnings.Add(warning);
        }
    }

    private static bool IsIgnored(string point) =>
        ((string[])["/dev", "/proc", "/sys", "/selinux", "/media"]).Any(d => GuestPath.IsBelow(point, d));
}
