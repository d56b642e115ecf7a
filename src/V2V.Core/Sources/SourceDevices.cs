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

/// <summary>Sockets, cores per socket and threads per core.</summary>
public sealed record CpuTopology(int Sockets, int Cores, int Threads)
{
    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Sockets}x{Cores}x{Threads}");
}

/// <summary>The display of a machine: <c>window</c>, <c>vnc</c> or <c>spice</c>.</summary>
public sealed record SourceDisplay(string Type, string? Keymap = null, string? Password = null, string? Listen = null, int? Port = null)
{
    /// <inheritdoc/>
    public override string ToString() => Type;
}

/// <summary>A CD-ROM or floppy drive.</summary>
/// <param name="Type">CD-ROM or floppy.</param>
/// <param name="Controller">Its bus.</param>
/// <param name="Slot">0 for hda, 1 for hdb, …; null if not known.</param>
public sealed record SourceRemovable(RemovableType Type, DiskController Controller, int? Slot)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Type} ({Controller})";
}

/// <summary>A network card.</summary>
/// <param name="MacAddress">Lower-case with colons, or null.</param>
/// <param name="Model">The hypervisor's model in lower case (<c>vmxnet3</c>, <c>e1000</c>), or null.</param>
/// <param name="NetworkName">The network or bridge it was connected to.</param>
/// <param name="NetworkType">Network or bridge.</param>
public sealed record SourceNic(string? MacAddress, string? Model, string NetworkName, NetworkType NetworkType)
{
    /// <inheritdoc/>
    public override string ToString() => MacAddress is null ? NetworkName : $"{MacAddress} ({NetworkName})";
}

/// <summary>Video card.</summary>
/// <param name="Model">The hypervisor's model in lower case, or null.</param>
/// <param name="MemoryBytes">Video memory in bytes, or null.</param>
public sealed record SourceVideo(string? Model, long? MemoryBytes)
{
    /// <inheritdoc/>
    public override string ToString() => Model ?? "";
}

/// <summary>What the metadata says of the product inside (OVF's ProductSection).</summary>
public sealed record SourceProduct(string? Name, string? Vendor, string? Version)
{
    /// <inheritdoc/>
    public override string ToString() => string.Join(' ', new[] { Vendor, Name, Version }.Where(s => !string.IsNullOrEmpty(s)));
}

/// <summary>Length and time of last change of a host file when it was imported.</summary>
public sealed record SourceFileStamp(long Length, DateTime LastWriteTimeUtc);
