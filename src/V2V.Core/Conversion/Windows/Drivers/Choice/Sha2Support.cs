using V2V.Registry;

namespace V2V.Core.Conversion.Windows.Drivers.Choice;

/// <summary>Whether a Windows verifies drivers that are signed with SHA-2.</summary>
internal static class Sha2Support
{
    private const string Packages = @"Microsoft\Windows\CurrentVersion\Component Based Servicing\Packages";

    private static readonly Version s_builtIn = new(6, 2);
    private static readonly Version s_servicing = new(6, 0);

    /// <summary>The updates that brought it to Windows 7 and Server 2008 (R2); every later monthly rollup has it too.</summary>
    private static readonly string[] s_updates = ["KB3033929", "KB4474419", "KB2763674", "RollupFix", "KB3125574"];

    /// <summary>True from Windows 8 on, and where an update that brings it is installed; never before Vista.</summary>
    internal static bool Has(TargetSystem target, RegistryHive? software) =>
        target.Version >= s_builtIn
        || (target.Version >= s_servicing
            && software?.Find(Packages)?.Subkeys.Any(k => s_updates.Any(u => k.Name.Contains("_for_" + u, StringComparison.OrdinalIgnoreCase))) == true);
}
