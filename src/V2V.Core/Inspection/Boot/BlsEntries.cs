using V2V.Core.Guest;

namespace V2V.Core.Inspection.Boot;

/// <summary>Entries of the Boot Loader Specification, type 1: one file for each kernel in loader/entries.</summary>
internal static class BlsEntries
{
    private const int MaxFiles = 512;
    private const int MaxFileBytes = 64 << 10;

    /// <summary>Reads the entries of a directory, newest first. The id of an entry is its file's name without <c>.conf</c>.</summary>
    internal static List<BootEntry> Read(InspectionContext context, string directory)
    {
        var entries = new List<(string Version, BootEntry Entry)>();
        foreach (string path in context.FilesIn(directory, "*.conf").Take(MaxFiles))
        {
            if (Parse(GuestPath.GetName(path)[..^5], context.ReadLines(path, MaxFileBytes), out string version) is { } entry)
            {
                entries.Add((version, entry));
            }
        }

        entries.Sort((a, b) => PackageVersion.Compare(b.Version, a.Version) is var order and not 0 ? order : PackageVersion.Compare(b.Entry.Id!, a.Entry.Id!));
        return [.. entries.Select(e => e.Entry)];
    }

    /// <summary>Parses one file; null if it names no kernel.</summary>
    internal static BootEntry? Parse(string id, IEnumerable<string> lines, out string version)
    {
        string title = "", options = "";
        string? kernel = null;
        version = "";
        var initrds = new List<string>();
        foreach (string raw in lines)
        {
            string line = raw.Trim();
            int blank = line.AsSpan().IndexOfAny(' ', '\t');
            if (blank < 0 || line[0] == '#')
            {
                continue;
            }

            string value = line[(blank + 1)..].Trim();
            switch (line[..blank])
            {
                case "title":
                    title = value;
                    break;
                case "version":
                    version = value;
                    break;
                case "linux" or "efi" or "uki":
                    kernel = value;
                    break;
                case "initrd" when initrds.Count < 64:
                    initrds.AddRange(value.Split(' ', StringSplitOptions.RemoveEmptyEntries).Take(64));
                    break;
                case "options" when options.Length < 65536:
                    options = options.Length == 0 ? value : options + " " + value;
                    break;
                default:
                    break;
            }
        }

        return kernel is null ? null : new BootEntry(title, id, kernel, initrds, options);
    }
}
