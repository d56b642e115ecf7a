using V2V.Storage;

namespace V2V.Core.Sources;

/// <summary>The bus that a disk, a CD-ROM or a floppy drive sits on.</summary>
public enum DiskController
{
    /// <summary>Not said by the metadata.</summary>
    Unknown,

    /// <summary>IDE (ATA).</summary>
    Ide,

    /// <summary>SATA (AHCI).</summary>
    Sata,

    /// <summary>SCSI of any model.</summary>
    Scsi,

    /// <summary>NVMe.</summary>
    Nvme,

    /// <summary>virtio-blk.</summary>
    VirtioBlk,

    /// <summary>virtio-scsi.</summary>
    VirtioScsi,

    /// <summary>Floppy controller.</summary>
    Floppy,
}

/// <summary>Firmware of a machine.</summary>
public enum FirmwareType
{
    /// <summary>Not said; decided from the disks.</summary>
    Unknown,

    /// <summary>PC BIOS.</summary>
    Bios,

    /// <summary>UEFI.</summary>
    Uefi,
}

/// <summary>Type of a removable drive.</summary>
public enum RemovableType
{
    /// <summary>CD or DVD drive.</summary>
    CdRom,

    /// <summary>Floppy drive.</summary>
    Floppy,
}

/// <summary>What a network card is connected to.</summary>
public enum NetworkType
{
    /// <summary>A bridge of the host.</summary>
    Bridge,

    /// <summary>A virtual network.</summary>
    Network,
}

/// <summary>
/// The machine as its hypervisor described it. It holds no open handles: <see cref="SourceDisk.Open"/> opens a disk when a
/// stage needs it.
/// </summary>
public sealed class V2VSource
{
    /// <summary>Name of the guest.</summary>
    public required string Name { get; set; }

    /// <summary>Where it came from: the OVA, OVF, folder or first disk as an absolute path.</summary>
    public required string Path { get; init; }

    /// <summary>libvirt's name of the hypervisor: <c>vmware</c>, <c>vbox</c>, <c>xen</c>, <c>hyperv</c>, <c>unknown</c>, …</summary>
    public string Hypervisor { get; init; } = "unknown";

    /// <summary>VM generation ID in libvirt's UUID order, or null.</summary>
    public string? GenerationId { get; init; }

    /// <summary>Memory in bytes.</summary>
    public long MemoryBytes { get; init; } = 1L << 30;

    /// <summary>Number of virtual processors.</summary>
    public int ProcessorCount { get; init; } = 1;

    /// <summary>CPU vendor as libvirt names it, or null.</summary>
    public string? CpuVendor { get; init; }

    /// <summary>CPU model as libvirt names it, or null.</summary>
    public string? CpuModel { get; init; }

    /// <summary>Sockets, cores and threads; null if the metadata does not say.</summary>
    public CpuTopology? CpuTopology { get; init; }

    /// <summary>libvirt feature element names.</summary>
    public IReadOnlyList<string> Features { get; init; } = [];

    /// <summary>Firmware.</summary>
    public FirmwareType Firmware { get; init; }

    /// <summary>True if UEFI secure boot was on.</summary>
    public bool SecureBoot { get; init; }

    /// <summary>True if the machine had a virtual TPM.</summary>
    public bool HasTpm { get; init; }

    /// <summary>Display, or null.</summary>
    public SourceDisplay? Display { get; init; }

    /// <summary>libvirt's name of the sound card, or null.</summary>
    public string? Sound { get; init; }

    /// <summary>Disks in the order in which the guest sees them.</summary>
    public IReadOnlyList<SourceDisk> Disks { get; init; } = [];

    /// <summary>CD-ROM and floppy drives.</summary>
    public IReadOnlyList<SourceRemovable> Removables { get; init; } = [];

    /// <summary>Network cards.</summary>
    public IReadOnlyList<SourceNic> Nics { get; init; } = [];

    /// <summary>The hypervisor's own name of the guest OS (<c>vmw:osType</c>, VirtualBox's OSType), or null.</summary>
    public string? OsType { get; init; }

    /// <summary>Annotation of the machine, or null.</summary>
    public string? Annotation { get; init; }

    /// <summary>Further settings of the metadata that no field above stands for (<c>vmw:ExtraConfig</c> keys and values).</summary>
    public IReadOnlyDictionary<string, string> ExtraConfig { get; init; } = new Dictionary<string, string>();

    /// <summary>What was odd in the metadata but did not prevent reading it.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>Sockets, cores per socket and threads per core.</summary>
public sealed record CpuTopology(int Sockets, int Cores, int Threads);

/// <summary>The display of a machine: <c>window</c>, <c>vnc</c> or <c>spice</c>.</summary>
public sealed record SourceDisplay(string Type, string? Keymap = null, string? Password = null, string? Listen = null, int? Port = null);

/// <summary>A CD-ROM or floppy drive.</summary>
/// <param name="Type">CD-ROM or floppy.</param>
/// <param name="Controller">Its bus.</param>
/// <param name="Slot">0 for hda, 1 for hdb, …; null if not known.</param>
public sealed record SourceRemovable(RemovableType Type, DiskController Controller, int? Slot);

/// <summary>A network card.</summary>
/// <param name="MacAddress">Lower-case with colons, or null.</param>
/// <param name="Model">The hypervisor's model in lower case (<c>vmxnet3</c>, <c>e1000</c>), or null.</param>
/// <param name="NetworkName">The network or bridge it was connected to.</param>
/// <param name="NetworkType">Network or bridge.</param>
public sealed record SourceNic(string? MacAddress, string? Model, string NetworkName, NetworkType NetworkType);

/// <summary>A disk of a source: where its bytes are, not yet opened.</summary>
public sealed class SourceDisk
{
    /// <summary>Position in <see cref="V2VSource.Disks"/>, from 0.</summary>
    public required int Index { get; init; }

    /// <summary>Its bus.</summary>
    public DiskController Controller { get; init; }

    /// <summary>Number of the controller among those of its kind, or null.</summary>
    public int? ControllerNumber { get; init; }

    /// <summary>Address on the controller, or null.</summary>
    public int? Unit { get; init; }

    /// <summary>Size that the guest sees, in bytes.</summary>
    public long VirtualSize { get; init; }

    /// <summary>Format of the stored image: <c>vmdk</c>, <c>qcow2</c>, <c>raw</c>, or <c>blank</c> for a disk with no file.</summary>
    public required string Format { get; init; }

    /// <summary>The host's file that holds the image: the image itself or the archive that contains it; empty for a blank disk.</summary>
    public string Path { get; init; } = "";

    /// <summary>Name inside the archive, or null if <see cref="Path"/> is the image itself.</summary>
    public string? Member { get; init; }

    /// <summary>First byte of the image in <see cref="Path"/>.</summary>
    public long Offset { get; init; }

    /// <summary>Length of the stored image in bytes.</summary>
    public long StoredSize { get; init; }

    /// <summary>What the host's file was when the source was imported; a stage refuses a file that has changed since.</summary>
    public SourceFileStamp? Stamp { get; init; }

    /// <summary>Opens the disk for reading as the guest sees it.</summary>
    /// <exception cref="V2VException"><c>SourceChanged</c> if the file is no longer what was imported.</exception>
    public BlockDevice Open() => throw V2VException.Unsupported("SourceFormatUnsupported", $"Disk {Index} has the unsupported format {Format}.", Path);
}

/// <summary>Length and time of last change of a host file when it was imported.</summary>
public sealed record SourceFileStamp(long Length, DateTime LastWriteTimeUtc);
