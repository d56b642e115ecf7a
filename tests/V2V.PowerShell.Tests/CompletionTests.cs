using System.Management.Automation;
using Xunit;

namespace V2V.PowerShell.Tests;

/// <summary>What the Tab key proposes.</summary>
public class CompletionTests
{
    [Theory]
    [InlineData("Import-V2VSource $ova -Name ", "phony-debian")]
    [InlineData("Import-V2VSource -LiteralPath $ova -Name pho", "phony-debian")]
    [InlineData("Import-V2VSource $several -Name ph", "phony-debian")]
    [InlineData("Get-V2VInspection $source -Root f", "first")]
    [InlineData("Convert-V2VGuest $source -InterfaceName ", "@{ '00:50:56:5e:ed:01' = 'eth0' }")]
    [InlineData("$source | Convert-V2VGuest -InterfaceName ", "@{ '00:50:56:5e:ed:01' = 'eth0' }")]
    [InlineData("Convert-V2VGuest $source -StaticAddress ", "'00:50:56:5e:ed:01:ip:192.0.2.7,192.0.2.1,24,192.0.2.3'")]
    [InlineData("$source | Export-V2VDisk -Local out -NetworkMap ", "@{ 'VM Network' = 'default' }")]
    [InlineData("Export-V2VDisk -Local out -NetworkMap ", "@{ '*' = 'default' }")]
    [InlineData("Export-V2VDisk -Local out -Format r", "Raw")]
    public void TheFirstProposalIs(string line, string expected)
    {
        using var engine = new Engine();
        Assert.Equal(expected, Complete(engine, line).FirstOrDefault());
    }

    [Theory]
    [InlineData("Import-V2VSource $ova -Name x")]
    [InlineData("Import-V2VSource nothing.ova -Name q")]
    [InlineData("Import-V2VSource $garbage -Name q")]
    [InlineData("Convert-V2VGuest -InterfaceName @{q")]
    public void WhatCannotBeKnownIsNotProposedAndIsNoError(string line)
    {
        using var engine = new Engine();
        File.WriteAllBytes(engine.File("garbage.ova"), new byte[3000]);
        engine.Variable("garbage", engine.File("garbage.ova"));
        Assert.DoesNotContain(Complete(engine, line), text => text.Contains("phony", StringComparison.Ordinal) || text.StartsWith("@{", StringComparison.Ordinal));
        Assert.Empty(engine.Errors);
    }

    private static IEnumerable<string> Complete(Engine engine, string line)
    {
        engine.Variable("several", Path.Combine(Path.GetDirectoryName(Repository.PhonyOva)!, "phony-deb*.ova"));
        engine.Invoke("$global:source = Import-V2VSource $ova");
        PSObject completion = Assert.Single(engine.Invoke("TabExpansion2 -inputScript $args[0] -cursorColumn $args[0].Length", line));
        return [.. ((CommandCompletion)completion.BaseObject).CompletionMatches.Select(m => m.CompletionText)];
    }
}
