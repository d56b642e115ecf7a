namespace V2V.Core.Conversion.Windows.Drivers.Choice;

/// <summary>What a driver drives.</summary>
internal enum DriverKind
{
    /// <summary>virtio-blk disks (viostor).</summary>
    Block,

    /// <summary>virtio-scsi controllers (vioscsi).</summary>
    Scsi,

    /// <summary>Network cards (netkvm).</summary>
    Network,

    /// <summary>Memory balloon.</summary>
    Balloon,

    /// <summary>Random numbers (viorng).</summary>
    Random,

    /// <summary>Serial ports, which the guest agent talks through (vioser).</summary>
    Serial,

    /// <summary>Notification of crashes (pvpanic).</summary>
    Panic,

    /// <summary>QEMU's configuration device (fwcfg).</summary>
    FirmwareConfig,

    /// <summary>Sockets between host and guest (viosock).</summary>
    Socket,

    /// <summary>Keyboard, mouse and tablet (vioinput).</summary>
    Input,

    /// <summary>Displays (viogpudo, qxldod, qxl).</summary>
    Display,

    /// <summary>Shared folders (viofs).</summary>
    FileSystem,

    /// <summary>Memory that comes and goes (viomem).</summary>
    Memory,

    /// <summary>Encryption (viocrypt).</summary>
    Crypto,

    /// <summary>Anything else that the library has for the guest.</summary>
    Other,
}

/// <summary>Which device an id belongs to.</summary>
internal static class DriverDevices
{
    /// <summary>The ids that virtio and QEMU have: the older one of virtio first, then the one of virtio 1.0.</summary>
    private static readonly (string Id, DriverKind Kind, string Device)[] s_devices =
    [
        (@"PCI\VEN_1AF4&DEV_1001", DriverKind.Block, "virtio-blk"),
        (@"PCI\VEN_1AF4&DEV_1042", DriverKind.Block, "virtio-blk"),
        (@"PCI\VEN_1AF4&DEV_1004", DriverKind.Scsi, "virtio-scsi"),
        (@"PCI\VEN_1AF4&DEV_1048", DriverKind.Scsi, "virtio-scsi"),
        (@"PCI\VEN_1AF4&DEV_1000", DriverKind.Network, "virtio-net"),
        (@"PCI\VEN_1AF4&DEV_1041", DriverKind.Network, "virtio-net"),
        (@"PCI\VEN_1AF4&DEV_1002", DriverKind.Balloon, "virtio-balloon"),
        (@"PCI\VEN_1AF4&DEV_1045", DriverKind.Balloon, "virtio-balloon"),
        (@"PCI\VEN_1AF4&DEV_1005", DriverKind.Random, "virtio-rng"),
        (@"PCI\VEN_1AF4&DEV_1044", DriverKind.Random, "virtio-rng"),
        (@"PCI\VEN_1AF4&DEV_1003", DriverKind.Serial, "virtio-serial"),
        (@"PCI\VEN_1AF4&DEV_1043", DriverKind.Serial, "virtio-serial"),
        (@"PCI\VEN_1AF4&DEV_1012", DriverKind.Socket, "virtio-vsock"),
        (@"PCI\VEN_1AF4&DEV_1053", DriverKind.Socket, "virtio-vsock"),
        (@"PCI\VEN_1AF4&DEV_1052", DriverKind.Input, "virtio-input"),
        (@"PCI\VEN_1AF4&DEV_1050", DriverKind.Display, "virtio-gpu"),
        (@"PCI\VEN_1AF4&DEV_105A", DriverKind.FileSystem, "virtio-fs"),
        (@"PCI\VEN_1AF4&DEV_1058", DriverKind.Memory, "virtio-mem"),
        (@"PCI\VEN_1AF4&DEV_1054", DriverKind.Crypto, "virtio-crypto"),
        (@"PCI\VEN_1B36&DEV_0100", DriverKind.Display, "qxl"),
        (@"PCI\VEN_1234&DEV_1111", DriverKind.Display, "stdvga"),
        (@"PCI\VEN_1B36&DEV_0011", DriverKind.Panic, "pvpanic-pci"),
        (@"ACPI\QEMU0001", DriverKind.Panic, "pvpanic"),
        (@"ACPI\VEN_QEMU&DEV_0001", DriverKind.Panic, "pvpanic"),
        (@"ACPI\QEMU0002", DriverKind.FirmwareConfig, "fw_cfg"),
        (@"ACPI\VEN_QEMU&DEV_0002", DriverKind.FirmwareConfig, "fw_cfg"),
    ];

    /// <summary>The kind and the device of a hardware id; the device is the id itself, up to its second part, where it is not one of virtio's or QEMU's.</summary>
    internal static (DriverKind Kind, string Device) Of(string hardwareId)
    {
        foreach ((string id, DriverKind kind, string device) in s_devices)
        {
            if (hardwareId.StartsWith(id, StringComparison.OrdinalIgnoreCase) && (hardwareId.Length == id.Length || hardwareId[id.Length] == '&'))
            {
                return (kind, device);
            }
        }

        string[] parts = hardwareId.Trim('*').ToUpperInvariant().Split('&');
        return (DriverKind.Other, string.Join('&', parts.Take(2)));
    }
}
