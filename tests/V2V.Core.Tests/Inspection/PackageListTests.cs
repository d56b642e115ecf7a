using V2V.Core.Inspection;
using V2V.Core.Inspection.Packages;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Inspection;

/// <summary>The package lists of Arch and Alpine, and guests without one.</summary>
public class PackageListTests
{
    [Fact]
    public void PacmanKeepsAFolderForEachPackage()
    {
        string description = File.ReadAllText(Corpus.Require("linux-inspection/phony-guests/archlinux-package"));
        InspectionContext context = Guests.Context(("/var/lib/pacman/local/test-package-1-0.1-1/desc", description), ("/var/lib/pacman/local/ALPM_DB_VERSION", "9\n"));
        Assert.Equal([new ApplicationInfo("test-package", "1:0.1-1", "x86_64", "Test package for libguestfs")], PackageDatabase.ReadPackages(context, "pacman"));
    }

    [Fact]
    public void ApkKeepsParagraphs()
    {
        InspectionContext context = Guests.Context(("/lib/apk/db/installed", """
            C:Q1pSfk/Q
            P:musl
            V:1.2.4-r2
            A:x86_64
            T:the musl c library (libc) implementation
            F:lib
            R:ld-musl-x86_64.so.1

            P:busybox
            V:1.36.1-r5
            A:x86_64
            T:Size optimized toolbox of many common UNIX utilities
            """.ReplaceLineEndings("\n")));
        Assert.Equal(
            [
                new("musl", "1.2.4-r2", "x86_64", "the musl c library (libc) implementation"),
                new ApplicationInfo("busybox", "1.36.1-r5", "x86_64", "Size optimized toolbox of many common UNIX utilities"),
            ],
            PackageDatabase.ReadPackages(context, "apk"));
    }

    [Theory]
    [InlineData("rpm", "no list of rpm packages")]
    [InlineData("apk", "no list of apk packages")]
    [InlineData("xbps", "in the xbps format, which V2V does not read")]
    public void AMissingListIsAWarning(string format, string text)
    {
        InspectionContext context = Guests.Context(new Guest.MemoryFileSystem().Add("/etc/passwd", ""), out List<string> warnings);
        Assert.Empty(PackageDatabase.ReadPackages(context, format));
        Assert.Contains(text, Assert.Single(warnings), StringComparison.Ordinal);
    }
}
