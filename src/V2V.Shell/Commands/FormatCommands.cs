using System.Management.Automation;
using System.Reflection;
using Microsoft.PowerShell.Commands.Internal.Format;

namespace V2V.Shell.Commands;

/// <summary>
/// Format-Table: the engine holds the formatter and its parameters; pwsh's own class is this same thin shell around it. The
/// engine opens its last step to pwsh's assemblies only, hence the reflection.
/// </summary>
[Cmdlet(VerbsCommon.Format, "Table")]
public sealed class FormatTableCommand : OuterFormatTableBase
{
    /// <summary>Connects the engine's formatter.</summary>
    public FormatTableCommand() => FormatShapeBinding.Bind(this, "Table");
}

/// <summary>Format-List, in the same way.</summary>
[Cmdlet(VerbsCommon.Format, "List")]
public sealed class FormatListCommand : OuterFormatTableAndListBase
{
    /// <summary>Connects the engine's formatter.</summary>
    public FormatListCommand() => FormatShapeBinding.Bind(this, "List");
}

/// <summary>Gives a formatting command its implementation.</summary>
internal static class FormatShapeBinding
{
    private const BindingFlags Any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
    private static readonly Assembly s_engine = typeof(FrontEndCommandBase).Assembly;

    public static void Bind(FrontEndCommandBase command, string shapeName)
    {
        Type shapes = Engine("FormatShape");
        object implementation = Activator.CreateInstance(Engine("InnerFormatShapeCommand"), Any, null, [Enum.Parse(shapes, shapeName)], null)!;
        typeof(FrontEndCommandBase).GetField("implementation", Any)!.SetValue(command, implementation);
    }

    private static Type Engine(string name) => s_engine.GetType("Microsoft.PowerShell.Commands.Internal.Format." + name, throwOnError: true)!;
}
