using V2V.Core.Guest;
using V2V.Core.Inspection.Volumes;
using V2V.Core.Sources;
using V2V.FileSystems.Ntfs;
using V2V.Registry;

namespace V2V.Core.Inspection.Windows;

/// <summary>Inspects the system volume of a Windows guest: start here. The registry tells nearly everything; only the pages that are needed of it are read.</summary>
internal static class WindowsInspection
{
    private static readonly string[] s_rebootKeys =
        [@"Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired", @"Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending"];

    private static readonly (string Tool, string Name)[] s_tools =
    [
        ("VMware Tools", "vmware-tools"), ("VirtualBox Guest Additions", "virtualbox-guest-additions"), ("Parallels Tools", "parallels-tools"),
        ("Virtuozzo Tools", "parallels-tools"), ("Citrix XenServer", "xen-tools"), ("XenServer", "xen-tools"), ("Citrix Hypervisor", "xen-tools"),
        ("Red Hat Paravirtualized Xen", "xen-tools"), ("Novell Xen", "xen-tools"), ("SUSE Virtual Machine Driver", "vmdp"), ("Nutanix", "nutanix-guest-tools"),
    ];

    /// <summary>What is inside; <paramref name="tree"/> is the system volume, at <c>/</c>.</summary>
    public static V2VInspection Run(
        V2VSource source, VolumeReport root, IReadOnlyList<VolumeReport> roots, GuestTree tree, FirmwareType firmware, IReadOnlyList<VolumeReport> reports, List<string> warnings)
    {
        var context = new InspectionContext(tree, warnings);
        string systemRoot = SystemFolder.Find(tree) ?? "/Windows";
        using var hives = new WindowsHives(context, systemRoot);
        WindowsRelease release = ReadRelease(context, hives, systemRoot);
        string architecture = PeMachine.Detect(tree, systemRoot) ?? FromEnvironment(hives);
        IReadOnlyList<(ApplicationInfo Application, bool IsAntivirus)> applications = WindowsApplications.Read(hives, architecture);
        IReadOnlyList<VolumeInfo> volumes = [.. reports.Select(r => r.Info)];
        bool isHibernated = tree.Mounts[0].FileSystem is NtfsFileSystem { IsHibernated: true };
        RegistryKey? tcp = hives.Current(@"Services\Tcpip\Parameters");
        return new V2VInspection
        {
            Source = source,
            OsType = "windows",
            Distro = "windows",
            ProductName = release.ProductName,
            Version = release.Version,
            Architecture = architecture,
            HostName = hives.Read(() => tcp?.GetText("Hostname") ?? hives.Current(@"Control\ComputerName\ComputerName")?.GetText("ComputerName")) ?? "",
            OsInfoId = release.OsInfoId,
            Firmware = firmware,
            BootDiskIndex = BootDisk.Find(firmware, reports),
            RootDevice = root.Info.Device,
            Roots = [.. roots.Select(r => r.Info.Device)],
            Volumes = volumes,
            Applications = [.. applications.Select(a => a.Application)],
            GuestTools = FindTools(applications),
            Networks = WindowsNetworks.Read(hives, source.Nics),
            Windows = new WindowsInfo
            {
                SystemRoot = systemRoot,
                ControlSet = hives.ControlSet,
                Edition = release.Edition,
                InstallationType = release.InstallationType,
                Revision = release.Revision,
                Domain = hives.Read(() => tcp?.GetText("Domain")) ?? "",
                HasGroupPolicy = hives.Read(() => hives.Get(@"Microsoft\Windows\CurrentVersion\Group Policy\History")?.Subkeys.Any(k => k.Name.StartsWith('{'))) ?? false,
                IsRebootPending = IsRebootPending(hives),
                IsHibernated = isHibernated,
                IsRegistryDirty = hives.IsDirty,
                Antivirus = [.. applications.Where(a => a.IsAntivirus).Select(a => a.Application.Name).Distinct()],
                HasDefender = hives.Get(@"Microsoft\Windows Defender") is not null,
                DriveLetters = DriveLetters.Read(hives, volumes),
            },
            Mounts = [new MountInfo("/", root.Info.Device, "ntfs", "", "")],
            Blockers =
            [
                .. isHibernated ? [Blockers.HibernatedWindows(root.Info.Device)] : (BlockerInfo[])[],
                .. root.Info.ReadOnlyReason is { } reason ? [Blockers.ReadOnlySystem(root.Info.Device, reason)] : (BlockerInfo[])[],
            ],
            Warnings = warnings,
        };
    }

    /// <summary>Name of the Windows on a volume, for a choice between several; empty if it does not tell.</summary>
    internal static string ReadProduct(GuestTree tree)
    {
        using var hives = new WindowsHives(new InspectionContext(tree, []), SystemFolder.Find(tree) ?? "/Windows");
        return hives.Read(() => WindowsRelease.Read(hives.Get(@"Microsoft\Windows NT\CurrentVersion")))?.ProductName ?? "";
    }

    /// <summary>The registry's word; where it says nothing, as a SOFTWARE hive that cannot be read, the kernel's.</summary>
    private static WindowsRelease ReadRelease(InspectionContext context, WindowsHives hives, string systemRoot)
    {
        const string Key = @"Microsoft\Windows NT\CurrentVersion";
        WindowsRelease? told = hives.Read(() => WindowsRelease.Read(hives.Get(Key)));
        if (told?.Version.Major > 0)
        {
            return told;
        }

        string? productType = hives.Read(() => hives.Current(@"Control\ProductOptions")?.GetText("ProductType"));
        Version? kernel = PeVersion.OfKernel(context.Tree, systemRoot);
        if (kernel is not null)
        {
            context.Warn($"The registry does not tell the version of Windows; its kernel says {kernel}.");
        }

        return hives.Read(() => WindowsRelease.Read(hives.Get(Key), productType, kernel)) ?? WindowsRelease.Read(null, productType, kernel);
    }

    private static string FromEnvironment(WindowsHives hives) =>
        hives.Read(() => hives.Current(@"Control\Session Manager\Environment")?.GetText("PROCESSOR_ARCHITECTURE"))?.ToUpperInvariant() switch
        {
            "X86" => "i386",
            "AMD64" => "x86_64",
            "ARM64" => "aarch64",
            _ => "unknown",
        };

    private static bool IsRebootPending(WindowsHives hives) =>
        s_rebootKeys.Any(k => hives.Get(k) is not null)
        || hives.Read(() => hives.Current(@"Control\Session Manager")?.GetValue("PendingFileRenameOperations")) is { Data.Length: > 4 };

    private static IReadOnlyList<GuestToolInfo> FindTools(IReadOnlyList<(ApplicationInfo Application, bool IsAntivirus)> applications) =>
    [
        .. s_tools.Select(t => (t.Name, Application: applications.FirstOrDefault(a => a.Application.Name.Contains(t.Tool, StringComparison.OrdinalIgnoreCase)).Application))
            .Where(t => t.Application is not null).DistinctBy(t => t.Name).Select(t => new GuestToolInfo(t.Name, "package", [t.Application.Name])),
    ];
}
