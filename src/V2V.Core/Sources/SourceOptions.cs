using V2V.Core.Working;

namespace V2V.Core.Sources;

/// <summary>How a source is read.</summary>
public sealed record SourceOptions
{
    /// <summary>Names of the machines to take out of an OVA, with <c>*</c>, <c>?</c> and <c>[a-z]</c>; empty for all.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>True to leave the manifest unchecked.</summary>
    public bool SkipManifest { get; init; }

    /// <summary>Deployment option (OVF configuration) to take; null for the default one.</summary>
    public string? DeploymentOption { get; init; }

    /// <summary>Folder in which a <see cref="WorkArea"/> is made if something has to be unpacked; null for the temporary folder.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>How many bytes one stored byte may become when something is unpacked, beyond the first 256 MiB.</summary>
    public int MaximumExpansion { get; init; } = 250;

    /// <summary>Name of a machine made of plain disks; null for the first disk's file name.</summary>
    public string? Name { get; init; }

    /// <summary>Memory of the machine in bytes; null for what the metadata says, or 1 GiB for plain disks.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>Virtual processors; null for what the metadata says, or 1 for plain disks.</summary>
    public int? ProcessorCount { get; init; }

    /// <summary>Format of plain disks by name; null to detect it.</summary>
    public string? DiskFormat { get; init; }

    /// <summary>Hears of progress and warnings, and says when to stop.</summary>
    public IOperationObserver Observer { get; init; } = SilentObserver.Instance;
}
