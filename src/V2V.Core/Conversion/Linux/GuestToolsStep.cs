using System.Text.RegularExpressions;
using V2V.Core.Guest;
using V2V.Core.Inspection;

namespace V2V.Core.Conversion.Linux;

/// <summary>
/// Retires the tools of the old hypervisor. Offline: their services no longer start, their kernel modules are no longer forced to load, shared
/// folders of the old host are no longer mounted. Removing packages is left to the guest's package manager at the first boot.
/// </summary>
internal sealed partial class GuestToolsStep : ConversionStep
{
    private const string TarballLocations = "/etc/vmware-tools/locations";
    private const string TarballUninstaller = "/usr/bin/vmware-uninstall-tools.pl";
    private const string VirtualBoxConfig = "/var/lib/VBoxGuestAdditions/config";

    private static readonly string[] s_foreignMounts = ["vmhgfs", "fuse.vmhgfs-fuse", "vboxsf", "prl_fs", "vmblock"];

    private static readonly Dictionary<string, string[]> s_services = new(StringComparer.Ordinal)
    {
        ["open-vm-tools"] = ["open-vm-tools", "vmtoolsd", "vgauth", "vgauthd", "open-vm-tools-desktop", @"run-vmblock\x2dfuse.mount"],
        ["vmware-tools"] = ["vmware-tools", "vmware-tools-thinprint", "vmware-tools-services"],
        ["vmware-tools-tarball"] = ["vmware-tools", "vmware-tools-thinprint", "vmware-tools-services"],
        ["virtualbox-guest-additions"] =
            ["virtualbox-guest-utils", "virtualbox-guest-x11", "vboxadd", "vboxadd-service", "vboxadd-x11", "vboxservice", "vboxguest", "vboxclient", "virtualbox-guest-additions"],
        ["xe-guest-utilities"] = ["xe-daemon", "xe-linux-distribution", "xe-guest-utilities", "xen-guest-agent"],
        ["hyperv-daemons"] =
        [
            "hv-kvp-daemon", "hv-vss-daemon", "hv-fcopy-daemon", "hyperv-daemons", "hyperv-daemons.hv-kvp-daemon", "hyperv-daemons.hv-vss-daemon",
            "hyperv-daemons.hv-fcopy-daemon", "hypervkvpd", "hypervvssd", "hypervfcopyd", "hv_kvp_daemon", "hv_vss_daemon", "hv_fcopy_daemon",
        ],
        ["parallels-tools"] = ["prltoolsd", "prltools_updater", "prl-x11"],
        ["nutanix-guest-tools"] = ["ngt_guest_agent", "ngt_self_service_restore"],
    };

    internal override string Name => "GuestTools";

    internal override int Order => 200;

    internal override void Apply(ConversionContext context)
    {
        if (context.Options.KeepGuestTools)
        {
            return;
        }

        foreach (GuestToolInfo tool in context.Inspection.GuestTools)
        {
            Disable(context, tool.Name);
            context.FirstBoot.RemovePackages.AddRange(tool.Packages);
        }

        if (context.Inspection.GuestTools.Any(t => t.Name == "xe-guest-utilities"))
        {
            context.Editor.EditLines("/etc/inittab", line => StoppedTerminal().IsMatch(line) ? line[1..] : line, "XenServer's tools had switched the terminals off.");
        }

        PlanUninstallers(context);
        VendorRepositories.Disable(context);
        ServiceSwitch.Disable(context, "kudzu", "It would stop the boot to ask about every new device.");
        DropModules(context);
        DropMounts(context);
        if (context.HasPackage("ubuntu-server") && context.FirstBoot.RemovePackages.Contains("open-vm-tools"))
        {
            context.Warn("open-vm-tools stays installed, but off, if the guest's ubuntu-server package depends on it.");
        }
    }

    private static void Disable(ConversionContext context, string tool)
    {
        string reason = $"{tool} has nothing to do on KVM; its service does not start any more.";
        foreach (string service in s_services.GetValueOrDefault(tool, []))
        {
            ServiceSwitch.Disable(context, service, reason);
        }
    }

    private static void PlanUninstallers(ConversionContext context)
    {
        if (context.Tree.FileExists(TarballUninstaller))
        {
            // The uninstaller would bring back an initramfs of the time before the tools.
            context.Editor.EditText(
                TarballLocations,
                text => TextLines.Append(text, ["remove_answer RESTORE_RAMDISK_CMD", "remove_answer RESTORE_RAMDISK_KERNELS", "remove_answer RESTORE_RAMDISK_ONECALL"]),
                "VMware's uninstaller must not restore an old initramfs.");
            context.FirstBoot.Uninstallers.Add(("VMware tools", TarballUninstaller));
        }

        string? installed = context.Editor.ReadText(VirtualBoxConfig) is { } config
            ? GuestText.SplitLines(config).Where(l => l.StartsWith("INSTALL_DIR=", StringComparison.Ordinal)).Select(l => l[12..].Trim('\'', '"')).LastOrDefault()
            : null;
        foreach (string directory in context.Tree.Glob("/opt/VBoxGuestAdditions-*").Append(installed ?? "").Distinct())
        {
            string script = directory + "/uninstall.sh";
            if (directory.StartsWith('/') && IsPlain(script) && context.Tree.FileExists(script))
            {
                context.FirstBoot.Uninstallers.Add(("VirtualBox guest additions", script));
            }
        }

        if (context.Tree.FileExists("/usr/lib/parallels-tools/install"))
        {
            context.FirstBoot.Uninstallers.Add(("Parallels tools", "/usr/lib/parallels-tools/install -r"));
        }
    }

    private static void DropModules(ConversionContext context)
    {
        string[] files =
        [
            "/etc/initramfs-tools/modules", "/etc/modules", .. context.Tree.Glob("/etc/modules-load.d/*.conf"), .. context.Tree.Glob("/etc/initramfs-tools/modules.d/*"),
        ];
        context.Editor.EditLines("/etc/sysconfig/kernel", DropFromList, "These drivers belong to the old hypervisor.");
        foreach (string path in files.Where(context.Tree.FileExists).Select(p => context.Tree.ResolvePath(p)!).Distinct())
        {
            context.Editor.EditLines(
                path, line => TextLines.Words(line) is [{ } module, ..] && ForeignModules.Contains(module) ? null : line, "These drivers belong to the old hypervisor.");
        }
    }

    private static void DropMounts(ConversionContext context) =>
        context.Editor.EditLines(
            "/etc/fstab",
            line => TextLines.Words(line) is [_, _, { } type, ..] && s_foreignMounts.Contains(type) ? "# " + line : line,
            "A folder of the old host cannot be mounted any more, and a failing mount stops the boot.");

    /// <summary>SUSE's lists of modules: INITRD_MODULES="…" and its like.</summary>
    private static string DropFromList(string line)
    {
        if (ModuleList().Match(line) is not { Success: true } match)
        {
            return line;
        }

        string[] words = match.Groups[2].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string[] kept = [.. words.Where(w => !ForeignModules.Contains(w))];
        return kept.Length == words.Length ? line : match.Groups[1].Value + string.Join(' ', kept) + match.Groups[3].Value;
    }

    [GeneratedRegex("^((?:INITRD_MODULES|DOMU_INITRD_MODULES|MODULES_LOADED_ON_BOOT)=\")([^\"]*)(\".*)$", RegexOptions.CultureInvariant)]
    private static partial Regex ModuleList();

    /// <summary>What a shell takes as it stands.</summary>
    private static bool IsPlain(string path) => path.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '_' or '-');

    // inittab(5): id:levels:action:process.
    [GeneratedRegex("^#[1-6]:[2-5]+:respawn:.*getty", RegexOptions.CultureInvariant)]
    private static partial Regex StoppedTerminal();
}
