namespace V2V.Core.Inspection;

/// <summary>What a user can choose about an inspection.</summary>
public sealed record InspectionOptions
{
    /// <summary>
    /// Which root file system to take: <c>single</c> or null (an error if there are several), <c>first</c>, or a device
    /// (<c>sda2</c>, <c>/dev/sda2</c>).
    /// </summary>
    public string? Root { get; init; }
}
