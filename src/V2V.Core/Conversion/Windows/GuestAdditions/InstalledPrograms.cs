using V2V.Registry;

namespace V2V.Core.Conversion.Windows.GuestAdditions;

/// <summary>The list of installed programs, of 64-bit and of 32-bit ones.</summary>
internal static class InstalledPrograms
{
    private const int MaxPrograms = 100_000;

    private static readonly string[] s_keys = [@"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall", @"SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall"];

    /// <summary>The entries whose names contain one of some texts.</summary>
    internal static List<InstalledProgram> Find(RegistryEditor registry, IReadOnlyList<string> names)
    {
        var found = new List<InstalledProgram>();
        foreach (string path in s_keys)
        {
            foreach (RegistryKey key in registry.Find(path)?.Subkeys.Take(MaxPrograms) ?? [])
            {
                if (key.GetText("DisplayName") is { Length: > 0 } name && names.Any(n => name.Contains(n, StringComparison.OrdinalIgnoreCase)))
                {
                    string code = key.Name;
                    found.Add(new InstalledProgram(
                        path + '\\' + code, name, Guid.TryParseExact(code, "B", out _) ? code : null, key.GetText("QuietUninstallString") ?? key.GetText("UninstallString") ?? ""));
                }
            }
        }

        return found;
    }
}
