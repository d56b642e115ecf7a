using System.Globalization;

namespace V2V.Core.Conversion.Windows.Drivers;

/// <summary>Date and version of a driver: the DriverVer of an INF file. The later date counts, then the higher version.</summary>
/// <param name="Date">The date.</param>
/// <param name="Version">The version, of four parts; zeroes if the file gives none.</param>
internal sealed record DriverDate(DateOnly Date, Version Version) : IComparable<DriverDate>
{
    private static readonly string[] s_formats = ["M/d/yyyy", "M-d-yyyy"];

    /// <summary>Reads the fields of DriverVer; null if the date is none.</summary>
    internal static DriverDate? Parse(string date, string version) =>
        DateOnly.TryParseExact(date.Trim(), s_formats, CultureInfo.InvariantCulture, DateTimeStyles.None, out DateOnly day) ? new DriverDate(day, ParseVersion(version)) : null;

    /// <inheritdoc/>
    public int CompareTo(DriverDate? other) => other is null ? 1 : (Date, Version).CompareTo((other.Date, other.Version));

    /// <inheritdoc/>
    public override string ToString() => Version.ToString(4);

    private static Version ParseVersion(string text)
    {
        int[] parts = [.. text.Split('.').Take(4).Select(p => ushort.TryParse(p.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out ushort number) ? number : 0)];
        return new Version(parts.ElementAtOrDefault(0), parts.ElementAtOrDefault(1), parts.ElementAtOrDefault(2), parts.ElementAtOrDefault(3));
    }
}
