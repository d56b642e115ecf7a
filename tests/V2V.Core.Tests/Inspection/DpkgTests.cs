using System.Text;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Packages;
using V2V.Core.Tests.Guest;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Inspection;

public class DpkgTests
{
    private const string Status = """
        Package: bash
        Essential: yes
        Status: install ok installed
        Architecture: amd64
        Version: 5.2.15-2+b2
        Description: GNU Bourne Again SHell
         Bash is an sh-compatible command language interpreter.
         .
         Package: trap

        Package: gone
        Status: deinstall ok config-files
        Version: 1

        Package: half
        Status: install ok half-configured
        Version: 1

        Package: held
        Status: hold ok installed
        Version: 1:2.0~rc1-3
        Architecture: all
        """;

    [Fact]
    public void OnlyInstalledPackagesAreListed()
    {
        var root = new MemoryFileSystem().Add("/var/lib/dpkg/status", Status.ReplaceLineEndings("\n"))
            .Add("/var/lib/dpkg/status.d/base", "Package: base-files\nVersion: 12.4\nArchitecture: amd64\n")
            .Add("/var/lib/dpkg/status.d/base.md5sums", "Package: not one\n");
        Assert.Equal(
            [
                new("bash", "5.2.15-2+b2", "amd64", "GNU Bourne Again SHell"),
                new("held", "1:2.0~rc1-3", "all", ""),
                new ApplicationInfo("base-files", "12.4", "amd64", ""),
            ],
            DpkgDatabase.ReadPackages(Guests.Context(root)));
    }

    [Theory]
    [InlineData("/boot/vmlinuz-1", "linux-image-1")]
    [InlineData("/boot/vmlinuz", null)]
    [InlineData("/end", "lib64")]
    [InlineData("/start", "lib64")]
    public void OwnersAreFoundByWholeLines(string path, string? owner)
    {
        string filler = string.Concat(Enumerable.Range(0, 5000).Select(i => $"/usr/lib/file{i}\n"));
        var root = new MemoryFileSystem()
            .Add("/var/lib/dpkg/info/linux-image-1.list", "/.\n" + filler + "/boot/vmlinuz-1\n" + filler)
            .Add("/var/lib/dpkg/info/lib64:amd64.list", "/start\n" + filler + "/end\n");
        ApplicationInfo[] packages = [new("none", "1", "all", ""), new("linux-image-1", "1", "amd64", ""), new("lib64", "1", "amd64", "")];
        Assert.Equal(owner, DpkgDatabase.FindOwners(Guests.Context(root), packages, [path]).GetValueOrDefault(path));
    }

    [Theory]
    [InlineData("linux-inspection/dissect/dpkg-status")]
    [InlineData("linux-inspection/phony-guests/debian-packages")]
    public void RealDatabaseIsRead(string path)
    {
        byte[] content = File.ReadAllBytes(Corpus.Require(path));
        var packages = new List<ApplicationInfo>();
        DpkgDatabase.Parse(content, packages, needsStatus: true);
        string text = Encoding.UTF8.GetString(content).ReplaceLineEndings("\n");
        int expected = text.Split("\n\n").Count(s => System.Text.RegularExpressions.Regex.IsMatch(s, "(?m)^Status: (.* )?installed( |$)") && s.Contains("Package: ", StringComparison.Ordinal));
        Assert.NotEqual(0, expected);
        Assert.Equal(expected, packages.Count);
        Assert.All(packages, p => Assert.NotEqual("", p.Version));
    }

    [Fact]
    public void DamagedDatabasesDoNotThrow()
    {
        foreach (byte[] damaged in Guests.Damage(Encoding.UTF8.GetBytes(Status), 3000))
        {
            DpkgDatabase.Parse(damaged, [], needsStatus: true);
        }
    }
}
