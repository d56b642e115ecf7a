using System.Management.Automation;
using System.Text.RegularExpressions;
using Xunit;

namespace V2V.PowerShell.Tests;

public partial class HelpTests
{
    public static TheoryData<string> Cmdlets => ["Import-V2VSource", "Get-V2VInspection", "Convert-V2VGuest", "Export-V2VDisk", "Remove-V2VOverlay"];

    [Theory]
    [MemberData(nameof(Cmdlets))]
    public void EveryParameterIsDocumentedAsItIs(string cmdlet)
    {
        using var engine = new Engine();
        var info = (CommandInfo)Assert.Single(engine.Invoke("Get-Command $args[0]", cmdlet)).BaseObject;
        Dictionary<string, Dictionary<string, string>> page = ReadParameters(cmdlet);
        string[] names = [.. info.Parameters.Keys.Except(Cmdlet.CommonParameters)];
        Assert.Equal(names.Order(StringComparer.Ordinal), page.Keys.Order(StringComparer.Ordinal));
        foreach (string name in names)
        {
            ParameterMetadata parameter = info.Parameters[name];
            Type type = Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType;
            ParameterSetMetadata[] sets = [.. parameter.ParameterSets.Values];
            Assert.Equal(type.Name, page[name]["Type"]);
            Assert.Equal(string.Join(", ", parameter.Aliases), page[name]["Aliases"]);
            Assert.Equal(sets.Any(s => s.IsMandatory).ToString(), page[name]["Required"]);
            Assert.Equal(sets[0].Position == int.MinValue ? "Named" : $"{sets[0].Position}", page[name]["Position"]);
            Assert.Equal(sets[0].ValueFromPipeline ? "True (ByValue)" : sets[0].ValueFromPipelineByPropertyName ? "True (ByPropertyName)" : "False", page[name]["Accept pipeline input"]);
            Assert.Equal(
                parameter.ParameterSets.Keys.Select(set => set == ParameterAttribute.AllParameterSets ? "(All)" : set).Order(StringComparer.Ordinal),
                page[name]["Parameter Sets"].Split(", ").Order(StringComparer.Ordinal));
            if (type.IsEnum)
            {
                Assert.Equal(string.Join(", ", Enum.GetNames(type)), page[name]["Accepted values"]);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Cmdlets))]
    public void GetHelpShowsThePage(string cmdlet)
    {
        using var engine = new Engine();
        PSObject help = Assert.Single(engine.Invoke("Get-Help $args[0] -Full", cmdlet));
        string synopsis = Lines(cmdlet).SkipWhile(l => l != "## SYNOPSIS").ElementAt(1);
        Assert.Equal(synopsis, help.Properties["Synopsis"].Value.ToString()!.Trim());
        Assert.NotEmpty(engine.Invoke("(Get-Help $args[0] -Examples).examples.example", cmdlet));
    }

    [Theory]
    [MemberData(nameof(Cmdlets))]
    public void ExamplesAreValidPowerShellWithParametersThatExist(string cmdlet)
    {
        using var engine = new Engine();
        bool isExample = false;
        foreach (string line in Lines(cmdlet))
        {
            if (line.StartsWith("```", StringComparison.Ordinal))
            {
                isExample = line == "```powershell";
                continue;
            }

            if (!isExample)
            {
                continue;
            }

            System.Management.Automation.Language.Ast ast = System.Management.Automation.Language.Parser.ParseInput(line, out _, out var errors);
            Assert.Empty(errors);
            foreach (System.Management.Automation.Language.CommandAst command in ast.FindAll(a => a is System.Management.Automation.Language.CommandAst, true).Cast<System.Management.Automation.Language.CommandAst>())
            {
                if (command.GetCommandName() is { } name && name.Contains("-V2V", StringComparison.Ordinal))
                {
                    var info = (CommandInfo)Assert.Single(engine.Invoke("Get-Command $args[0]", name)).BaseObject;
                    foreach (var parameter in command.CommandElements.OfType<System.Management.Automation.Language.CommandParameterAst>())
                    {
                        Assert.NotNull(info.ResolveParameter(parameter.ParameterName));
                    }
                }
            }
        }
    }

    [Fact]
    public void EveryErrorIdIsDocumented()
    {
        var documented = Directory.GetFiles(Repository.File("docs", "errors"), "*.md")
            .SelectMany(f => DocumentedId().Matches(File.ReadAllText(f)).Select(m => m.Groups[1].Value)).ToHashSet(StringComparer.Ordinal);
        string[] missing =
        [
            .. Directory.GetFiles(Repository.File("src"), "*.cs", SearchOption.AllDirectories)
                .Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
                .SelectMany(f => ThrownId().Matches(File.ReadAllText(f)).Select(m => m.Groups[1].Value))
                .Where(id => !documented.Contains(id)).Distinct().Order(StringComparer.Ordinal),
        ];
        Assert.Empty(missing);
    }

    private static string[] Lines(string cmdlet) => File.ReadAllLines(Repository.File("docs", cmdlet + ".md"));

    private static Dictionary<string, Dictionary<string, string>> ReadParameters(string cmdlet)
    {
        var parameters = new Dictionary<string, Dictionary<string, string>>();
        Dictionary<string, string>? current = null;
        foreach (string line in Lines(cmdlet).SkipWhile(l => l != "## PARAMETERS").TakeWhile(l => l != "## INPUTS"))
        {
            if (line.StartsWith("### -", StringComparison.Ordinal))
            {
                parameters[line[5..]] = current = [];
            }
            else if (line.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon)
            {
                current?.TryAdd(line[..colon], line[(colon + 1)..].Trim());
            }
        }

        return parameters;
    }

    [GeneratedRegex(@"^\| `([A-Za-z0-9]+)`", RegexOptions.Multiline)]
    private static partial Regex DocumentedId();

    // Constructors and factories of V2VException, and the records that stand for one.
    [GeneratedRegex(@"(?:V2VException(?:\.\w+)?|BlockerInfo|HostRecord|new)\s*\(\s*(?:error,\s*)?""([A-Z][a-z][A-Za-z0-9]+)""\s*,\s*(?:V2VErrorKind|\$?""|ErrorCategory)")]
    private static partial Regex ThrownId();
}
