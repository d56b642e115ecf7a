using System.Management.Automation;
using Xunit;

namespace V2V.PowerShell.Tests;

public class ImportTests
{
    [Fact]
    public void APathComesByPositionByValueAndByProperty()
    {
        using var engine = new Engine();
        Assert.Equal("phony-debian", Name(engine.Invoke("Import-V2VSource $ova")));
        Assert.Equal("phony-debian", Name(engine.Invoke("Import-V2VSource -Ova $ova")));
        Assert.Equal("phony-debian", Name(engine.Invoke("$ova | Import-V2VSource")));
        Assert.Equal("phony-debian", Name(engine.Invoke("[pscustomobject]@{ PSPath = $ova } | Import-V2VSource")));
        Assert.Empty(engine.Errors);
    }

    [Theory]
    [InlineData("a b.ova")]
    [InlineData("a[1].ova")]
    [InlineData("gäste ü.ova")]
    [InlineData("it's.ova")]
    [InlineData("$x.ova")]
    public void ALiteralPathIsTakenAsItIs(string name)
    {
        using var engine = new Engine();
        File.Copy(Repository.PhonyOva, engine.File(name));
        Assert.Equal("phony-debian", Name(engine.Invoke("Import-V2VSource -LiteralPath $args[0]", engine.File(name))));
        Assert.Equal("phony-debian", Name(engine.Invoke("[pscustomobject]@{ PSPath = $args[0] } | Import-V2VSource", engine.File(name))));
        Assert.Empty(engine.Errors);
    }

    [Fact]
    public void WildcardsGiveEveryMachine()
    {
        using var engine = new Engine();
        File.Copy(Repository.PhonyOva, engine.File("one.ova"));
        File.Copy(Repository.PhonyOva, engine.File("two.ova"));
        Assert.Equal(2, engine.Invoke("Import-V2VSource -Path $args[0]", engine.File("*.ova")).Count);
        Assert.Single(engine.Invoke("Import-V2VSource -Path $args[0]", engine.File("o[nm]e.ova")));
        Assert.Empty(engine.Invoke("Import-V2VSource -Path $args[0]", engine.File("none*.ova")));
        Assert.Empty(engine.Errors);
    }

    [Fact]
    public void EachBadMachineGivesOneErrorAndTheOthersGoOn()
    {
        using var engine = new Engine();
        File.WriteAllText(engine.File("broken.ova"), "this is no OVA");
        IReadOnlyList<PSObject> sources = engine.Invoke("$args[0], $args[1], $ova | Import-V2VSource", engine.File("missing.ova"), engine.File("broken.ova"));
        Assert.Equal("phony-debian", Name(sources));
        Assert.Equal(2, engine.Errors.Count);
        Assert.StartsWith("SourceNotFound,", engine.Errors[0].FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Equal(ErrorCategory.ObjectNotFound, engine.Errors[0].CategoryInfo.Category);
        Assert.DoesNotContain("V2VInternalError", engine.Errors[1].FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.NotEmpty(engine.Errors[1].ErrorDetails.RecommendedAction);
        Assert.Contains("broken.ova", engine.Errors[1].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void AFlippedBitIsFoundByTheManifestUnlessItIsSkipped()
    {
        using var engine = new Engine();
        byte[] bytes = File.ReadAllBytes(Repository.PhonyOva);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(engine.File("flipped.ova"), bytes);
        Assert.Empty(engine.Invoke("Import-V2VSource $args[0]", engine.File("flipped.ova")));
        Assert.StartsWith("ManifestDigestMismatch,", Assert.Single(engine.Errors).FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Equal(ErrorCategory.InvalidData, engine.Errors[0].CategoryInfo.Category);
        Assert.Equal("phony-debian", Name(engine.Invoke("Import-V2VSource $args[0] -SkipManifest", engine.File("flipped.ova"))));
    }

    [Fact]
    public void OnlyTheFileSystemHasMachines()
    {
        using var engine = new Engine();
        Assert.Empty(engine.Invoke("Import-V2VSource -LiteralPath Variable:ova"));
        Assert.StartsWith("PathNotFileSystem,", Assert.Single(engine.Errors).FullyQualifiedErrorId, StringComparison.Ordinal);
    }

    [Fact]
    public void DisksMakeAMachine()
    {
        using var engine = new Engine();
        File.WriteAllBytes(engine.File("a.raw"), new byte[1 << 20]);
        File.WriteAllBytes(engine.File("b.raw"), new byte[2 << 20]);
        PSObject source = Assert.Single(engine.Invoke(
            "Import-V2VSource -Disk $args[0], $args[1] -Name two -Memory 3GB -ProcessorCount 4", engine.File("a.raw"), engine.File("b.raw")));
        Assert.Equal("two", source.Properties["Name"].Value);
        Assert.Equal(3L << 30, source.Properties["MemoryBytes"].Value);
        Assert.Equal(4, source.Properties["ProcessorCount"].Value);
        Assert.Equal(2L << 20, engine.Invoke("$args[0].Disks[1].VirtualSize", source)[0].BaseObject);
    }

    private static object Name(IReadOnlyList<PSObject> sources) => Assert.Single(sources).Properties["Name"].Value;
}
