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
    private const int MaxListBytes = 16 << 20;

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

    /// <summary>The first of the candidate packages whose list of files holds a path, or null.</summary>
    internal static string? FindOwner(InspectionContext context, IEnumerable<ApplicationInfo> candidates, string path)
    {
        byte[] line = [(byte)'\n', .. GuestName.Encode(path), (byte)'\n'];
        foreach (ApplicationInfo package in candidates)
        {
            foreach (string list in (string[])[$"{Root}/info/{package.Name}.list", $"{Root}/info/{package.Name}:{package.Architecture}.list"])
            {
                if (ListContains(context.Tree, list, line))
                {
                    return package.Name;
                }
            }
        }

        return null;
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

    private static bool ListContains(GuestTree tree, string list, ReadOnlySpan<byte> line)
    {
        try
        {
            if (!tree.FileExists(list))
            {
                return false;
            }

            using Stream stream = tree.OpenRead(list);
            var buffer = new byte[32 << 10];
            buffer[0] = (byte)'\n';
            int kept = 1;
            for (long total = 0; total < MaxListBytes;)
            {
                int read = stream.Read(buffer, kept, buffer.Length - kept);
                if (read == 0)
                {
                    return false;
                }

                total += read;
                ReadOnlySpan<byte> content = buffer.AsSpan(0, kept + read);
                if (content.IndexOf(line) >= 0)
                {
                    return true;
                }

                kept = Math.Min(line.Length, content.Length);
                content[^kept..].CopyTo(buffer);
            }
        }
        catch (V2VException)
        {
            // A damaged list names no owner; the file system's damage shows elsewhere.
        }

        return false;
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
