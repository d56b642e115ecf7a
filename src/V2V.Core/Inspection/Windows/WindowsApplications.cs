using V2V.Registry;

namespace V2V.Core.Inspection.Windows;

/// <summary>The applications of a Windows guest, from both of its Uninstall keys.</summary>
internal static class WindowsApplications
{
    private const int MaxApplications = 100_000;

    private static readonly string[] s_antivirus =
        ["virus", "kaspersky", "mcafee", "norton", "sophos", "apexonent", "avg technologies", "crowdstrike", "sentinelone", "eset ", "bitdefender", "trend micro", "malwarebytes", "symantec endpoint"];

    /// <summary>Every entry with a name; the architecture is i386 for 32-bit programs of a 64-bit Windows.</summary>
    public static IReadOnlyList<(ApplicationInfo Application, bool IsAntivirus)> Read(WindowsHives hives, string architecture)
    {
        var found = new List<(ApplicationInfo, bool)>();
        foreach ((string path, string bits) in ((string, string)[])[(@"Microsoft\Windows\CurrentVersion\Uninstall", architecture), (@"WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall", "i386")])
        {
            foreach (RegistryKey key in hives.Read(() => hives.Get(path)?.Subkeys.Take(MaxApplications).ToList()) ?? [])
            {
                hives.Read(() =>
                {
                    if (key.GetText("DisplayName") is { Length: > 0 } name)
                    {
                        string publisher = key.GetText("Publisher") ?? "";
                        found.Add((new ApplicationInfo(name, key.GetText("DisplayVersion") ?? "", bits, publisher), IsAntivirus(key.Name, name, publisher)));
                    }

                    return found;
                });
            }
        }

        return found;
    }

    private static bool IsAntivirus(params string[] texts) =>
        texts.Any(t => s_antivirus.Any(a => t.Contains(a, StringComparison.OrdinalIgnoreCase)) && !t.Contains("Defender", StringComparison.OrdinalIgnoreCase));
}
