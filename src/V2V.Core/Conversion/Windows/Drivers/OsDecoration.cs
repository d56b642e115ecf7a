using System.Globalization;
using V2V.Core.Conversion.Windows.Drivers.Inf;

namespace V2V.Core.Conversion.Windows.Drivers;

/// <summary>
/// The ending of a section's name that says which Windows it is for ("Combining Platform Extensions with Operating System Versions"):
/// <c>NT[architecture][.major[.minor[.product type[.suites[.build]]]]]</c>, each number allowed to be empty.
/// </summary>
/// <param name="Architecture">Null for any.</param>
/// <param name="Major">Lowest major version, or null.</param>
/// <param name="Minor">Lowest minor version, or null.</param>
/// <param name="ProductType">VER_NT_* that it is for, or null for all.</param>
/// <param name="SuiteMask">Suites that must be there, or null.</param>
/// <param name="Build">Lowest build of exactly this major and minor version, or null.</param>
internal sealed record OsDecoration(TargetArchitecture? Architecture, int? Major, int? Minor, int? ProductType, uint? SuiteMask, int? Build)
{
    /// <summary>The first build of Windows 10 that understands builds; for older ones such a section does not exist.</summary>
    private const int FirstBuildWithBuilds = 14310;

    private const int MaxFields = 6;

    private static readonly Version s_firstWithoutPlainSections = new(5, 2, 3790);

    /// <summary>Reads a decoration without its leading dot; null if the text is none.</summary>
    internal static OsDecoration? Parse(string text)
    {
        string[] fields = text.Trim().Split('.');
        if (fields.Length > MaxFields || !fields[0].StartsWith("NT", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        TargetArchitecture? architecture = TargetArchitectures.FromInfName(fields[0].AsSpan(2));
        var numbers = new uint?[MaxFields];
        for (int i = 1; i < fields.Length; i++)
        {
            numbers[i] = InfNumber.Parse(fields[i]);
            if (fields[i].Length > 0 && (numbers[i] is not { } number || (number > int.MaxValue && i != 4)))
            {
                return null;
            }
        }

        return architecture is null && fields[0].Length > 2
            ? null
            : new OsDecoration(architecture, (int?)numbers[1], (int?)numbers[2], (int?)numbers[3], numbers[4], (int?)numbers[5]);
    }

    /// <summary>True if a section with this ending may be used by a Windows.</summary>
    internal bool Matches(TargetSystem target) =>
        (Architecture is null || Architecture == target.Architecture)
        && MatchesVersion(target.Version)
        && (ProductType is null || ProductType == target.ProductType)
        && (SuiteMask is null || (SuiteMask & target.SuiteMask) == SuiteMask);

    /// <summary>True if models without an architecture in their ending are good for a Windows: of 64 bits only before Server 2003 SP1.</summary>
    internal static bool AllowsPlainModels(TargetSystem target) =>
        target.Architecture == TargetArchitecture.X86 || target.Version < s_firstWithoutPlainSections;

    /// <summary>The best of some names: that with the highest version, then build, then an architecture, then a product type and suites.</summary>
    /// <param name="candidates">The full name of each section and its decoration; null for a name without one.</param>
    /// <param name="target">The Windows.</param>
    internal static string? Best(IEnumerable<(string Section, OsDecoration? Decoration)> candidates, TargetSystem target) =>
        candidates.Where(c => c.Decoration is null || c.Decoration.Matches(target)).OrderByDescending(c => Rank(c.Decoration)).Select(c => c.Section).FirstOrDefault();

    private static (int Major, int Minor, int Build, int Architecture, int Specifics) Rank(OsDecoration? d) => d is null
        ? (-1, -1, -1, -1, -1)
        : (d.Major ?? 0, d.Minor ?? 0, d.Build ?? 0, d.Architecture is null ? 0 : 1, (d.ProductType is null ? 0 : 2) + (d.SuiteMask is null ? 0 : 1));

    private bool MatchesVersion(Version version)
    {
        if (Build is not null && version is { Major: < 10 } or { Major: 10, Minor: 0, Build: < FirstBuildWithBuilds })
        {
            return false;
        }

        var wanted = new Version(Major ?? 0, Minor ?? 0);
        var actual = new Version(version.Major, version.Minor);
        return wanted < actual || (wanted == actual && (Build is null || Build <= version.Build));
    }
}
