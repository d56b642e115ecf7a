using System.Management.Automation;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using V2V.Core.Working;

namespace V2V.PowerShell.Module;

/// <summary>Connects the load context when the module is imported, and removes what is left of overlays when it goes.</summary>
public sealed class ModuleLifetime : IModuleAssemblyInitializer, IModuleAssemblyCleanup
{
    /// <inheritdoc/>
    public void OnImport()
    {
        AssemblyLoadContext.Default.Resolving -= LibraryLoadContext.Resolve;
        AssemblyLoadContext.Default.Resolving += LibraryLoadContext.Resolve;
        HookProcessExit();
    }

    /// <inheritdoc/>
    public void OnRemove(PSModuleInfo psModuleInfo) => DeleteWorkAreas();

    // Kept apart: compiled only when the load context can already find V2V.Core.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void HookProcessExit() => AppDomain.CurrentDomain.ProcessExit += (_, _) => DeleteWorkAreas();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void DeleteWorkAreas() => WorkArea.DeleteAll();
}
