using System.Management.Automation;
using V2V.Core.Working;

namespace V2V.PowerShell.Module;

/// <summary>Removes what is left of overlays when the module goes, or the process.</summary>
public sealed class ModuleLifetime : IModuleAssemblyInitializer, IModuleAssemblyCleanup
{
    /// <inheritdoc/>
    public void OnImport() => AppDomain.CurrentDomain.ProcessExit += (_, _) => WorkArea.DeleteAll();

    /// <inheritdoc/>
    public void OnRemove(PSModuleInfo psModuleInfo) => WorkArea.DeleteAll();
}
