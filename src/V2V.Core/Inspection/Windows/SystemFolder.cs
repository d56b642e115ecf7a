using V2V.Core.Guest;
using V2V.FileSystems;
using V2V.Storage;

namespace V2V.Core.Inspection.Windows;

/// <summary>The folder of Windows on a volume (inspection.md 3.5): one of the usual names, or one that the menu of Windows XP and 2003 (boot.ini) starts.</summary>
internal static class SystemFolder
{
    private const int MaxEntries = 4096;
    private const int MaxMenu = 64 << 10;

    private static readonly string[] s_names = ["windows", "winnt", "win32", "win", "reactos"];

    /// <summary>The folder (<c>/Windows</c>, as it is written there), one with a registry first; null if the volume has no Windows.</summary>
    internal static string? Find(GuestTree tree) => All(tree).OrderByDescending(f => HasRegistry(tree, f)).FirstOrDefault();

    /// <summary>True if the folder has a registry, without which Windows does not start.</summary>
    internal static bool HasRegistry(GuestTree tree, string folder) => tree.FileExists(folder + "/system32/config/SYSTEM");

    private static IEnumerable<string> All(GuestTree tree)
    {
        List<string> top = [.. tree.EnumerateDirectory("/").Take(MaxEntries).Select(e => e.Name)];
        foreach (string wanted in s_names.Concat(FromMenu(tree, top)).Distinct(StringComparer.OrdinalIgnoreCase))
        {
            if (top.Find(n => n.Equals(wanted, StringComparison.OrdinalIgnoreCase)) is { } name && tree.DirectoryExists("/" + name)
                && tree.EnumerateDirectory("/" + name).Take(MaxEntries).Any(e => e.Name.Equals("system32", StringComparison.OrdinalIgnoreCase)))
            {
                yield return "/" + name;
            }
        }
    }

    /// <summary>Folders that lines such as <c>multi(0)disk(0)rdisk(0)partition(1)\WINDOWS.0="Windows XP"</c> name.</summary>
    private static IEnumerable<string> FromMenu(GuestTree tree, List<string> top)
    {
        string? menu = top.Find(n => n.Equals("boot.ini", StringComparison.OrdinalIgnoreCase));
        if (menu is null || tree.TryGetEntry("/" + menu) is not { Type: GuestFileType.File, Length: <= MaxMenu })
        {
            return [];
        }

        try
        {
            return [.. tree.ReadLines("/" + menu, MaxMenu).Where(l => l.Contains(")\\", StringComparison.Ordinal)).Select(l => l.Split(")\\", 2)[1].Split('=')[0].Trim()).Where(n => n.Length > 0 && !n.Contains('\\', StringComparison.Ordinal))];
        }
        catch (V2VException)
        {
            // A menu that cannot be read hides nothing that has a usual name.
            return [];
        }
    }
}
