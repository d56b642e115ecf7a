using V2V.Core.Guest;
using V2V.FileSystems;
using V2V.Storage;

namespace V2V.Core.Inspection.Packages;

/// <summary>
/// The packages of a Debian family guest: /var/lib/dpkg/status and, as images without dpkg itself have them, the fragments in
/// status.d; and the lists of files in info (dpkg(1), "FILES").
/// </summary>
internal static class DpkgDatabase
{
    private const string Root = "/var/lib/dpkg";
    private const int MaxStatusBytes = 64 << 20;
    private const int MaxFragmentBytes = 1 << 20;
    private const int MaxPackages = 200_000;
    private const int MaxFieldBytes = 4096;
    private const int MaxListBytes = 4 << 20;
    private const int MaxOwners = 128;

    /// <summary>Installed packages in the order of the database. An empty list means that there is no database.</summary>
    internal static List<ApplicationInfo> ReadPackages(InspectionContext context)
    {
        var packages = new List<ApplicationInfo>();
        Add(context, Root + "/status", MaxStatusBytes, packages, needsStatus: true);
        foreach (string path in context.FilesIn(Root + "/status.d", "*"))
        {
            // A fragment holds a package without a status line: it is installed because it is there.
            if (!path.EndsWith(".md5sums", StringComparison.Ordinal))
            {
                Add(context, path, MaxFragmentBytes, packages, needsStatus: false);
            }
        }

        return packages;
    }

    /// <summary>The packages among the candidates whose lists of files hold any of the paths, by path. Each list is read once at most.</summary>
    internal static Dictionary<string, string> FindOwners(InspectionContext context, IEnumerable<ApplicationInfo> candidates, IReadOnlyCollection<string> paths)
    {
        var owners = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (ApplicationInfo package in candidates.Take(MaxOwners))
        {
            foreach (string list in (string[])[$"{Root}/info/{package.Name}.list", $"{Root}/info/{package.Name}:{package.Architecture}.list"])
            {
                if (owners.Count == paths.Count)
                {
                    return owners;
                }

                ReadList(context, list, package.Name, paths, owners);
            }
        }

        return owners;
    }

    /// <summary>Reads stanzas of RFC 822 fields. Only the fields that are needed become strings.</summary>
    internal static void Parse(ReadOnlySpan<byte> status, List<ApplicationInfo> packages, bool needsStatus)
    {
        string name = "", version = "", architecture = "", description = "";
        bool isInstalled = !needsStatus;
        while (true)
        {
            int end = status.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = (end < 0 ? status : status[..end]).TrimEnd((byte)'\r');
            if (line.IsEmpty)
            {
                if (name.Length > 0 && isInstalled && packages.Count < MaxPackages)
                {
                    packages.Add(new ApplicationInfo(name, version, architecture, description));
                }

                name = version = architecture = description = "";
                isInstalled = !needsStatus;
            }
            else if (line[0] is not ((byte)' ' or (byte)'\t') && line.IndexOf((byte)':') is > 0 and int colon)
            {
                ReadOnlySpan<byte> field = line[..colon], value = line[(colon + 1)..].Trim(" \t"u8);
                value = value[..Math.Min(value.Length, MaxFieldBytes)];
                if (Is(field, "Package"u8))
                {
                    name = GuestText.Decode(value);
                }
                else if (Is(field, "Status"u8))
                {
                    isInstalled = IsInstalled(value);
                }
                else if (Is(field, "Version"u8))
                {
                    version = GuestText.Decode(value);
                }
                else if (Is(field, "Architecture"u8))
                {
                    architecture = GuestText.Decode(value);
                }
                else if (Is(field, "Description"u8))
                {
                    description = GuestText.Decode(value);
                }
            }

            if (end < 0)
            {
                if (line.IsEmpty)
                {
                    return;
                }

                // The last stanza need not end in an empty line.
                status = default;
                continue;
            }

            status = status[(end + 1)..];
        }
    }

    private static void Add(InspectionContext context, string path, int maxBytes, List<ApplicationInfo> packages, bool needsStatus)
    {
        try
        {
            if (context.Tree.FileExists(path))
            {
                Parse(context.Tree.ReadAllBytes(path, maxBytes), packages, needsStatus);
            }
        }
        catch (V2VException e)
        {
            context.Warn($"{path} was not read: {e.Message}");
        }
    }

    private static void ReadList(InspectionContext context, string list, string package, IReadOnlyCollection<string> paths, Dictionary<string, string> owners)
    {
        try
        {
            if (!context.Tree.FileExists(list))
            {
                return;
            }

            byte[] content = [(byte)'\n', .. context.Tree.ReadAllBytes(list, MaxListBytes), (byte)'\n'];
            foreach (string path in paths)
            {
                byte[] line = [(byte)'\n', .. GuestName.Encode(path), (byte)'\n'];
                if (content.AsSpan().IndexOf(line) >= 0)
                {
                    owners.TryAdd(path, package);
                }
            }
        }
        catch (V2VException e)
        {
            context.Warn($"{list} was not read: {e.Message}");
        }
    }

    /// <summary>True if one of the words is "installed"; "half-installed" and "not-installed" are others.</summary>
    private static bool IsInstalled(ReadOnlySpan<byte> status)
    {
        foreach (Range word in status.Split((byte)' '))
        {
            if (status[word].SequenceEqual("installed"u8))
            {
                return true;
            }
        }

        return false;
    }

    private static bool Is(ReadOnlySpan<byte> field, ReadOnlySpan<byte> name) => System.Text.Ascii.EqualsIgnoreCase(field, name);
}
