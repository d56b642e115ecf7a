using V2V.Core.Guest;
using V2V.Storage;

namespace V2V.Core.Inspection.Packages.Rpm;

/// <summary>The packages of an rpm guest, from whichever of rpm's three databases it has.</summary>
internal static class RpmDatabase
{
    private const int MaxPackages = 200_000;

    /// <summary>Where rpm keeps its database: the old place, that of SUSE and Fedora since 36, that of image-based systems.</summary>
    private static readonly string[] s_directories = ["/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"];

    /// <summary>Newest form first: an upgrade leaves the older one behind.</summary>
    private static readonly string[] s_names = ["rpmdb.sqlite", "Packages.db", "Packages"];

    /// <summary>Installed packages in the order of the database. An empty list means that there is no database, or a damaged one.</summary>
    internal static List<ApplicationInfo> ReadPackages(InspectionContext context)
    {
        var packages = new List<ApplicationInfo>();
        ForEachHeader(context, files: false, header =>
        {
            // The keys by which rpm checks signatures are kept as packages without an architecture.
            if (header.ToApplication() is { } package && package.Name != "gpg-pubkey")
            {
                packages.Add(package);
            }

            return packages.Count < MaxPackages;
        });
        return packages;
    }

    /// <summary>The packages whose lists of files hold any of the paths, by path.</summary>
    internal static Dictionary<string, string> FindOwners(InspectionContext context, IEnumerable<ApplicationInfo> candidates, IReadOnlyCollection<string> paths)
    {
        HashSet<string> names = [.. candidates.Select(c => c.Name)];
        var owners = new Dictionary<string, string>(StringComparer.Ordinal);
        if (names.Count == 0 || paths.Count == 0)
        {
            return owners;
        }

        HashSet<string> wanted = [.. paths];
        ForEachHeader(context, files: true, header =>
        {
            if (header.ToApplication() is { } package && names.Contains(package.Name))
            {
                foreach (string file in header.Files().Where(wanted.Contains))
                {
                    owners.TryAdd(file, package.Name);
                }
            }

            return owners.Count < wanted.Count;
        });
        return owners;
    }

    private static void ForEachHeader(InspectionContext context, bool files, Func<RpmHeader, bool> action)
    {
        string? path = s_names.SelectMany(_ => s_directories, (name, directory) => GuestPath.Combine(directory, name))
            .FirstOrDefault(p => context.Tree.TryGetEntry(p) is { Length: > 0 });
        if (path is null)
        {
            return;
        }

        try
        {
            using var file = new DatabaseFile(context.Tree, path);
            string logPath = path + "-wal";
            using DatabaseFile? log = path.EndsWith("sqlite", StringComparison.Ordinal) && context.Tree.FileExists(logPath) ? new DatabaseFile(context.Tree, logPath) : null;
            IEnumerable<Stream> records = GuestPath.GetName(path) switch
            {
                "rpmdb.sqlite" => SqlitePackages.Records(file, log),
                "Packages.db" => NdbPackages.Records(file),
                _ => BerkeleyHash.Records(file),
            };
            foreach (Stream record in records)
            {
                if (RpmHeader.Read(record, path, files) is { } header && !action(header))
                {
                    return;
                }
            }
        }
        catch (Exception e) when (e is V2VException or EndOfStreamException)
        {
            context.Warn($"The packages in {path} were not all read: {e.Message}");
        }
    }
}
