using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace V2V.Loader;

/// <summary>
/// The module's own load context: V2V's assemblies and the libraries they use come from the module's lib folder, whatever
/// versions other modules or pwsh itself have loaded. Everything else comes from the host.
/// </summary>
internal sealed class LibraryLoadContext : AssemblyLoadContext
{
    private static readonly string s_library = Path.Combine(Path.GetDirectoryName(typeof(LibraryLoadContext).Assembly.Location)!, "lib");
    private static readonly string s_compiled = Path.Combine(s_library, RuntimeName());
    private static readonly Lazy<LibraryLoadContext> s_instance = new(() => new LibraryLoadContext());

    private LibraryLoadContext()
        : base("V2V")
    {
    }

    /// <summary>Answers when the default context does not find one of V2V's own assemblies.</summary>
    public static Assembly? Resolve(AssemblyLoadContext context, AssemblyName name) =>
        name.Name is ['V', '2', 'V', '.', ..] && PathOf(name) is not null ? s_instance.Value.LoadFromAssemblyName(name) : null;

    protected override Assembly? Load(AssemblyName assemblyName) =>
        PathOf(assemblyName) is { } path ? LoadFromAssemblyPath(path) : null;

    private static string? PathOf(AssemblyName name)
    {
        string file = name.Name + ".dll", path = Path.Combine(s_library, file), compiled = Path.Combine(s_compiled, file);
        return File.Exists(compiled) ? compiled : File.Exists(path) ? path : null;
    }

    /// <summary>The folder of the libraries that were compiled ahead of time for this system, as build.ps1 names it.</summary>
    private static string RuntimeName() =>
        (OperatingSystem.IsWindows() ? "win-" : "linux-") + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
}
