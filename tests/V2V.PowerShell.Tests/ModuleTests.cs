using System.Runtime.Loader;
using Xunit;

namespace V2V.PowerShell.Tests;

public class ModuleTests
{
    [Fact]
    public void TheManifestExportsFiveCmdlets()
    {
        using var engine = new Engine();
        string[] names = [.. engine.Invoke("Get-Command -Module V2V").Select(c => c.ToString()!).Order(StringComparer.Ordinal)];
        Assert.Equal(["Convert-V2VGuest", "Export-V2VDisk", "Get-V2VInspection", "Import-V2VSource", "Remove-V2VOverlay"], names);
    }

    [Fact]
    public void LibrariesLoadInTheModulesOwnContext()
    {
        using var engine = new Engine();
        engine.Invoke("Import-V2VSource $ova | Get-V2VInspection");
        AssemblyLoadContext context = Assert.Single(AssemblyLoadContext.All, c => c.Name == "V2V");
        Assert.Contains(context.Assemblies, a => a.GetName().Name == "V2V.Core");
        Assert.DoesNotContain(AssemblyLoadContext.Default.Assemblies, a => a.GetName().Name is "V2V.Core" or "SharpCompress" or "ZstdSharp" or "YamlDotNet");
    }

    [Fact]
    public void RemovingTheModuleDeletesOverlays()
    {
        using var engine = new Engine();
        engine.Invoke("$global:overlay = Import-V2VSource $ova | Convert-V2VGuest -WorkingDirectory $work");
        Assert.Empty(engine.Errors);
        Assert.Single(Directory.GetDirectories(engine.WorkingDirectory));
        engine.Invoke("Remove-Module V2V");
        Assert.Empty(Directory.GetFileSystemEntries(engine.WorkingDirectory));
    }

    [Fact]
    public void TheManifestsOfTheRepositoryAndTheModuleAgree()
    {
        string shipped = File.ReadAllText(Repository.File("module", "V2V.psd1"));
        string ofRepository = string.Join('\n', File.ReadAllLines(Repository.File("V2V.psd1")).Skip(1)) + "\n";
        Assert.Equal(shipped.ReplaceLineEndings("\n"), ofRepository.Replace("artifacts/module/V2V/", "", StringComparison.Ordinal));
    }
}
