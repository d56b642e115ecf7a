using System.Management.Automation;
using System.Runtime.Loader;

namespace V2V.Loader;

/// <summary>
/// The manifest names this assembly as a nested module, which PowerShell imports before the cmdlets: their types refer to
/// V2V.Core, so the load context has to be in place before PowerShell looks at them.
/// </summary>
public sealed class ModuleLoader : IModuleAssemblyInitializer
{
    /// <inheritdoc/>
    public void OnImport()
    {
        AssemblyLoadContext.Default.Resolving -= LibraryLoadContext.Resolve;
        AssemblyLoadContext.Default.Resolving += LibraryLoadContext.Resolve;
    }
}
