using V2V.Core.Inspection.Packages.Rpm;

namespace V2V.Core.Inspection.Packages;

/// <summary>The guest's list of packages, by its package format.</summary>
internal static class PackageDatabase
{
    /// <summary>Installed packages. A format that a distribution should have but whose list is not there is worth a warning.</summary>
    /// <param name="context">The guest.</param>
    /// <param name="format"><c>deb</c>, <c>rpm</c>, <c>pacman</c>, <c>apk</c>, another one, or empty if the distribution does not tell.</param>
    internal static List<ApplicationInfo> ReadPackages(InspectionContext context, string format)
    {
        List<ApplicationInfo> packages = format switch
        {
            "deb" => DpkgDatabase.ReadPackages(context),
            "rpm" => RpmDatabase.ReadPackages(context),
            "pacman" => PacmanDatabase.ReadPackages(context),
            "apk" => ApkDatabase.ReadPackages(context),
            "" => Any(context),
            _ => [],
        };
        if (packages.Count == 0 && format.Length > 0)
        {
            context.Warn(format is "deb" or "rpm" or "pacman" or "apk"
                ? $"The guest has no list of {format} packages."
                : $"The packages of this guest are in the {format} format, which V2V does not read.");
        }

        return packages;
    }

    /// <summary>The packages that own files, by path. Only the lists of files of the candidates are looked at.</summary>
    internal static Dictionary<string, string> FindOwners(InspectionContext context, IReadOnlyCollection<ApplicationInfo> candidates, IReadOnlyCollection<string> paths)
    {
        Dictionary<string, string> owners = DpkgDatabase.FindOwners(context, candidates, paths);
        return owners.Count > 0 ? owners : RpmDatabase.FindOwners(context, candidates, paths);
    }

    private static List<ApplicationInfo> Any(InspectionContext context)
    {
        List<ApplicationInfo> packages = DpkgDatabase.ReadPackages(context);
        return packages.Count > 0 ? packages : RpmDatabase.ReadPackages(context);
    }
}
