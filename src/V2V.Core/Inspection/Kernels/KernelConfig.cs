namespace V2V.Core.Inspection.Kernels;

/// <summary>A kernel's build configuration (/boot/config-VERSION): which of the drivers that matter here are built in, or are modules.</summary>
internal static class KernelConfig
{
    private static readonly Dictionary<string, string> s_modules = new(StringComparer.Ordinal)
    {
        ["CONFIG_VIRTIO"] = "virtio",
        ["CONFIG_VIRTIO_PCI"] = "virtio_pci",
        ["CONFIG_VIRTIO_BLK"] = "virtio_blk",
        ["CONFIG_SCSI_VIRTIO"] = "virtio_scsi",
        ["CONFIG_VIRTIO_NET"] = "virtio_net",
        ["CONFIG_HW_RANDOM_VIRTIO"] = "virtio_rng",
        ["CONFIG_VIRTIO_BALLOON"] = "virtio_balloon",
        ["CONFIG_VIRTIO_CONSOLE"] = "virtio_console",
        ["CONFIG_VIRTIO_VSOCKETS"] = "vmw_vsock_virtio_transport",
        ["CONFIG_PVPANIC"] = "pvpanic",
        ["CONFIG_BLK_DEV_SD"] = "sd_mod",
        ["CONFIG_SCSI"] = "scsi_mod",
        ["CONFIG_SATA_AHCI"] = "ahci",
        ["CONFIG_E1000"] = "e1000",
    };

    /// <summary>Names (underscores) of the drivers among those above that the configuration builds in.</summary>
    internal static IEnumerable<string> BuiltIn(IEnumerable<string> lines)
    {
        foreach (string line in lines)
        {
            int equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && line.AsSpan(equals + 1).Trim().SequenceEqual("y") && s_modules.TryGetValue(line[..equals], out string? module))
            {
                yield return module;
            }
        }
    }
}
