namespace V2V.Core.Conversion.Linux;

/// <summary>Kernel modules that only make sense on another hypervisor. Forced to load on KVM they fail, and with them the unit that loads them.</summary>
internal static class ForeignModules
{
    private static readonly HashSet<string> s_names = new(StringComparer.Ordinal)
    {
        "vmxnet", "vmxnet2", "vmxnet3", "vmhgfs", "vmblock", "vmci", "vmmemctl", "vmsync", "vmwgfx", "vmware_balloon", "pvscsi", "vmdesched", "vmxsync",
        "vboxguest", "vboxsf", "vboxvideo", "vboxadd", "vboxvfs", "balloon_vmware",
        "xen_blkfront", "xen_netfront", "xenblk", "xennet", "xen_vbd", "xen_vnif", "xen_platform_pci",
    };

    private static readonly string[] s_prefixes = ["vmw_", "hv_", "hyperv_", "prl_"];

    /// <summary>True for such a module; dashes count as underscores.</summary>
    internal static bool Contains(string name)
    {
        string module = name.Replace('-', '_');
        return s_names.Contains(module) || s_prefixes.Any(p => module.StartsWith(p, StringComparison.Ordinal));
    }
}
