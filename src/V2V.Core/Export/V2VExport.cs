using V2V.Core.Conversion;
using V2V.Core.Sources;

namespace V2V.Core.Export;

/// <summary>What an export wrote.</summary>
public sealed class V2VExport
{
    /// <summary>Name of the machine on the target.</summary>
    public required string Name { get; init; }

    /// <summary>The machine it came from.</summary>
    public required V2VSource Source { get; init; }

    /// <summary>Capabilities it was exported with; null if the source was exported as it is.</summary>
    public GuestCapabilities? Capabilities { get; init; }

    /// <summary><c>local</c>, <c>qemu</c> or <c>null</c>.</summary>
    public required string Target { get; init; }

    /// <summary>Format of the disks.</summary>
    public required string Format { get; init; }

    /// <summary>The disks, in order.</summary>
    public IReadOnlyList<ExportedDisk> Disks { get; init; } = [];

    /// <summary>The target's metadata: libvirt XML, script; null for the null target.</summary>
    public string? MetadataPath { get; init; }

    /// <summary>Time the copy took.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>What a user should know.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>A disk that was written.</summary>
/// <param name="Index">Index of the disk.</param>
/// <param name="Path">Absolute path; empty for the null target.</param>
/// <param name="VirtualSize">Size that the guest sees, in bytes.</param>
/// <param name="DataBytes">Bytes of data that were copied.</param>
/// <param name="StoredBytes">Bytes that the file takes on the host.</param>
public sealed record ExportedDisk(int Index, string Path, long VirtualSize, long DataBytes, long StoredBytes)
{
    /// <inheritdoc/>
    public override string ToString() => Path;
}
