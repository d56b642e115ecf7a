using V2V.Core.Conversion;
using V2V.Core.Conversion.Windows.Drivers;
using V2V.Core.Conversion.Windows.Drivers.Choice;
using V2V.Core.Conversion.Windows.Drivers.Library;
using V2V.Core.Conversion.Windows.DriverStore;
using V2V.Core.Tests.GuestConversion.Windows.Drivers;
using V2V.Registry;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion.Windows.DriverStore;

/// <summary>Whole installations of viostor, vioscsi and netkvm into guests with real hives.</summary>
public class DriverStoreTests
{
    private const string Catalogs = "/Windows/System32/CatRoot/{F750E6C3-38EE-11D1-85E5-00C04FC295EE}/";
    private const string Repository = "/Windows/System32/DriverStore/FileRepository/";

    [Fact]
    public void Windows_10_boots_from_either_bus()
    {
        using var directory = new TemporaryDirectory();
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        Install(guest, directory, "amd64");
        RegistryHive after = guest.Hive("SYSTEM");
        foreach ((string driver, string published, string id) in ((string, string, string)[])[("viostor", "oem12.inf", "1001"), ("vioscsi", "oem13.inf", "1004")])
        {
            string service = @"ControlSet001\Services\" + driver;
            Assert.Equal(("1", "0", "1", $@"System32\drivers\{driver}.sys"),
                (guest.ByHivex(directory, "SYSTEM", service, "Type"), guest.ByHivex(directory, "SYSTEM", service, "Start"), guest.ByHivex(directory, "SYSTEM", service, "ErrorControl"), guest.ByHivex(directory, "SYSTEM", service, "ImagePath")));
            Assert.Equal(published, Assert.Single(after.Get(service).GetValue("Owners")!.Texts));
            Assert.Equal("driver of 100.95.104.26200", guest.Context.Tree.ReadAllText($"/Windows/System32/drivers/{driver}.sys"));

            // From the device's id to its service, as the kernel goes.
            Assert.NotNull(after.Get($@"DriverDatabase\DeviceIds\PCI\VEN_1AF4&DEV_{id}").GetValue(published));
            string label = after.Get(@"DriverDatabase\DriverInfFiles\" + published).GetText("Active")!;
            RegistryKey package = after.Get(@"DriverDatabase\DriverPackages\" + label);
            Assert.Equal(published, package.GetText(""));
            string configuration = package.Open("Descriptors")!.Open("PCI")!.Open($"VEN_1AF4&DEV_{id}")!.GetText("Configuration")!;
            Assert.Equal(driver, package.Open("Configurations")!.Open(configuration)!.GetText("Service"));

            Assert.Equal(guest.Context.Tree.ReadAllText($"/Windows/INF/{published}"), guest.Context.Tree.ReadAllText($"{Repository}{label}/{driver}.inf"));
            Assert.Equal("catalog", guest.Context.Tree.ReadAllText(Catalogs + published.Replace(".inf", ".cat", StringComparison.Ordinal)));
            Assert.True(guest.Context.Tree.FileExists($"{Repository}{label}/{driver}.sys"));
        }
    }

    [Fact]
    public void Drivers_that_no_boot_needs_wait_in_the_store()
    {
        using var directory = new TemporaryDirectory();
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        guest.Root.Add("/Windows/System32/config/DRIVERS", File.ReadAllBytes(Corpus.Require("registry/hivex/minimal")));
        guest.Edit("DRIVERS", hive =>
        {
            hive.Create(@"DriverDatabase\DeviceIds\{4d36e972-e325-11ce-bfc1-08002be10318}");
            hive.Create(@"DriverDatabase\DriverInfFiles\oem12.inf");
        });
        Install(guest, directory, "amd64");
        RegistryKey database = guest.Hive("DRIVERS").Get("DriverDatabase");
        string label = database.Open("DriverInfFiles")!.Open("oem15.inf")!.GetText("Active")!;
        Assert.StartsWith("netkvm.inf_amd64_", label, StringComparison.Ordinal);
        Assert.Equal("01FF0000", Convert.ToHexString(database.Open("DeviceIds")!.Open("PCI")!.Open("VEN_1AF4&DEV_1000&SUBSYS_00021AF4&REV_00")!.GetValue("oem15.inf")!.Data));
        Assert.Null(database.Open("DriverPackages")!.Open(label)!.Open("Configurations"));
        Assert.Null(guest.Hive("SYSTEM").Find(@"ControlSet001\Services\netkvm"));
        Assert.False(guest.Context.Tree.FileExists("/Windows/System32/drivers/netkvm.sys"));
        Assert.Equal(["netkvm.inf", "vioscsi.inf", "viostor.inf"], guest.Context.Windows.StagedPackages.Order());
    }

    /// <summary>
    /// The database of the real hive stands in for the hive DRIVERS, which has the same form. (That the real machine had another database shows in its numbers: oem0 to
    /// oem11 are marked as taken, five of them are in SYSTEM, and neither its network card nor the class of such cards is.)
    /// </summary>
    [Fact]
    public void Both_databases_share_the_numbers_of_packages()
    {
        using var directory = new TemporaryDirectory();
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        RegistryHive real = RegistryHive.Open(new MemoryStream(guest.System), "real");
        Assert.Equal("FFF0", Convert.ToHexString(real.Get("DriverDatabase").GetValue("OemInfMap")!.Data));
        Assert.Equal(["oem0.inf", "oem11.inf", "oem2.inf", "oem4.inf", "oem6.inf"], real.Get(@"DriverDatabase\DriverInfFiles").Subkeys.Select(k => k.Name).Where(n => n.StartsWith("oem", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Null(real.Find(@"DriverDatabase\DeviceIds\PCI\VEN_8086&DEV_10D3"));
        Assert.Null(real.Find(@"DriverDatabase\DeviceIds\{4d36e972-e325-11ce-bfc1-08002be10318}"));

        guest.Root.Add("/Windows/System32/config/DRIVERS", guest.System.ToArray());
        guest.Edit("DRIVERS", hive => hive.Create(@"DriverDatabase\DeviceIds\{4d36e972-e325-11ce-bfc1-08002be10318}"));
        Install(guest, directory, "amd64");
        RegistryKey system = guest.Hive("SYSTEM").Get("DriverDatabase"), drivers = guest.Hive("DRIVERS").Get("DriverDatabase");
        string[] boot = [.. Published(system).Except(Published(real.Get("DriverDatabase")))], other = [.. Published(drivers).Except(Published(real.Get("DriverDatabase")))];
        Assert.Equal(["oem12.inf", "oem13.inf"], boot.Order(StringComparer.Ordinal));
        Assert.Equal(["oem14.inf"], other);
        Assert.All((RegistryKey[])[system, drivers], d => Assert.Equal("FFFE", Convert.ToHexString(d.GetValue("OemInfMap")!.Data)));
        Assert.NotNull(drivers.Open("DeviceIds")!.Open("{4d36e972-e325-11ce-bfc1-08002be10318}")!.GetValue("oem14.inf"));

        static IEnumerable<string> Published(RegistryKey database) => database.Open("DriverInfFiles")!.Subkeys.Select(k => k.Name);
    }

    [Fact]
    public void Without_a_database_for_its_class_a_package_is_left_to_the_first_boot()
    {
        using var directory = new TemporaryDirectory();
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        Install(guest, directory, "amd64");
        Assert.Equal(["vioscsi.inf", "viostor.inf"], guest.Context.Windows.StagedPackages.Order());
        Assert.True(guest.Context.Tree.FileExists("/Windows/Drivers/VirtIO/netkvm.inf"));
        Assert.Equal(@"%SystemRoot%\inf;%SystemRoot%\Drivers\VirtIO", guest.ByHivex(directory, "SOFTWARE", @"Microsoft\Windows\CurrentVersion", "DevicePath"));
    }

    [Fact]
    public void Windows_7_boots_from_either_bus_in_every_control_set()
    {
        using var directory = new TemporaryDirectory();
        using HiveGuest guest = new(HiveGuest.Windows7, new Version(6, 1, 7601)) { Architecture = "i386" };
        Install(guest, directory, "x86");
        foreach (string set in guest.Context.Windows.ControlSets)
        {
            RegistryHive after = guest.Hive("SYSTEM");
            foreach ((string driver, string id) in ((string, string)[])[("viostor", "1001"), ("vioscsi", "1004")])
            {
                Assert.Equal(0ul, after.Get($@"{set}\services\{driver}").GetNumber("Start"));
                foreach (string form in (string[])[$"PCI#VEN_1AF4&DEV_{id}&SUBSYS_00021AF4&REV_00", $"PCI#VEN_1AF4&DEV_{id}"])
                {
                    RegistryKey critical = after.Get($@"{set}\Control\CriticalDeviceDatabase\{form}");
                    Assert.Equal((driver, "{4D36E97B-E325-11CE-BFC1-08002BE10318}"), (critical.GetText("Service"), critical.GetText("ClassGUID")));
                }
            }

            Assert.Null(after.Find("DriverDatabase"));
        }

        Assert.Empty(guest.Context.Windows.StagedPackages);
        Assert.True(guest.Context.Tree.FileExists("/Windows/Drivers/VirtIO/viostor.inf"));
        Assert.True(guest.Context.Tree.FileExists("/Windows/System32/drivers/viostor.sys"));
    }

    /// <summary>The set that Windows last ran with is not the one that it starts next.</summary>
    [Fact]
    public void The_control_set_that_is_started_next_gets_the_drivers_too()
    {
        using var directory = new TemporaryDirectory();
        using HiveGuest guest = new(HiveGuest.Windows7, new Version(6, 1, 7601)) { Architecture = "i386", ControlSet = "ControlSet002" };
        guest.Edit("SYSTEM", hive =>
        {
            RegistryKey select = hive.Get("Select");
            select.SetNumber("Current", 2);
            select.SetNumber("Default", 1);
            select.SetNumber("LastKnownGood", 7);
        });
        Install(guest, directory, "x86");
        Assert.Equal(["ControlSet002", "ControlSet001"], guest.Context.Windows.ControlSets);
        foreach (string set in guest.Context.Windows.ControlSets)
        {
            Assert.Equal("0", guest.ByHivex(directory, "SYSTEM", set + @"\services\viostor", "Start"));
            Assert.Equal("viostor", guest.ByHivex(directory, "SYSTEM", set + @"\Control\CriticalDeviceDatabase\PCI#VEN_1AF4&DEV_1001", "Service"));
        }
    }

    [Theory]
    [InlineData(HiveGuest.Windows10, 10, "amd64")]
    [InlineData(HiveGuest.Windows7, 6, "x86")]
    public void A_second_conversion_changes_nothing(string system, int major, string architecture)
    {
        using var directory = new TemporaryDirectory();
        using HiveGuest guest = new(system, major == 10 ? new Version(10, 0, 16299) : new Version(6, 1, 7601)) { Architecture = architecture == "x86" ? "i386" : "x86_64" };
        Assert.NotEmpty(Install(guest, directory, architecture).Editor.Changes);
        Assert.Empty(Install(guest, directory, architecture).Editor.Changes);
    }

    [Fact]
    public void A_driver_that_stays_becomes_a_boot_driver()
    {
        using var directory = new TemporaryDirectory();
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        Install(guest, directory, "amd64");
        guest.Edit("SYSTEM", hive =>
        {
            RegistryKey service = hive.Get(@"ControlSet001\Services\vioscsi");
            service.SetNumber("Start", 3);
            service.Create("StartOverride").SetNumber("0", 3);
        });
        ConversionContext context = Install(guest, directory, "amd64", installed: true);
        Assert.Equal(["HKLM\\SYSTEM\\ControlSet001\\Services\\vioscsi\\Start", "HKLM\\SYSTEM\\ControlSet001\\Services\\vioscsi\\StartOverride\\0"], context.Editor.Changes.Select(c => c.Path));
        Assert.Equal(0ul, guest.Hive("SYSTEM").Get(@"ControlSet001\Services\vioscsi").GetNumber("Start"));
    }

    [Fact]
    public void Programs_in_the_store_are_started_from_there()
    {
        using var directory = new TemporaryDirectory();
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        Install(guest, directory, "amd64", change: text => text.Replace("= 12", "= 13", StringComparison.Ordinal).Replace("%12%", "%13%", StringComparison.Ordinal));
        string program = guest.ByHivex(directory, "SYSTEM", @"ControlSet001\Services\viostor", "ImagePath");
        Assert.StartsWith(@"System32\DriverStore\FileRepository\viostor.inf_amd64_", program, StringComparison.Ordinal);
        Assert.True(guest.Context.Tree.FileExists("/Windows/" + program.Replace('\\', '/')));
        Assert.False(guest.Context.Tree.FileExists("/Windows/System32/drivers/viostor.sys"));
    }

    [Fact]
    public void Files_outside_of_Windows_are_refused()
    {
        using var directory = new TemporaryDirectory();
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        Storage.V2VException error = Assert.Throws<Storage.V2VException>(() => Install(guest, directory, "amd64", change: text => text.Replace("DefaultDestDir = 12", "DefaultDestDir = 24", StringComparison.Ordinal)));
        Assert.Equal("DriverDirectoryUnsupported", error.ErrorId);
    }

    private static ConversionContext Install(HiveGuest guest, TemporaryDirectory directory, string architecture, bool installed = false, Func<string, string>? change = null)
    {
        string folder = directory.File(Guid.NewGuid().ToString("N"));
        foreach (string driver in (string[])["viostor", "vioscsi", "netkvm"])
        {
            PhonyVirtioWin.Package(folder, driver, driver, architecture);
            string inf = Path.Combine(folder, driver, driver + ".inf");
            File.WriteAllText(inf, change is null ? File.ReadAllText(inf) : change(File.ReadAllText(inf)));
        }

        DriverLibrary library = DriverLibrary.Open(folder);
        TargetArchitecture target = architecture == "x86" ? TargetArchitecture.X86 : TargetArchitecture.Amd64;
        var system = new TargetSystem(guest.Version, target, TargetSystem.Workstation);
        guest.Run();
        IReadOnlyList<InstalledDriver> present = installed ? InstalledDrivers.Read(guest.Context.Tree, "/Windows", system) : [];
        DriverSelection selection = DriverSelector.Select(library, system, present, hasSha2: true);
        Assert.Equal(installed, selection.Find(DriverKind.Scsi)!.Kept is not null);
        return guest.Run(new GiveDriversStep(selection, library), new DriverStoreStep());
    }

    private sealed class GiveDriversStep(DriverSelection selection, DriverLibrary library) : ConversionStep
    {
        internal override string Name => "GiveDrivers";

        internal override int Order => 1;

        internal override void Apply(ConversionContext context) => context.Windows.Use(selection, library);
    }
}
