namespace V2V.Core.Conversion;

/// <summary>What is left to the guest's first boot, gathered by the steps and written by the last of them.</summary>
internal sealed class FirstBootPlan
{
    /// <summary>Packages to remove with the guest's package manager.</summary>
    internal List<string> RemovePackages { get; } = [];

    /// <summary>Commands, each with what it is for, that remove tools which no package owns.</summary>
    internal List<(string Purpose, string Command)> Uninstallers { get; } = [];

    /// <summary>True to rebuild every initramfs natively.</summary>
    internal bool RebuildInitramfs { get; set; }

    /// <summary>The command that rebuilds every initramfs, without arguments from the guest.</summary>
    internal string RebuildCommand { get; set; } = "update-initramfs -u -k all";

    /// <summary>Package files in the guest that are to be installed.</summary>
    internal List<string> PackageFiles { get; } = [];

    /// <summary>Packages to install from the guest's repository.</summary>
    internal List<string> RepositoryPackages { get; } = [];
}
