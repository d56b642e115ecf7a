using V2V.Core.Guest;

namespace V2V.Core.Inspection;

/// <summary>Finds the guest tools of other hypervisors, by package and, where an installer of their own put them, by file.</summary>
internal static class GuestToolFinder
{
    private static readonly (string Name, Func<string, bool> IsMember)[] s_packages =
    [
        ("open-vm-tools", n => n == "open-vm-tools" || n.StartsWith("open-vm-tools-", StringComparison.Ordinal) || n.StartsWith("open-vm-dkms", StringComparison.Ordinal)),
        ("vmware-tools", n => n == "VMwareTools" || n.StartsWith("vmware-tools-", StringComparison.Ordinal) || n.StartsWith("kmod-vmware-tools", StringComparison.Ordinal)),
        ("virtualbox-guest-additions", n => n.StartsWith("virtualbox-guest-", StringComparison.Ordinal) && n != "virtualbox-guest-additions-iso"),
        ("xe-guest-utilities", n => n.StartsWith("xe-guest-utilities", StringComparison.Ordinal) || n == "xen-guest-agent"),
        ("hyperv-daemons", n => n.StartsWith("hyperv-", StringComparison.Ordinal) || n.StartsWith("hypervkvpd", StringComparison.Ordinal)
            || n.StartsWith("linux-cloud-tools-", StringComparison.Ordinal)),
        ("parallels-tools", n => n.StartsWith("parallels-tools", StringComparison.Ordinal)),
        ("nutanix-guest-tools", n => n.StartsWith("nutanix-guest-", StringComparison.Ordinal) || n == "ngt"),
    ];

    private static readonly (string Name, string Path)[] s_files =
    [
        ("vmware-tools-tarball", "/usr/bin/vmware-uninstall-tools.pl"),
        ("virtualbox-guest-additions", "/var/lib/VBoxGuestAdditions/config"),
        ("parallels-tools", "/usr/lib/parallels-tools/install"),
        ("nutanix-guest-tools", "/usr/local/nutanix/ngt"),
        ("xe-guest-utilities", "/usr/sbin/xe-daemon"),
        ("open-vm-tools", "/usr/bin/vmtoolsd"),
    ];

    internal static List<GuestToolInfo> Find(InspectionContext context, IReadOnlyList<ApplicationInfo> packages)
    {
        var tools = new List<GuestToolInfo>();
        foreach ((string name, Func<string, bool> isMember) in s_packages)
        {
            List<string> members = [.. packages.Where(p => isMember(p.Name)).Select(p => p.Name).Distinct().Order(StringComparer.Ordinal)];
            if (members.Count > 0)
            {
                tools.Add(new GuestToolInfo(name, "package", members));
            }
        }

        foreach ((string name, string path) in s_files)
        {
            if (!tools.Exists(t => t.Name == name) && context.Tree.Exists(path)
                && !(name == "open-vm-tools" && tools.Exists(t => t.Name.StartsWith("vmware-tools", StringComparison.Ordinal))))
            {
                tools.Add(new GuestToolInfo(name, "files", []));
            }
        }

        // The additions' own installer unpacks a folder for each version.
        if (!tools.Exists(t => t.Name == "virtualbox-guest-additions")
            && context.List("/opt").Any(e => GuestPath.Matches(e.Name, "VBoxGuestAdditions-*")))
        {
            tools.Add(new GuestToolInfo("virtualbox-guest-additions", "files", []));
        }

        return tools;
    }

    /// <summary>True if cloud-init is installed.</summary>
    internal static bool HasCloudInit(InspectionContext context, IReadOnlyList<ApplicationInfo> packages) =>
        packages.Any(p => p.Name == "cloud-init") || context.Tree.FileExists("/usr/bin/cloud-init");
}
