namespace V2V.Core.Conversion;

/// <summary>What is left to the guest's first boot, gathered by the steps and written by the last of them.</summary>
internal sealed class FirstBootPlan
{
    /// <summary>Kind of the guest's packages: <c>deb</c>, <c>rpm</c>, <c>pacman</c>, <c>apk</c>, <c>xbps</c>.</summary>
    internal string PackageFormat { get; set; } = "deb";

    /// <summary>The program that installs packages from the guest's repositories: <c>apt</c>, <c>dnf</c>, <c>yum</c>, <c>zypper</c>, …</summary>
    internal string PackageManager { get; set; } = "apt";

    /// <summary>Packages to remove with the guest's package manager.</summary>
    internal List<string> RemovePackages { get; } = [];

    /// <summary>Commands, each with what it is for, that remove tools which no package owns.</summary>
    internal List<(string Purpose, string Command)> Uninstallers { get; } = [];

    /// <summary>True to rebuild every initramfs natively.</summary>
    internal bool RebuildInitramfs { get; set; }

    /// <summary>The commands that rebuild every initramfs, without arguments that a shell would not take as they stand.</summary>
    internal List<string> RebuildCommands { get; } = [];

    /// <summary>True if there are images for kdump, which start from the old machine's drivers.</summary>
    internal bool RebuildKdump { get; set; }

    /// <summary>Package files in the guest that are to be installed.</summary>
    internal List<string> PackageFiles { get; } = [];

    /// <summary>Packages to install from the guest's repository.</summary>
    internal List<string> RepositoryPackages { get; } = [];

    /// <summary>True if there is nothing to do.</summary>
    internal bool IsEmpty =>
        RemovePackages.Count == 0 && Uninstallers.Count == 0 && PackageFiles.Count == 0 && RepositoryPackages.Count == 0 && !RebuildInitramfs && !RebuildKdump;
}
