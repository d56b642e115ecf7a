namespace V2V.Core.Conversion.Windows.Drivers.Inf;

/// <summary>A line of a section, its strings put in.</summary>
/// <param name="Key">What stands before the first equals sign; null if there is none.</param>
/// <param name="Fields">What stands behind it, or the whole line, split at commas. Never empty.</param>
internal sealed record InfLine(string? Key, IReadOnlyList<string> Fields)
{
    /// <summary>A field; empty if the line is shorter.</summary>
    internal string Field(int index) => index < Fields.Count ? Fields[index] : "";

    /// <summary>True if the line has that key.</summary>
    internal bool Is(string key) => string.Equals(Key, key, StringComparison.OrdinalIgnoreCase);
}
