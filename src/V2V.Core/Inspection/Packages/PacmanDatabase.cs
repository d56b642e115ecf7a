namespace V2V.Core.Inspection.Packages;

/// <summary>The packages of Arch Linux: a folder for each in /var/lib/pacman/local with <c>desc</c>, lines under <c>%HEADINGS%</c>.</summary>
internal static class PacmanDatabase
{
    private const string Root = "/var/lib/pacman/local";

    internal static List<ApplicationInfo> ReadPackages(InspectionContext context)
    {
        var packages = new List<ApplicationInfo>();
        foreach (FileSystems.DirectoryEntry entry in context.List(Root))
        {
            Dictionary<string, string> fields = ReadFields(context, $"{Root}/{entry.Name}/desc");
            if (fields.TryGetValue("NAME", out string? name))
            {
                packages.Add(new ApplicationInfo(
                    name, fields.GetValueOrDefault("VERSION", ""), fields.GetValueOrDefault("ARCH", ""), fields.GetValueOrDefault("DESC", "")));
            }
        }

        return packages;
    }

    private static Dictionary<string, string> ReadFields(InspectionContext context, string path)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        string heading = "";
        foreach (string line in context.ReadLines(path))
        {
            if (line is ['%', .., '%'])
            {
                heading = line[1..^1];
            }
            else if (heading.Length > 0 && line.Length > 0)
            {
                fields.TryAdd(heading, line);
            }
        }

        return fields;
    }
}
