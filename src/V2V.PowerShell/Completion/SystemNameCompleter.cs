using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using V2V.Core.Sources;
using V2V.Storage;

namespace V2V.PowerShell.Completion;

/// <summary>-Name of Import-V2VSource: the machines in the OVAs, OVFs and folders that -Path or -LiteralPath names.</summary>
public sealed class SystemNameCompleter : IArgumentCompleter
{
    private const int MaximumFiles = 20;
    private static readonly string[] s_compressed = [".gz", ".tgz", ".xz", ".txz", ".bz2", ".tbz2", ".zst", ".tzst"];

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Values(Files(fakeBoundParameters).Take(MaximumFiles).SelectMany(Names), wordToComplete);

    private static IEnumerable<string> Files(IDictionary bound)
    {
        bool isLiteral = bound.Contains("LiteralPath");
        object? paths = isLiteral ? bound["LiteralPath"] : bound["Path"];
        if (paths is null)
        {
            return [];
        }

        using var shell = System.Management.Automation.PowerShell.Create(RunspaceMode.CurrentRunspace);
        shell.AddScript(
            "param($paths, $literal) $resolver = $ExecutionContext.SessionState.Path; foreach ($p in $paths) { try { if ($literal) { $resolver.GetUnresolvedProviderPathFromPSPath($p) }"
            + " else { $resolver.GetResolvedPSPathFromPSPath($p).ProviderPath } } catch { } }",
            useLocalScope: true);
        return [.. shell.AddArgument(paths).AddArgument(isLiteral).Invoke<string>()];
    }

    private static IReadOnlyList<string> Names(string file)
    {
        try
        {
            // A compressed tar would have to be unpacked: too long for a key press.
            return s_compressed.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase) ? [] : SourceImporter.ReadNames(file);
        }
        catch (Exception error) when (error is V2VException or IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
