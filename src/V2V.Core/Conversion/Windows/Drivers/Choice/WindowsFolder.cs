namespace V2V.Core.Conversion.Windows.Drivers.Choice;

/// <summary>
/// The Windows that a folder of a driver library is for, by the names that virtio-win gives its folders. INF files for one architecture often
/// look the same for every Windows, so the folder is what tells them apart.
/// </summary>
/// <param name="Name">Name of the folder as virtio-win's ISO has it.</param>
/// <param name="Version">The first version and build that the folder's drivers are for.</param>
/// <param name="IsServer">True if it is named after a server.</param>
internal sealed record WindowsFolder(string Name, Version Version, bool IsServer)
{
    private static readonly (WindowsFolder Folder, string[] Names)[] s_all =
    [
        (new("xp", new(5, 1, 2600), false), ["xp", "wxp", "winxp"]),
        (new("2k3", new(5, 2, 3790), true), ["2k3", "wnet", "win2003", "win2k3"]),
        (new("2k8", new(6, 0, 6000), true), ["2k8", "wlh", "vista", "winvista", "win2008", "win2k8"]),
        (new("w7", new(6, 1, 7600), false), ["w7", "win7"]),
        (new("2k8R2", new(6, 1, 7600), true), ["2k8r2", "win2008r2", "win2k8r2"]),
        (new("w8", new(6, 2, 9200), false), ["w8", "win8"]),
        (new("2k12", new(6, 2, 9200), true), ["2k12", "win2012", "win2k12"]),
        (new("w8.1", new(6, 3, 9600), false), ["w8.1", "win8.1"]),
        (new("2k12R2", new(6, 3, 9600), true), ["2k12r2", "win2012r2", "win2k12r2"]),
        (new("w10", new(10, 0, 10240), false), ["w10", "win10"]),
        (new("2k16", new(10, 0, 14393), true), ["2k16", "win2016", "win2k16"]),
        (new("2k19", new(10, 0, 17763), true), ["2k19", "win2019", "win2k19"]),
        (new("2k22", new(10, 0, 20348), true), ["2k22", "win2022", "win2k22"]),
        (new("w11", new(10, 0, 22000), false), ["w11", "win11"]),
        (new("2k25", new(10, 0, 26100), true), ["2k25", "win2025", "win2k25"]),
    ];

    private static readonly Dictionary<string, WindowsFolder> s_byName =
        s_all.SelectMany(f => f.Names.Select(n => (n, f.Folder))).ToDictionary(f => f.n, f => f.Folder, StringComparer.OrdinalIgnoreCase);

    /// <summary>What the first folder of a path that names a Windows stands for, or null.</summary>
    internal static WindowsFolder? Of(string path) => path.Split('/').Select(s_byName.GetValueOrDefault).FirstOrDefault(f => f is not null);

    /// <summary>The folder that drivers for a Windows are in if the library has them; null before Windows XP.</summary>
    internal static WindowsFolder? For(TargetSystem target)
    {
        var kernel = new Version(target.Version.Major, target.Version.Minor);
        IEnumerable<WindowsFolder> suitable = s_all.Select(f => f.Folder).Where(f => f.SuitsOlder(target.Version));
        return suitable.Where(f => f.IsServer == target.IsServer && f.Kernel == kernel).MaxBy(f => f.Version)
            ?? suitable.Where(f => f.Kernel == kernel).MaxBy(f => f.Version)
            ?? suitable.Where(f => f.IsServer == target.IsServer).MaxBy(f => f.Version);
    }

    /// <summary>Major and minor version.</summary>
    internal Version Kernel => new(Version.Major, Version.Minor);

    /// <summary>True if the folder is for that version or an older one.</summary>
    internal bool SuitsOlder(Version version) => Version <= version || (Kernel == new Version(version.Major, version.Minor) && version.Major < 10);
}
