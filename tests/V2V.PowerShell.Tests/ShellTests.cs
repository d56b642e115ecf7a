using System.Diagnostics;
using V2V.Testing;
using Xunit;

namespace V2V.PowerShell.Tests;

/// <summary>v2v as a program.</summary>
public class ShellTests
{
    [Theory]
    [InlineData("1 + 1", 0)]
    [InlineData("exit 7", 7)]
    [InlineData("throw 'x'", 1)]
    [InlineData("Import-V2VSource nothing.ova", 1)]
    [InlineData("Import-V2VSource nothing.ova -ErrorAction SilentlyContinue", 0)]
    [InlineData("if (", 1)]
    [InlineData("Nothing-AtAll", 1)]
    public void TheExitCodeTells(string script, int expected) => Assert.Equal(expected, Run("-Command", script).ExitCode);

    /// <summary>What pwsh 7.6 prints for the same.</summary>
    [Theory]
    [InlineData("'a','bbb','cc' | Select-Object @{n='Twice';e={$_.Length*2}}, Length | ForEach-Object { \"$($_.Twice) $($_.Length)\" }", "2 1,6 3,4 2")]
    [InlineData("'a','bbb','cc' | Sort-Object { $_.Length } -Descending", "bbb,cc,a")]
    [InlineData("'a','bbb','cc' | Sort-Object @{e='Length';Descending=$true}", "bbb,cc,a")]
    [InlineData("1,2 | Out-String -Stream", "1,2")]
    [InlineData("([pscustomobject]@{A=1;B='x'} | Out-String).Trim() -replace '\\s+', ' '", "A B - - 1 x")]
    [InlineData("Get-Date -Date '2026-01-02' -Format 'yyyy/MM/dd'; Start-Sleep -Milliseconds 1", "2026/01/02")]
    public void TheEverydayCommandsDoWhatThoseOfPwshDo(string script, string expected) =>
        Assert.Equal(expected.Split(','), Run("-Command", script).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));

    [Fact]
    public void ABadCommandLineIsTwo()
    {
        Assert.Equal(2, Run("-Nonsense").ExitCode);
        Assert.Equal(2, Run("-File", "nothing.ps1").ExitCode);
        Assert.Equal(0, Run().ExitCode);
        Assert.StartsWith("v2v 0.", Run("-Version").Output, StringComparison.Ordinal);
        Assert.Contains("usage:", Run("-Help").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void ErrorsGoToStandardErrorAndOutputStaysPlain()
    {
        Result result = Run("-Command", "'grün'; Import-V2VSource nothing.ova; 'end'");
        Assert.Equal(["grün", "end"], result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        Assert.Contains("nothing.ova", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', result.Output);
    }

    [Fact]
    public void OurViewsShowTheObjects()
    {
        Result table = Run("-Command", "Import-V2VSource '" + Repository.PhonyOva + "'");
        Assert.Matches(@"Name\s+Hypervisor\s+Firmware\s+CPUs\s+Memory\s+Disks", table.Output);
        Assert.Matches(@"phony-debian\s+vmware", table.Output);
        Result inspection = Run("-Command", "Import-V2VSource '" + Repository.PhonyOva + "' | Get-V2VInspection");
        Assert.Matches(@"phony-debian\s+debian\s+12.5\s+x86_64\s+Bios\s+sda1", inspection.Output);
        Result list = Run("-Command", "Import-V2VSource '" + Repository.PhonyOva + "' | Get-V2VInspection | Format-List");
        Assert.Matches(@"(?m)^Kernels\s+:", list.Output);
    }

    [Fact]
    public void AScriptTakesArgumentsAsTheyAre()
    {
        using var directory = new TemporaryDirectory();
        string script = directory.File("it's a script.ps1");
        File.WriteAllText(script, "param($First, [switch] $Flag, $Second) \"<$First>\"; \"<$Second>\"; \"<$Flag>\"; exit 3");
        Result result = Run("-File", script, "a b $x 'q'", "-Flag", "-Second", "*");
        Assert.Equal(3, result.ExitCode);
        Assert.Equal(["<a b $x 'q'>", "<*>", "<True>"], result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }

    [Fact]
    public void FilesFromGetChildItemBindWhateverTheirNames()
    {
        using var directory = new TemporaryDirectory();
        File.Copy(Repository.PhonyOva, directory.File("a [b] ü.ova"));
        Result result = Run("-Command", $"Get-ChildItem '{directory.Path}' | Import-V2VSource | ForEach-Object Name");
        Assert.Equal("phony-debian", result.Output.Trim());
        Assert.Equal(0, result.ExitCode);
    }

    [Fact]
    public void TheFirstRunOfTheReadmeWorks()
    {
        using var directory = new TemporaryDirectory();
        Result result = Run("-File", Repository.File("examples", "first-run.ps1"), "-Out", directory.File("out"));
        Assert.True(result.ExitCode == 0, result.Error + result.Output);
        Assert.Equal(["phony-debian-sda", "phony-debian.xml"], Directory.GetFiles(directory.File("out")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void TheInterruptSignalStopsTheScript()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are sent by a shell.");
        using var directory = new TemporaryDirectory();
        using Process process = Start(["-Command", $"Import-V2VSource '{Repository.PhonyOva}' | Convert-V2VGuest -WorkingDirectory '{directory.Path}' | ForEach-Object {{ 'ready'; while ($true) {{ [Threading.Thread]::Sleep(10) }} }}"]);
        Assert.Equal("ready", process.StandardOutput.ReadLine());
        Assert.NotEmpty(Directory.GetDirectories(directory.Path));
        Tool.Run("sh", "-c", $"kill -INT {process.Id}");
        process.WaitForExit();
        Assert.Equal(130, process.ExitCode);
        Assert.Empty(Directory.GetFileSystemEntries(directory.Path));
    }

    private static Result Run(params string[] arguments)
    {
        using Process process = Start(arguments);
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Result(process.ExitCode, output, error.Result);
    }

    private static Process Start(string[] arguments) => Process.Start(new ProcessStartInfo("dotnet", [Repository.Shell, .. arguments])
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        RedirectStandardInput = true,
        StandardOutputEncoding = System.Text.Encoding.UTF8,
        StandardErrorEncoding = System.Text.Encoding.UTF8,
    })!;

    private sealed record Result(int ExitCode, string Output, string Error);
}
