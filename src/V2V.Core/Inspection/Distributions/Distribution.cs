using V2V.Core.Inspection;

namespace V2V.Core.Inspection.Distributions;

/// <summary>What a guest says of itself. <see cref="DistributionReader"/> fills it.</summary>
internal sealed class Distribution
{
    /// <summary>libguestfs' name, or null as long as none is known. Families that no release file names end in <c>-based</c>.</summary>
    internal string? Id { get; set; }

    /// <summary>The guest's own name for itself, or empty.</summary>
    internal string Product { get; set; } = "";

    /// <summary>Version, or null as long as none is known.</summary>
    internal Version? Version { get; set; }

    /// <summary>BUILD_ID, or empty.</summary>
    internal string BuildId { get; set; } = "";

    internal int Major => Version?.Major ?? 0;

    internal int Minor => Version?.Minor ?? 0;
}
