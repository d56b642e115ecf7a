using System.Management.Automation;
using V2V.Core.Working;

namespace V2V.PowerShell.Module;

/// <summary>Removes what is left of overlays: those of killed processes when the module comes, its own when the module goes, or the process.</summary>
public sealed class ModuleLifetime : IModuleAssemblyInitializer, IModuleAssemblyCleanup
{
    private static Task s_sweep = Task.CompletedTask;

    /// <inheritdoc/>
    public void OnImport()
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => WorkArea.DeleteAll();

        // Beside the import, which it would hold up where the temporary folder is large.
        s_sweep = Task.Run(() => WorkArea.Sweep());
    }

    /// <inheritdoc/>
    public void OnRemove(PSModuleInfo psModuleInfo)
    {
        WorkArea.DeleteAll();
        s_sweep.Wait();
    }
}
