using V2V.Core.Conversion.Windows.Drivers;
using V2V.Core.Conversion.Windows.Drivers.Choice;
using V2V.Core.Conversion.Windows.Drivers.Library;
using V2V.Core.Guest;
using V2V.Core.Tests.Guest;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion.Windows.Drivers;

public class InstalledDriversTests
{
    private const string Store = "/Windows/System32/DriverStore/FileRepository/";

    private static readonly TargetSystem s_target = new(new Version(10, 0, 19045), TargetArchitecture.Amd64, TargetSystem.Workstation);

    [Theory]
    [InlineData("100.95.104.26199", false)]
    [InlineData("100.95.104.26200", true)]
    [InlineData("101.0.0.0", true)]
    public void ADriverOfTheSameOrALaterVersionStays(string version, bool stays)
    {
        var files = new MemoryFileSystem();
        AddToStore(files, "oem12.inf", "viostor", version);
        files.Add("/Windows/INF/oem3.inf", "no INF file");
        files.Add("/Windows/INF/disk.inf", PhonyVirtioWin.Driver("viostor", "amd64", hasDriver: true, "999.0.0.0"));
        InstalledDriver[] installed = [.. Read(files)];
        Assert.Equal(("oem12.inf", Store + "viostor.inf_amd64_0123456789abcdef"), (Assert.Single(installed).Name, installed[0].StoreFolder));

        using var directory = new TemporaryDirectory();
        PhonyVirtioWin.Package(directory.Path, "viostor/w10/amd64", "viostor", "amd64");
        PhonyVirtioWin.Package(directory.Path, "vioscsi/w10/amd64", "vioscsi", "amd64");
        using DriverLibrary library = DriverLibrary.Open(directory.Path);
        DriverSelection selection = DriverSelector.Select(library, s_target, installed, hasSha2: true);
        Assert.Equal(stays ? "oem12.inf" : null, selection.Find(DriverKind.Block)!.Kept?.Name);
        Assert.Null(selection.Find(DriverKind.Scsi)!.Kept);
    }

    [Fact]
    public void ADriverThatIsNotWholeIsNone()
    {
        var files = new MemoryFileSystem();
        AddToStore(files, "oem1.inf", "viostor", "101.0.0.0");
        files.Delete(Store + "viostor.inf_amd64_0123456789abcdef/viostor.sys");
        files.Add("/Windows/INF/oem2.inf", PhonyVirtioWin.Driver("netkvm", "amd64", hasDriver: true, "101.0.0.0"));
        files.Add("/Windows/INF/oem3.inf", PhonyVirtioWin.Driver("vioscsi", "x86", hasDriver: true, "101.0.0.0"));
        Assert.Empty(Read(files));
    }

    [Fact]
    public void WindowsWithoutAStoreHasItsDriversInTheirFolder()
    {
        var files = new MemoryFileSystem();
        files.Add("/Windows/INF/oem2.inf", PhonyVirtioWin.Driver("netkvm", "x86", hasDriver: true, "101.0.0.0"));
        files.Add("/Windows/System32/drivers/netkvm.sys", "driver");
        InstalledDriver driver = Assert.Single(InstalledDrivers.Read(new GuestTree(new GuestMount("/", files)), "/Windows", new TargetSystem(new Version(5, 1, 2600), TargetArchitecture.X86, TargetSystem.Workstation)));
        Assert.Null(driver.StoreFolder);
        Assert.True(driver.IsFor("virtio-net"));
    }

    [Fact]
    public void AGuestWithoutTheFoldersHasNoDrivers() => Assert.Empty(Read(new MemoryFileSystem()));

    private static IReadOnlyList<InstalledDriver> Read(MemoryFileSystem files) => InstalledDrivers.Read(new GuestTree(new GuestMount("/", files)), "/Windows", s_target);

    private static void AddToStore(MemoryFileSystem files, string oemName, string name, string version)
    {
        string inf = PhonyVirtioWin.Driver(name, "amd64", hasDriver: true, version), folder = $"{Store}{name}.inf_amd64_0123456789abcdef/";
        files.Add("/Windows/INF/" + oemName, inf);
        files.Add($"{Store}{name}.inf_amd64_another/{name}.inf", "another");
        files.Add(folder + name + ".inf", inf);
        files.Add(folder + name + ".cat", "catalog");
        files.Add(folder + name + ".sys", "driver");
    }
}
