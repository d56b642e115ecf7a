using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using V2V.Core.Conversion;
using V2V.Core.Inspection;
using V2V.Core.Sources;

namespace V2V.PowerShell.Completion;

/// <summary>What the completers share: which proposals fit what is typed, quoting, and the machine that a parameter or the pipeline's variable holds.</summary>
internal static class Completions
{
    /// <summary>Proposals for a plain value that begin with what is typed, quoted where they must be.</summary>
    public static IEnumerable<CompletionResult> Values(IEnumerable<string> values, string typed)
    {
        string start = typed.Trim('\'', '"');
        return values.Where(v => v.StartsWith(start, StringComparison.OrdinalIgnoreCase)).Distinct()
            .Select(v => new CompletionResult(Quote(v), v, CompletionResultType.ParameterValue, v));
    }

    /// <summary>Proposals for an expression: nothing or the beginning of one of them is typed.</summary>
    public static IEnumerable<CompletionResult> Expressions(IEnumerable<(string Text, string Meaning)> expressions, string typed) =>
        expressions.Where(e => e.Text.StartsWith(typed, StringComparison.OrdinalIgnoreCase)).DistinctBy(e => e.Text)
            .Select(e => new CompletionResult(e.Text, e.Text, CompletionResultType.ParameterValue, e.Meaning));

    /// <summary>A string literal.</summary>
    public static string Literal(string value) => "'" + CodeGeneration.EscapeSingleQuotedStringContent(value) + "'";

    /// <summary>The machine that is bound to one of the parameters, or is piped to the command in a variable.</summary>
    public static V2VSource? Machine(IDictionary bound, CommandAst command)
    {
        object?[] candidates = [bound["Source"], bound["Inspection"], bound["InputObject"], Piped(command)];
        return candidates.Select(SourceOf).FirstOrDefault(s => s is not null);
    }

    private static V2VSource? SourceOf(object? value) => (value is PSObject wrapped ? wrapped.BaseObject : value) switch
    {
        V2VSource source => source,
        V2VInspection inspection => inspection.Source,
        V2VOverlay overlay => overlay.Source,
        object[] { Length: > 0 } several => SourceOf(several[0]),
        _ => null,
    };

    // Only a variable is looked at: completion runs nothing.
    private static PSObject? Piped(CommandAst command)
    {
        if (command.Parent is not PipelineAst { PipelineElements: [CommandExpressionAst { Expression: VariableExpressionAst variable }, ..] })
        {
            return null;
        }

        using var shell = System.Management.Automation.PowerShell.Create(RunspaceMode.CurrentRunspace);
        return shell.AddScript("param($name) , $ExecutionContext.SessionState.PSVariable.GetValue($name)", useLocalScope: true).AddArgument(variable.VariablePath.UserPath).Invoke().FirstOrDefault();
    }

    private static string Quote(string value) => value.Length > 0 && value.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/') && value[0] != '-' ? value : Literal(value);
}
