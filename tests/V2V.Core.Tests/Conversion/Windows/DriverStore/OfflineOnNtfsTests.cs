using V2V.Core.Conversion;
using V2V.Core.Conversion.Windows;
using V2V.Core.Conversion.Windows.DriverStore;
using V2V.Core.Conversion.Windows.GuestAdditions;
using V2V.Core.Conversion.Windows.Settings;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Tests.GuestConversion.Windows.Drivers;
using V2V.Core.Tests.Inspection;
using V2V.Core.Tests.Inspection.Windows;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion.Windows.DriverStore;

/// <summary>The offline steps on a disk with NTFS, judged by ntfs-3g's and hivex' programs.</summary>
public class OfflineOnNtfsTests
{
    private const string Software = """
        [\Microsoft\Windows NT\CurrentVersion]
        "ProductName"="Windows 10 Pro"
        "InstallationType"="Client"
        "CurrentVersion"="6.3"
        "CurrentMajorVersionNumber"=dword:0000000a
        "CurrentMinorVersionNumber"=dword:00000000
        "CurrentBuildNumber"="16299"
        "SystemRoot"="C:\\Windows"

        [\Microsoft\Windows\CurrentVersion\Uninstall\{FE2F6A2C-196E-4210-9C04-2B1BC21F07EF}]
        "DisplayName"="VMware Tools"

        """;

    private const string Changes = """
        [\ControlSet001\Services\partmgr\Parameters]
        "SanPolicy"=dword:00000003

        """;

    [Fact]
    public void Files_and_hives_are_whole()
    {
        Tool.Require("ntfsfix", "hivexget", "dd");
        using var directory = new TemporaryDirectory();
        string drivers = directory.File("virtio-win");
        PhonyVirtioWin.Package(drivers, "viostor/w10/amd64", "viostor", "amd64");
        PhonyVirtioWin.Package(drivers, "vioscsi/w10/amd64", "vioscsi", "amd64");
        string disk = PhonyWindows.Make(directory, "regipy/SYSTEM_WIN_10_1709.xz", Software, 0x8664, Changes, ("Windows/INF/oem12.inf", []), ("Windows/System32/drivers/disk.sys", []));
        int changes = Convert(disk, drivers);
        Assert.True(changes > 100);

        string volume = directory.File("converted");
        Tool.Run("dd", "if=" + disk, "of=" + volume, "bs=1M", "skip=1", FormattableString.Invariant($"count={PhonyWindows.SizeMebibytes}"), "status=none");
        Tool.Run("ntfsfix", "-n", volume);
        string system = directory.File("after");
        using (new LoopMount(volume, directory.File("mnt"), "loop,ro", "ntfs-3g"))
        {
            string windows = directory.File("mnt/Windows");
            Assert.Equal("driver of 100.95.104.26200", File.ReadAllText(windows + "/System32/drivers/viostor.sys"));
            string folder = Assert.Single(Directory.GetDirectories(windows + "/System32/DriverStore/FileRepository", "viostor.inf_amd64_*"));
            Assert.Equal(File.ReadAllBytes(folder + "/viostor.inf"), File.ReadAllBytes(windows + "/INF/oem13.inf"));
            Assert.Equal(["catalog", "catalog"], Directory.GetFiles(windows + "/System32/CatRoot/{F750E6C3-38EE-11D1-85E5-00C04FC295EE}").Select(File.ReadAllText));
            File.Copy(windows + "/System32/config/SYSTEM", system);
        }

        Assert.Equal("0", Tool.Run("hivexget", system, @"ControlSet001\Services\viostor", "Start").Trim());
        Assert.Equal("4", Tool.Run("hivexget", system, @"ControlSet001\Services\vmci", "Start").Trim());
        Assert.Equal("1", Tool.Run("hivexget", system, @"ControlSet001\Services\partmgr\Parameters", "SanPolicy").Trim());

        // Nothing is left to change.
        Assert.Equal(0, Convert(disk, drivers));
    }

    private static int Convert(string disk, string drivers)
    {
        V2VInspection inspection = TestDisk.Inspect([disk]);
        using FileDevice device = FileDevice.Open(disk, writable: true);
        using GuestDisks disks = GuestDisks.Open([device]);
        GuestTree tree = GuestTree.Mount(disks, [new MountInfo("/", inspection.RootDevice!, "ntfs", "", "")], writable: true);
        using var context = new ConversionContext(inspection, new ConversionOptions { VirtioWin = drivers }, tree, SilentObserver.Instance);
        ConversionStep[] steps =
        [
            new ClockStep(), new GuestAdditionsStep(), new ChooseDriversStep(), new DriverStoreStep(), new FallbackBusesStep(), new SanPolicyStep(), new NetworkSettingsStep(),
            new RegistrySaveStep(),
        ];
        foreach (ConversionStep step in steps.OrderBy(s => s.Order))
        {
            context.Editor.Step = step.Name;
            step.Apply(context);
        }

        tree.Flush();
        return context.Editor.Changes.Count;
    }
}
