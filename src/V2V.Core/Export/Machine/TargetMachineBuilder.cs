using System.Globalization;
using V2V.Core.Conversion;
using V2V.Core.Inspection;
using V2V.Core.Sources;

namespace V2V.Core.Export.Machine;

/// <summary>Decides what the target machine looks like; whatever of the source cannot be kept becomes a warning.</summary>
internal sealed class TargetMachineBuilder
{
    private const long MinMemoryKiB = 1024;
    private const int MaxProcessors = 4096;
    private const int IdeSlots = 4;
    private const int FloppySlots = 2;

    /// <summary>virtio-blk stops at 20 characters.</summary>
    private const int MaxSerial = 20;

    private static readonly HashSet<string> s_sounds = ["ac97", "es1370", "ich6", "ich9", "pcspk", "sb16", "usb"];

    private readonly V2VSource _source;
    private readonly GuestCapabilities _capabilities;
    private readonly V2VInspection? _inspection;
    private readonly List<string> _warnings;
    private readonly HashSet<(TargetBus Bus, int Slot)> _taken = [];

    private TargetMachineBuilder(V2VSource source, GuestCapabilities capabilities, V2VInspection? inspection, List<string> warnings)
    {
        _source = source;
        _capabilities = capabilities;
        _inspection = inspection;
        _warnings = warnings;
    }

    /// <summary>Capabilities that are assumed of a guest that was not converted: hardware that nearly every OS has drivers for.</summary>
    public static GuestCapabilities Unconverted(V2VSource source) => new()
    {
        BlockBus = BlockBus.Sata,
        NetModel = "e1000",
        Machine = "q35",
        Firmware = source.Firmware == FirmwareType.Uefi ? FirmwareType.Uefi : FirmwareType.Bios,
        SecureBoot = source.SecureBoot,
        RtcUtc = !IsWindowsName(source.OsType),
    };

    /// <param name="source">The source.</param>
    /// <param name="overlay">The conversion, or null if there was none.</param>
    /// <param name="name">Name on the target.</param>
    /// <param name="options">Format, allocation and network map.</param>
    /// <param name="diskFiles">The exported disks, in order.</param>
    /// <param name="warnings">Receives what the user should know.</param>
    public static TargetMachine Build(
        V2VSource source, V2VOverlay? overlay, string name, ExportOptions options, IReadOnlyList<DiskFile> diskFiles, List<string> warnings)
    {
        GuestCapabilities capabilities = overlay?.Capabilities ?? Unconverted(source);
        if (IsVirtArchitecture(capabilities.Architecture))
        {
            capabilities = capabilities with { Machine = "virt", Firmware = FirmwareType.Uefi };
        }

        return new TargetMachineBuilder(source, capabilities, overlay?.Inspection, warnings).Build(overlay, name, options, diskFiles);
    }

    private TargetMachine Build(V2VOverlay? overlay, string name, ExportOptions options, IReadOnlyList<DiskFile> diskFiles)
    {
        int processors = Math.Clamp(_source.ProcessorCount, 1, MaxProcessors);
        return new TargetMachine
        {
            Name = name,
            Source = _source,
            Capabilities = _capabilities,
            IsConverted = overlay is not null,
            IsWindows = _inspection is { OsType: not "unknown" } ? _inspection.OsType == "windows" : IsWindowsName(_source.OsType),
            OsInfoId = _inspection?.OsInfoId,
            Architecture = _capabilities.Architecture is "i386" or "i486" or "i586" or "i686" or "unknown" or "" ? "x86_64" : _capabilities.Architecture,
            MemoryKiB = Math.Max(_source.MemoryBytes / 1024, MinMemoryKiB),
            Processors = processors,
            Topology = CheckTopology(_source.CpuTopology, processors),
            GenerationId = CheckGenerationId(),
            Sound = CheckSound(),
            Format = options.Format == ExportFormat.Raw ? "raw" : "qcow2",
            Discard = options.Allocation == ExportAllocation.Sparse,
            Disks = PlaceDisks(diskFiles, overlay?.BootDiskIndex),
            CdRoms = [.. _source.Removables.Where(r => r.Type == RemovableType.CdRom).Select(PlaceCdRom)],
            Floppies = PlaceFloppies(),
            Nics = [.. _source.Nics.Select((nic, i) => NetworkConnection.Connect(WithMac(nic, i, overlay), _capabilities.NetModel, options.NetworkMap, _warnings))],
        };
    }

    /// <summary>A card that the source gives no MAC has the one by which the converted guest knows it; the reports begin with the cards in their order.</summary>
    private static SourceNic WithMac(SourceNic nic, int index, V2VOverlay? overlay) =>
        nic.MacAddress is null && index < overlay?.Nics.Count ? nic with { MacAddress = overlay.Nics[index].MacAddress } : nic;

    private static bool IsVirtArchitecture(string architecture) =>
        architecture is "aarch64" or "armv7l" or "riscv64";

    private static bool IsWindowsName(string? osType) => osType is not null && osType.StartsWith("win", StringComparison.OrdinalIgnoreCase);

    private List<TargetDisk> PlaceDisks(IReadOnlyList<DiskFile> files, int? bootDisk)
    {
        var disks = new List<TargetDisk>(files.Count);
        bool hasBootDisk = bootDisk is >= 0 && bootDisk < files.Count;
        for (int i = 0; i < files.Count; i++)
        {
            (TargetBus bus, int slot) = Place(DiskBus(), wanted: null);
            if (files[i].SectorSize != 512 && (bus is TargetBus.Sata or TargetBus.Ide))
            {
                _warnings.Add(string.Create(
                    CultureInfo.InvariantCulture, $"Disk {i} has sectors of {files[i].SectorSize} bytes, which the target offers on virtio only; on its {bus} bus the guest will not find its partitions."));
            }

            int order = !hasBootDisk ? i + 1 : i == bootDisk ? 1 : i < bootDisk ? i + 2 : i + 1;
            disks.Add(new TargetDisk(i, files[i].Path, bus, slot, order, Serial(_source.Disks[i]), files[i].SectorSize));
        }

        return disks;
    }

    /// <summary>The serial number that the guest saw, if libvirt takes it and QEMU does not cut it off; else one of our own.</summary>
    private static string Serial(SourceDisk disk) =>
        disk.Serial is { Length: > 0 and <= MaxSerial } serial && serial.Trim() == serial && serial.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '+' or '-')
            ? serial
            : string.Create(CultureInfo.InvariantCulture, $"v2v-disk{disk.Index}");

    private TargetBus DiskBus() => _capabilities.BlockBus switch
    {
        BlockBus.VirtioBlk => TargetBus.Virtio,
        BlockBus.VirtioScsi => TargetBus.Scsi,
        _ when _capabilities.Machine == "virt" => TargetBus.Scsi,
        BlockBus.Ide when _capabilities.Machine == "pc" => TargetBus.Ide,
        _ => TargetBus.Sata,
    };

    private TargetDrive PlaceCdRom(SourceRemovable removable)
    {
        TargetBus bus = _capabilities.Machine switch
        {
            "virt" => TargetBus.Scsi,
            "pc" => TargetBus.Ide,
            _ => TargetBus.Sata,
        };
        (TargetBus placed, int slot) = Place(bus, removable.Slot);
        return new TargetDrive(placed, slot);
    }

    private List<TargetDrive> PlaceFloppies()
    {
        int wanted = _source.Removables.Count(r => r.Type == RemovableType.Floppy);
        if (wanted == 0)
        {
            return [];
        }

        int possible = _capabilities.Machine == "virt" ? 0 : Math.Min(wanted, FloppySlots);
        if (possible < wanted)
        {
            _warnings.Add(string.Create(CultureInfo.InvariantCulture, $"{wanted - possible} floppy drive(s) were left out: the target machine has room for {possible}."));
        }

        return [.. Enumerable.Range(0, possible).Select(i => new TargetDrive(TargetBus.Floppy, i))];
    }

    /// <summary>The wanted slot if it is free, else the first free one; a fifth IDE drive goes to an AHCI controller.</summary>
    private (TargetBus Bus, int Slot) Place(TargetBus bus, int? wanted)
    {
        if (wanted is >= 0 and < 26 && (bus != TargetBus.Ide || wanted < IdeSlots) && _taken.Add((bus, wanted.Value)))
        {
            return (bus, wanted.Value);
        }

        int slot = 0;
        while (!_taken.Add((bus, slot)))
        {
            slot++;
            if (bus == TargetBus.Ide && slot == IdeSlots)
            {
                _warnings.Add("The IDE controller has only four places; the drives beyond are on a SATA controller.");
                return Place(TargetBus.Sata, wanted: null);
            }
        }

        return (bus, slot);
    }

    private CpuTopology? CheckTopology(CpuTopology? topology, int processors)
    {
        if (topology is null)
        {
            return null;
        }

        bool fits = topology is { Sockets: > 0, Cores: > 0, Threads: > 0 }
            && (long)topology.Sockets * topology.Cores * topology.Threads == processors
            && topology.Sockets <= processors && topology.Cores <= processors && topology.Threads <= processors;
        if (!fits)
        {
            _warnings.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"The CPU topology {topology.Sockets}x{topology.Cores}x{topology.Threads} was left out: it does not make {processors} processors."));
            return null;
        }

        return topology;
    }

    private Guid? CheckGenerationId()
    {
        if (string.IsNullOrEmpty(_source.GenerationId))
        {
            return null;
        }

        if (Guid.TryParse(_source.GenerationId, out Guid id))
        {
            return id;
        }

        _warnings.Add("The VM generation ID was left out: it is not a UUID.");
        return null;
    }

    private string? CheckSound()
    {
        if (_source.Sound is null || s_sounds.Contains(_source.Sound))
        {
            return _source.Sound;
        }

        _warnings.Add($"The sound card '{PlainText.Clean(_source.Sound)}' was left out: the target has none like it.");
        return null;
    }
}
