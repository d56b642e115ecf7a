namespace V2V.Core.Sources.Ovf;

/// <summary>A disk of a virtual system: where it is attached, and what it is in the OVF.</summary>
internal sealed record OvfAttachedDisk
{
    /// <summary>The description in the disk section; null for a disk that is only an item of the hardware, or a file.</summary>
    public OvfDisk? Disk { get; init; }

    /// <summary>The file, or null for a blank disk.</summary>
    public OvfFile? File { get; init; }

    /// <summary>Size in bytes, or null if the OVF does not say.</summary>
    public long? Capacity { get; init; }

    public required string Label { get; init; }

    public DiskController Controller { get; init; }

    public string? ControllerModel { get; init; }

    public int? ControllerNumber { get; init; }

    public int? Unit { get; init; }

    public string? Mode { get; init; }

    public string? Serial { get; init; }
}

/// <summary>A virtual system with its metadata as a source without disks (<see cref="Metadata"/>), and its disks in the guest's order.</summary>
internal sealed record OvfSystem(string Name, V2VSource Metadata, IReadOnlyList<OvfAttachedDisk> Disks, List<string> Warnings);
