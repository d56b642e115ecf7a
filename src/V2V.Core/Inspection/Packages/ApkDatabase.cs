namespace V2V.Core.Inspection.Packages;

/// <summary>The packages of Alpine Linux: /lib/apk/db/installed, paragraphs of one-letter fields (P name, V version, A architecture, T summary).</summary>
internal static class ApkDatabase
{
    private const int MaxBytes = 64 << 20;
    private static readonly string[] s_paths = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];

    internal static List<ApplicationInfo> ReadPackages(InspectionContext context)
    {
        var packages = new List<ApplicationInfo>();
        string name = "", version = "", architecture = "", summary = "";
        string? path = s_paths.FirstOrDefault(context.Tree.FileExists);
        foreach (string line in path is null ? [] : context.ReadLines(path, MaxBytes).Append(""))
        {
            if (line.Length == 0)
            {
                if (name.Length > 0)
                {
                    packages.Add(new ApplicationInfo(name, version, architecture, summary));
                }

                name = version = architecture = summary = "";
            }
            else if (line.Length > 2 && line[1] == ':')
            {
                string value = line[2..];
                (name, version, architecture, summary) = line[0] switch
                {
                    'P' => (value, version, architecture, summary),
                    'V' => (name, value, architecture, summary),
                    'A' => (name, version, value, summary),
                    'T' => (name, version, architecture, value),
                    _ => (name, version, architecture, summary),
                };
            }
        }

        return packages;
    }
}
