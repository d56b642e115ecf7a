using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Reflection;

namespace V2V.Shell.Commands;

/// <summary>
/// The everyday commands that pwsh keeps in assemblies which exist as part of pwsh only (Microsoft.PowerShell.Commands.Utility and
/// .Management). <c>v2v</c> brings the ones that a conversion script needs; in pwsh the real ones are used.
/// </summary>
internal static class CommandTable
{
    private static readonly Type[] s_commands =
    [
        typeof(ConvertToJsonCommand), typeof(FormatListCommand), typeof(FormatTableCommand), typeof(GetChildItemCommand), typeof(GetDateCommand), typeof(JoinPathCommand),
        typeof(OutStringCommand), typeof(SelectObjectCommand), typeof(SortObjectCommand), typeof(StartSleepCommand), typeof(TestPathCommand), typeof(WriteErrorCommand),
        typeof(WriteHostCommand), typeof(WriteOutputCommand), typeof(WriteVerboseCommand), typeof(WriteWarningCommand),
    ];

    private static readonly (string Alias, string Command)[] s_aliases =
    [
        ("echo", "Write-Output"), ("select", "Select-Object"), ("sort", "Sort-Object"), ("ft", "Format-Table"), ("fl", "Format-List"),
        ("dir", "Get-ChildItem"), ("gci", "Get-ChildItem"), ("ls", "Get-ChildItem"), ("where", "Where-Object"), ("?", "Where-Object"),
        ("%", "ForEach-Object"), ("foreach", "ForEach-Object"), ("sleep", "Start-Sleep"),
    ];

    public static void AddTo(InitialSessionState state)
    {
        foreach (Type command in s_commands)
        {
            var name = command.GetCustomAttribute<CmdletAttribute>()!;
            state.Commands.Add(new SessionStateCmdletEntry($"{name.VerbName}-{name.NounName}", command, null));
        }

        foreach ((string alias, string command) in s_aliases)
        {
            if (state.Commands[alias].Count == 0)
            {
                state.Commands.Add(new SessionStateAliasEntry(alias, command));
            }
        }
    }
}
