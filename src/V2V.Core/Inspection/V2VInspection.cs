using V2V.Core.Sources;

namespace V2V.Core.Inspection;

/// <summary>What is inside a machine's disks, read from files alone.</summary>
public sealed class V2VInspection
{
    /// <summary>The machine that was inspected.</summary>
    public required V2VSource Source { get; init; }

    /// <summary>Name of the machine.</summary>
    public string Name => Source.Name;

    /// <summary><c>linux</c>, <c>windows</c>, or <c>unknown</c> for a disk with no recognised OS.</summary>
    public string OsType { get; init; } = "unknown";

    /// <summary>libguestfs' name of the distribution (<c>debian</c>, <c>ubuntu</c>, <c>rhel</c>, …) or <c>unknown</c>.</summary>
    public string Distro { get; init; } = "unknown";

    /// <summary>The guest's own name for itself (PRETTY_NAME).</summary>
    public string ProductName { get; init; } = "";

    /// <summary>Version; 0.0 for a rolling release.</summary>
    public Version Version { get; init; } = new(0, 0);

    /// <summary>uname's name of the architecture: <c>x86_64</c>, <c>aarch64</c>, <c>i386</c>, …</summary>
    public string Architecture { get; init; } = "unknown";

    /// <summary>Host name, or empty.</summary>
    public string HostName { get; init; } = "";

    /// <summary>The osinfo database's short id (<c>debian12</c>, <c>ubuntu22.04</c>) or null.</summary>
    public string? OsInfoId { get; init; }

    /// <summary><c>deb</c>, <c>rpm</c>, … or empty.</summary>
    public string PackageFormat { get; init; } = "";

    /// <summary><c>apt</c>, <c>dnf</c>, … or empty.</summary>
    public string PackageManager { get; init; } = "";

    /// <summary><c>systemd</c>, <c>sysvinit</c>, <c>upstart</c>, <c>openrc</c>, … or empty.</summary>
    public string InitSystem { get; init; } = "";

    /// <summary>Firmware that the guest's disks boot with.</summary>
    public FirmwareType Firmware { get; init; }

    /// <summary>Index of the disk that holds the boot loader, or null if it cannot be told.</summary>
    public int? BootDiskIndex { get; init; }

    /// <summary>True if cloud-init is installed, which may rewrite the network configuration at the next boot.</summary>
    public bool HasCloudInit { get; init; }

    /// <summary>Boot loader, or null if none was found.</summary>
    public BootLoaderInfo? BootLoader { get; init; }

    /// <summary>Device of the root file system (<c>sda1</c>), or null.</summary>
    public string? RootDevice { get; init; }

    /// <summary>Candidates for the root file system, where there is more than one OS.</summary>
    public IReadOnlyList<string> Roots { get; init; } = [];

    /// <summary>Every volume of every disk.</summary>
    public IReadOnlyList<VolumeInfo> Volumes { get; init; } = [];

    /// <summary>Mount points in the order in which they must be mounted.</summary>
    public IReadOnlyList<MountInfo> Mounts { get; init; } = [];

    /// <summary>Installed packages or applications.</summary>
    public IReadOnlyList<ApplicationInfo> Applications { get; init; } = [];

    /// <summary>
    /// What builds the guest's initramfs: <c>initramfs-tools</c>, <c>dracut</c>, <c>mkinitrd-suse</c>, <c>mkinitrd</c> (Red Hat's, before dracut),
    /// <c>make-initrd</c>, <c>mkinitcpio</c>, <c>booster</c>, <c>mkinitfs</c>, <c>tiny-initramfs</c>; several where several are installed.
    /// </summary>
    public IReadOnlyList<string> InitramfsTools { get; init; } = [];

    /// <summary>Installed kernels, the one that boots by default first.</summary>
    public IReadOnlyList<KernelInfo> Kernels { get; init; } = [];

    /// <summary>Guest tools that belong to another hypervisor.</summary>
    public IReadOnlyList<GuestToolInfo> GuestTools { get; init; } = [];

    /// <summary>
    /// The machine's network cards. Those of a Linux guest to which the source gives no MAC have the one that they will have on the target: one that the
    /// guest's configuration names, or one that is made up from the source's path and name.
    /// </summary>
    public IReadOnlyList<SourceNic> Nics { get => field ?? Source.Nics; init; }

    /// <summary>Network configuration by card.</summary>
    public IReadOnlyList<NetworkInfo> Networks { get; init; } = [];

    /// <summary>What only a Windows guest has; null for others, and where its system volume could not be opened.</summary>
    public WindowsInfo? Windows { get; init; }

    /// <summary>What prevents a conversion.</summary>
    public IReadOnlyList<BlockerInfo> Blockers { get; init; } = [];

    /// <summary>What a user should know but does not prevent a conversion.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>A partition, logical volume or whole disk.</summary>
/// <param name="Device">Name as a Linux with SCSI disks would give it: <c>sda</c>, <c>sda1</c>, <c>vg/root</c>, <c>md0</c>, <c>mapper/luks-UUID</c>, <c>mapper/bitlk-UUID</c>.</param>
/// <param name="DiskIndex">Index of the disk; -1 for a volume that was put together from others.</param>
/// <param name="PartitionNumber">Number of the partition, 0 for a whole disk.</param>
/// <param name="Offset">First byte on the disk.</param>
/// <param name="Length">Length in bytes.</param>
/// <param name="FileSystem">blkid's name of the content, or null.</param>
/// <param name="Uuid">UUID of the content, or null.</param>
/// <param name="Label">Label of the content, or null.</param>
/// <param name="PartitionUuid">GPT partition GUID, or disk signature and number for MBR (<c>xxxxxxxx-nn</c>); null for a whole disk.</param>
/// <param name="PartitionLabel">GPT partition name, or null.</param>
/// <param name="PartitionType">GPT type GUID or MBR type as two hex digits; null for a whole disk.</param>
/// <param name="FreeBytes">Free space of the file system, if it was opened.</param>
/// <param name="FreeInodes">Free inodes of the file system, if it was opened.</param>
public sealed record VolumeInfo(
    string Device, int DiskIndex, int PartitionNumber, long Offset, long Length, string? FileSystem, string? Uuid, string? Label,
    string? PartitionUuid, string? PartitionLabel, string? PartitionType, long? FreeBytes = null, long? FreeInodes = null)
{
    /// <summary><c>disk</c>, <c>partition</c>, <c>lvm</c>, <c>snapshot</c> (of LVM), <c>md</c>, <c>luks</c>, <c>ldm</c> or <c>bitlocker</c>.</summary>
    public string Kind { get; init; } = PartitionNumber == 0 ? "disk" : "partition";

    /// <summary>Names of the devices right below a volume that was put together; its <see cref="DiskIndex"/> is -1.</summary>
    public IReadOnlyList<string> Members { get; init; } = [];

    /// <summary>Further names of the device: <c>mapper/vg-root</c>.</summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>UUID of the logical volume, array, LUKS, dynamic or BitLocker volume itself, or null.</summary>
    public string? VolumeUuid { get; init; }

    /// <summary>Why the volume must not be written; null if it can be.</summary>
    public string? ReadOnlyReason { get; init; }

    /// <summary>True if the volume lies in others: in an array, a volume group, an encrypted volume.</summary>
    public bool IsStacked => DiskIndex < 0;

    /// <inheritdoc/>
    public override string ToString() => FileSystem is null ? Device : $"{Device} ({FileSystem})";
}

/// <summary>A line of fstab that was resolved to a volume.</summary>
public sealed record MountInfo(string MountPoint, string Device, string FileSystem, string Spec, string Options)
{
    /// <inheritdoc/>
    public override string ToString() => MountPoint;
}

/// <summary>An installed package or application.</summary>
public sealed record ApplicationInfo(string Name, string Version, string Architecture, string Description)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Version}";
}

/// <summary>A boot loader and its configuration.</summary>
/// <param name="Type"><c>grub2</c>, <c>grub1</c>, <c>systemd-boot</c>, …</param>
/// <param name="ConfigPath">Path of the configuration in the guest's tree.</param>
/// <param name="HasFallbackLoader">True if the ESP holds \EFI\BOOT\BOOT*.EFI for the architecture; null for BIOS.</param>
public sealed record BootLoaderInfo(string Type, string ConfigPath, bool? HasFallbackLoader)
{
    /// <inheritdoc/>
    public override string ToString() => Type;
}

/// <summary>An installed kernel.</summary>
public sealed record KernelInfo
{
    /// <summary>Version as uname -r prints it.</summary>
    public required string Version { get; init; }

    /// <summary>Package that owns it, or null.</summary>
    public string? Package { get; init; }

    /// <summary>Path of the kernel image.</summary>
    public required string ImagePath { get; init; }

    /// <summary>Path of the initramfs, or null.</summary>
    public string? InitramfsPath { get; init; }

    /// <summary>Compression of the initramfs' main archive: <c>gzip</c>, <c>xz</c>, <c>zstd</c>, <c>lz4</c>, <c>lzma</c>, <c>bzip2</c>, <c>lzo</c>, <c>none</c>; null without initramfs.</summary>
    public string? InitramfsCompression { get; init; }

    /// <summary>Directory of the modules, with symbolic links resolved (<c>/usr/lib/modules/…</c> in a usr-merged guest), or null.</summary>
    public string? ModulesPath { get; init; }

    /// <summary>Module names (underscores) in <see cref="ModulesPath"/>.</summary>
    public IReadOnlyCollection<string> Modules { get; init; } = [];

    /// <summary>Module names (underscores) in the initramfs.</summary>
    public IReadOnlyCollection<string> InitramfsModules { get; init; } = [];

    /// <summary>Paths of these modules below <see cref="InitramfsModulesPath"/>, by name; null where nobody looked.</summary>
    internal IReadOnlyDictionary<string, string>? InitramfsModuleFiles { get; init; }

    /// <summary>Directory of the modules inside the initramfs, as its archive spells it without a leading slash (<c>usr/lib/modules/6.1.0-18-amd64</c>), or null.</summary>
    public string? InitramfsModulesPath { get; init; }

    /// <summary>True if <c>lib</c> is a symbolic link inside the initramfs (to <c>usr/lib</c>), so that no archive may hold it as a directory.</summary>
    public bool InitramfsIsUsrMerged { get; init; }

    /// <summary>Modules and features compiled in, from modules.builtin (underscores).</summary>
    public IReadOnlyCollection<string> BuiltIn { get; init; } = [];

    /// <summary>True if the kernel has virtio-blk, as a module or built in.</summary>
    public bool HasVirtioBlk { get; init; }

    /// <summary>True if the kernel has virtio-scsi.</summary>
    public bool HasVirtioScsi { get; init; }

    /// <summary>True if the kernel has virtio-net.</summary>
    public bool HasVirtioNet { get; init; }

    /// <summary>True if what the initramfs holds (or the kernel has built in) can find a virtio-blk or virtio-scsi root.</summary>
    public bool InitramfsHasVirtio { get; init; }

    /// <summary>True if the initrd is the image of a file system, as before Linux 2.6, so that nothing can be added to it.</summary>
    public bool InitramfsIsFileSystem { get; init; }

    /// <summary>True for a unified kernel image, whose initramfs is inside of it and cannot be extended; <see cref="InitramfsPath"/> is null.</summary>
    public bool IsUnified { get; init; }

    /// <summary>The command line inside a unified image, which cannot be changed there; null if there is none.</summary>
    public string? EmbeddedCommandLine { get; init; }

    /// <summary>True for an image that dracut made for emergencies (<c>vmlinuz-0-rescue-ID</c>).</summary>
    internal bool IsRescue => ImagePath.AsSpan(ImagePath.LastIndexOf('/') + 1).Contains("-rescue-", StringComparison.Ordinal);

    /// <summary>True if the boot loader starts this kernel by default.</summary>
    public bool IsDefault { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Version;
}

/// <summary>Guest tools of another hypervisor that were found in the guest.</summary>
/// <param name="Name"><c>open-vm-tools</c>, <c>vmware-tools-tarball</c>, <c>virtualbox-guest-additions</c>, …</param>
/// <param name="Kind"><c>package</c> or <c>files</c>.</param>
/// <param name="Packages">Packages that belong to it.</param>
public sealed record GuestToolInfo(string Name, string Kind, IReadOnlyList<string> Packages)
{
    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>A network interface as the guest's configuration knows it.</summary>
/// <param name="InterfaceName">Name in the guest's configuration (<c>ens192</c>), or empty.</param>
/// <param name="MacAddress">MAC of the source's card that belongs to it, or null if it cannot be told.</param>
/// <param name="Configuration"><c>ifupdown</c>, <c>netplan</c>, <c>networkd</c>, <c>networkmanager</c>, …</param>
/// <param name="ConfigPath">File that configures it.</param>
/// <param name="Method"><c>dhcp</c>, <c>static</c>, <c>manual</c>.</param>
/// <param name="Addresses">Static addresses with prefix length.</param>
/// <param name="Gateway">Default gateway, or null.</param>
/// <param name="DnsServers">Name servers.</param>
public sealed record NetworkInfo(
    string InterfaceName, string? MacAddress, string Configuration, string ConfigPath, string Method,
    IReadOnlyList<string> Addresses, string? Gateway, IReadOnlyList<string> DnsServers)
{
    /// <inheritdoc/>
    public override string ToString() => InterfaceName.Length > 0 ? InterfaceName : ConfigPath;
}

/// <summary>Something that prevents a conversion.</summary>
/// <param name="ErrorId">Stable identifier.</param>
/// <param name="Message">What it is.</param>
/// <param name="Target">The object at fault.</param>
/// <param name="Advice">What the user can do.</param>
public sealed record BlockerInfo(string ErrorId, string Message, string Target, string Advice)
{
    /// <inheritdoc/>
    public override string ToString() => ErrorId;
}
