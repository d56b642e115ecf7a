using V2V.Core.Conversion;
using V2V.Core.Inspection;
using V2V.Core.Sources;

namespace V2V.Core.Export.Machine;

/// <summary>A disk bus of the target, by libvirt's names.</summary>
internal enum TargetBus
{
    /// <summary>virtio-blk.</summary>
    Virtio,

    /// <summary>virtio-scsi.</summary>
    Scsi,

    /// <summary>AHCI.</summary>
    Sata,

    /// <summary>IDE of i440FX.</summary>
    Ide,

    /// <summary>Floppy controller.</summary>
    Floppy,
}

/// <summary>An exported disk.</summary>
/// <param name="Path">Absolute path.</param>
/// <param name="SectorSize">Logical sector size in bytes.</param>
internal readonly record struct DiskFile(string Path, int SectorSize = 512);

/// <summary>A fixed disk on the target.</summary>
/// <param name="Index">Index of the source's disk.</param>
/// <param name="Path">Absolute path of the exported file.</param>
/// <param name="Bus">Bus.</param>
/// <param name="Slot">Position on the bus, from 0.</param>
/// <param name="BootOrder">Position in the boot order, from 1, without gaps.</param>
/// <param name="Serial">Serial number: names the disk in the guest's /dev/disk/by-id.</param>
/// <param name="SectorSize">Logical sector size in bytes that the guest must see: its partition table counts in it.</param>
internal sealed record TargetDisk(int Index, string Path, TargetBus Bus, int Slot, int BootOrder, string Serial, int SectorSize);

/// <summary>A drive for removable media; it starts out empty.</summary>
internal sealed record TargetDrive(TargetBus Bus, int Slot);

/// <summary>A network card on the target.</summary>
/// <param name="MacAddress">MAC, or null to have one made up.</param>
/// <param name="Model">virtio, e1000 or rtl8139.</param>
/// <param name="Network">What it is connected to.</param>
/// <param name="IsBridge">True for a bridge of the host, false for a libvirt network.</param>
internal sealed record TargetNic(string? MacAddress, string Model, string Network, bool IsBridge);

/// <summary>
/// The machine on the target, decided once from the source and from what the guest can drive; each kind of metadata only
/// spells it out.
/// </summary>
internal sealed record TargetMachine
{
    /// <summary>Name as the user knows it.</summary>
    public required string Name { get; init; }

    /// <summary>The source.</summary>
    public required V2VSource Source { get; init; }

    /// <summary>What the guest can drive; for a source that was not converted, what nearly every guest can.</summary>
    public required GuestCapabilities Capabilities { get; init; }

    /// <summary>True if the guest was converted.</summary>
    public required bool IsConverted { get; init; }

    /// <summary>True if the guest runs Windows.</summary>
    public bool IsWindows { get; init; }

    /// <summary>The osinfo database's short id, or null.</summary>
    public string? OsInfoId { get; init; }

    /// <summary>Architecture of the machine as libvirt names it.</summary>
    public required string Architecture { get; init; }

    /// <summary>Memory in KiB.</summary>
    public long MemoryKiB { get; init; }

    /// <summary>Number of processors.</summary>
    public int Processors { get; init; }

    /// <summary>Topology that multiplies to <see cref="Processors"/>, or null.</summary>
    public CpuTopology? Topology { get; init; }

    /// <summary>VM generation ID, or null.</summary>
    public Guid? GenerationId { get; init; }

    /// <summary>libvirt's name of the sound card, or null.</summary>
    public string? Sound { get; init; }

    /// <summary>Format of the disks: qcow2 or raw.</summary>
    public required string Format { get; init; }

    /// <summary>True if what the guest discards may be given back to the host.</summary>
    public bool Discard { get; init; }

    /// <summary>Fixed disks.</summary>
    public IReadOnlyList<TargetDisk> Disks { get; init; } = [];

    /// <summary>CD-ROM drives.</summary>
    public IReadOnlyList<TargetDrive> CdRoms { get; init; } = [];

    /// <summary>Floppy drives.</summary>
    public IReadOnlyList<TargetDrive> Floppies { get; init; } = [];

    /// <summary>Network cards.</summary>
    public IReadOnlyList<TargetNic> Nics { get; init; } = [];

    /// <summary>True for a PC.</summary>
    public bool IsX86 => Architecture == "x86_64";

    /// <summary>True for UEFI firmware.</summary>
    public bool IsUefi => Capabilities.Firmware == FirmwareType.Uefi;

    /// <summary>True if UEFI checks signatures.</summary>
    public bool HasSecureBoot => IsUefi && IsX86 && Capabilities.SecureBoot;

    /// <summary>True if virtio devices must answer to drivers that know only virtio 0.9; elsewhere than on PCI Express they do anyway.</summary>
    public bool IsTransitional => Capabilities.Machine == "q35" && !Capabilities.Virtio10;

    /// <summary>True if something sits on the SCSI bus.</summary>
    public bool HasScsi => Disks.Any(d => d.Bus == TargetBus.Scsi) || CdRoms.Any(d => d.Bus == TargetBus.Scsi);
}
