namespace V2V.Core.Sources;

/// <summary>
/// The machine as its hypervisor described it. It holds no open handles: <see cref="SourceDisk.Open"/> opens a disk when a
/// stage needs it.
/// </summary>
public sealed class V2VSource
{
    private IReadOnlyList<SourceDisk> _disks = [];
    private string? _stagingDirectory;
    private IReadOnlyList<string> _warnings = [];

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
    public IReadOnlyList<SourceDisk> Disks { get => _disks; init => _disks = value; }

    /// <summary>CD-ROM and floppy drives.</summary>
    public IReadOnlyList<SourceRemovable> Removables { get; init; } = [];

    /// <summary>Network cards.</summary>
    public IReadOnlyList<SourceNic> Nics { get; init; } = [];

    /// <summary>The hypervisor's own name of the guest OS (<c>vmw:osType</c>, VirtualBox's OSType), or null.</summary>
    public string? OsType { get; init; }

    /// <summary>Annotation of the machine, or null.</summary>
    public string? Annotation { get; init; }

    /// <summary>OVF's number of the guest OS (CIM_OperatingSystem.OsType), or null.</summary>
    public int? OsId { get; init; }

    /// <summary>The guest OS in the words of the metadata, or null.</summary>
    public string? OsDescription { get; init; }

    /// <summary>BIOS UUID of the machine in lower case, or null.</summary>
    public string? Uuid { get; init; }

    /// <summary>Version of the virtual hardware: <c>vmx-13</c>, <c>virtualbox-2.2</c>, or null.</summary>
    public string? HardwareVersion { get; init; }

    /// <summary>Boot devices in order: <c>disk</c>, <c>cdrom</c>, <c>network</c>, <c>floppy</c>. Empty if the metadata does not say.</summary>
    public IReadOnlyList<string> BootOrder { get; init; } = [];

    /// <summary>Video card, or null.</summary>
    public SourceVideo? Video { get; init; }

    /// <summary>USB controllers in the hypervisor's words (<c>vmware.usb.xhci</c>).</summary>
    public IReadOnlyList<string> UsbControllers { get; init; } = [];

    /// <summary>Number of serial ports.</summary>
    public int SerialPorts { get; init; }

    /// <summary>Number of parallel ports.</summary>
    public int ParallelPorts { get; init; }

    /// <summary>Devices of the host that were passed through, in the metadata's words. They cannot be taken along.</summary>
    public IReadOnlyList<string> HostDevices { get; init; } = [];

    /// <summary>True if processors could be added while the machine ran.</summary>
    public bool CpuHotAdd { get; init; }

    /// <summary>True if memory could be added while the machine ran.</summary>
    public bool MemoryHotAdd { get; init; }

    /// <summary>True if the guest was offered the CPU's virtualization.</summary>
    public bool NestedVirtualization { get; init; }

    /// <summary>True if the clock that the machine offers is in UTC, false if in local time; null if the metadata does not say.</summary>
    public bool? ClockUtc { get; init; }

    /// <summary>The product inside, or null.</summary>
    public SourceProduct? Product { get; init; }

    /// <summary>License texts that came with the machine.</summary>
    public IReadOnlyList<string> Eulas { get; init; } = [];

    /// <summary>Further settings of the metadata that no field above stands for (<c>vmw:ExtraConfig</c> keys and values).</summary>
    public IReadOnlyDictionary<string, string> ExtraConfig { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Work area (<see cref="Working.WorkArea"/>) that holds disks which had to be unpacked; null if all are read where they are. Goes by
    /// <see cref="Working.WorkArea.Delete"/> once the machine is exported or given up.
    /// </summary>
    public string? StagingDirectory { get => _stagingDirectory; init => _stagingDirectory = value; }

    /// <summary>What was odd in the metadata but did not prevent reading it.</summary>
    public IReadOnlyList<string> Warnings { get => _warnings; init => _warnings = value; }

    /// <summary>Keys of the machine's encrypted volumes. They are never part of what an object prints or stores.</summary>
    internal Storage.Volumes.VolumeKeys Keys { get; private set; } = Storage.Volumes.VolumeKeys.None;

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>The same machine with keys for its encrypted volumes.</summary>
    public V2VSource WithKeys(Storage.Volumes.VolumeKeys keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        var copy = (V2VSource)MemberwiseClone();
        copy.Keys = keys;
        return copy;
    }

    /// <summary>The same machine with its disks, which an importer finds after the metadata.</summary>
    internal V2VSource WithDisks(IReadOnlyList<SourceDisk> disks, string? stagingDirectory, IReadOnlyList<string> warnings)
    {
        var copy = (V2VSource)MemberwiseClone();
        copy._disks = disks;
        copy._stagingDirectory = stagingDirectory;
        copy._warnings = warnings;
        return copy;
    }
}
