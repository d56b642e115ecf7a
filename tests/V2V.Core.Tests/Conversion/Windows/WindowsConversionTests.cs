using V2V.Core.Conversion;
using V2V.Core.Inspection;
using V2V.Core.Sources;
using V2V.Core.Tests.GuestConversion.Windows.Drivers;
using V2V.Core.Tests.Inspection;
using V2V.Core.Tests.Inspection.Windows;
using V2V.Registry.Bcd;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion.Windows;

/// <summary>Phony Windows guests with real SYSTEM hives go through the whole conversion; the result is judged by ntfs-3g, hivex and mtools.</summary>
public sealed class WindowsConversionTests
{
    private const string Network = """
        [\ControlSet001\Services\partmgr\Parameters]
        "SanPolicy"=dword:00000003

        """;

    [Fact]
    public void A_Windows_10_with_UEFI_is_converted_and_a_second_time_nothing_changes()
    {
        Tool.RequireRoot();
        Tool.Require("ntfsfix", "hivexget", "dd", "qemu-img", "getfattr", "mkfs.fat", "mmd", "mcopy", "mtype", "hivexregedit");
        using var directory = new TemporaryDirectory();
        string drivers = directory.File("virtio-win");
        PhonyVirtioWin.Make(PhonyVirtioWin.IsoList, drivers);
        string disk = PhonyWindows.Make(
            directory, "regipy/SYSTEM_WIN_10_1709.xz", Software("Windows 10 Pro", "16299", 10), 0x8664, Network, MakeEsp(directory), [("Windows/INF/oem12.inf", []), ("Windows/System32/drivers/disk.sys", [])]);
        byte[] before = File.ReadAllBytes(disk);
        var options = new ConversionOptions { VirtioWin = drivers, WorkingDirectory = Directory.CreateDirectory(directory.File("work")).FullName };
        V2VOverlay overlay = GuestConverter.Convert(Inspect(disk), options, SilentObserver.Instance);

        Assert.Equal(("q35", BlockBus.VirtioBlk, "virtio", true, false), (overlay.Capabilities.Machine, overlay.Capabilities.BlockBus, overlay.Capabilities.NetModel, overlay.Capabilities.SupportsVirtioScsi, overlay.Capabilities.RtcUtc));
        Assert.True(before.AsSpan().SequenceEqual(File.ReadAllBytes(disk)));
        string converted = directory.File("converted.raw");
        Tool.Run("qemu-img", "convert", "-O", "raw", overlay.Disks[0].Path, converted);
        string system = CheckVolume(directory, converted, windows =>
        {
            Assert.Contains("call :script", File.ReadAllText(windows + "/V2V/firstboot.cmd"), StringComparison.Ordinal);
            Assert.Equal(["1000-drivers", "2000-network", "4000-remove-vmware-tools", "5000-qemu-guest-agent", "5100-balloon", "8000-disk-policy"], Directory.GetFiles(windows + "/V2V/scripts").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal));
            Assert.DoesNotContain(Directory.GetFiles(windows + "/V2V/scripts"), f => File.ReadAllText(f).Replace("\r\n", "", StringComparison.Ordinal).Contains('\n', StringComparison.Ordinal));
            Assert.True(File.Exists(windows + "/V2V/files/qemu-ga-x86_64.msi"));
            foreach (string path in (string[])["/V2V", "/V2V/firstboot.cmd"])
            {
                // SYSTEM and the administrators; neither everybody nor the users.
                string security = Tool.Run("getfattr", "--absolute-names", "-e", "hex", "-n", "system.ntfs_acl", windows + path);
                Assert.Contains("010100000000000512000000", security, StringComparison.Ordinal);
                Assert.Contains("01020000000000052000000020020000", security, StringComparison.Ordinal);
                Assert.DoesNotContain("010100000000000100000000", security, StringComparison.Ordinal);
                Assert.DoesNotContain("01020000000000052000000021020000", security, StringComparison.Ordinal);
            }

            Assert.Single(Directory.GetDirectories(windows + "/System32/DriverStore/FileRepository", "vioscsi.inf_amd64_*"));
        });
        Assert.Equal("2", Tool.Run("hivexget", system, @"ControlSet001\Services\v2v-firstboot", "Start").Trim());
        Assert.Equal("0", Tool.Run("hivexget", system, @"ControlSet001\Services\viostor", "Start").Trim());
        Assert.Equal("0", Tool.Run("hivexget", system, @"ControlSet001\Services\vioscsi", "Start").Trim());
        Assert.Equal("4", Tool.Run("hivexget", system, @"ControlSet001\Services\vmci", "Start").Trim());
        CheckEsp(directory, converted);

        Assert.Empty(GuestConverter.Convert(Inspect(converted), options, SilentObserver.Instance).Changes);
    }

    [Fact]
    public void A_Windows_7_gets_its_drivers_at_the_first_boot()
    {
        Tool.RequireRoot();
        Tool.Require("ntfsfix", "hivexget", "dd", "qemu-img");
        using var directory = new TemporaryDirectory();
        string drivers = directory.File("virtio-win");
        PhonyVirtioWin.Make(PhonyVirtioWin.IsoList, drivers);
        string script = directory.File("join domain.cmd");
        File.WriteAllText(script, "echo joined\r\n");
        string disk = PhonyWindows.Make(directory, "regipy/SYSTEM.xz", Software("Windows 7 Ultimate", "7601", 0), 0x14C, Network, [("Windows/System32/drivers/disk.sys", [])]);
        var options = new ConversionOptions { VirtioWin = drivers, FirstBootScripts = [script], PreferredBus = BlockBus.VirtioScsi, WorkingDirectory = Directory.CreateDirectory(directory.File("work")).FullName };
        V2VOverlay overlay = GuestConverter.Convert(Inspect(disk), options, SilentObserver.Instance);
        string converted = directory.File("converted.raw");
        Tool.Run("qemu-img", "convert", "-O", "raw", overlay.Disks[0].Path, converted);
        string system = CheckVolume(directory, converted, windows =>
        {
            Assert.Contains("pnputil.exe -i -a ", File.ReadAllText(windows + "/V2V/scripts/1000-drivers.cmd"), StringComparison.Ordinal);
            Assert.Equal("echo joined\r\n", File.ReadAllText(windows + "/V2V/files/6000-join domain.cmd"));
            Assert.Contains(@"call ""%SystemRoot%\V2V\files\6000-join domain.cmd""", File.ReadAllText(windows + "/V2V/scripts/6000-user.cmd"), StringComparison.Ordinal);
        });
        Assert.Equal("0", Tool.Run("hivexget", system, @"ControlSet001\Services\vioscsi", "Start").Trim());
        Assert.Equal("vioscsi", Tool.Run("hivexget", system, @"ControlSet001\Control\CriticalDeviceDatabase\pci#ven_1af4&dev_1004", "Service").Trim());
        Assert.Empty(GuestConverter.Convert(Inspect(converted), options, SilentObserver.Instance).Changes);
    }

    [Fact]
    public void Without_drivers_the_guest_gets_emulated_devices()
    {
        Tool.RequireRoot();
        using var directory = new TemporaryDirectory();
        string disk = PhonyWindows.Make(directory, "regipy/SYSTEM_WIN_10_1709.xz", Software("Windows 11 Pro", "22631", 10), 0x8664, Network);
        V2VOverlay overlay = GuestConverter.Convert(Inspect(disk), new ConversionOptions { WhatIf = true }, SilentObserver.Instance);
        Assert.Equal((BlockBus.Sata, "e1000"), (overlay.Capabilities.BlockBus, overlay.Capabilities.NetModel));
        Assert.Contains(overlay.Warnings, w => w.Contains("-VirtioWin", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("DriverLibraryMissing")]
    [InlineData("FirstBootScriptInvalid")]
    [InlineData("ToolsPathMissing")]
    [InlineData("GuestAgentPackageInvalid")]
    public void What_cannot_be_done_is_refused_by_name(string errorId)
    {
        Tool.RequireRoot();
        using var directory = new TemporaryDirectory();
        string disk = PhonyWindows.Make(directory, "regipy/SYSTEM_WIN_10_1709.xz", Software("Windows 10 Pro", "16299", 10), 0x8664, Network);
        ConversionOptions options = errorId switch
        {
            "DriverLibraryMissing" => new() { VirtioWin = directory.File("nothing") },
            "FirstBootScriptInvalid" => new() { FirstBootScripts = [directory.File("nothing.cmd")] },
            "ToolsPathMissing" => new() { ToolsPath = directory.File("nothing") },
            _ => new() { GuestAgentPackage = disk },
        };
        Assert.Equal(errorId, Assert.Throws<V2VException>(() => GuestConverter.Convert(Inspect(disk), options with { WhatIf = true }, SilentObserver.Instance)).ErrorId);
    }

    private static V2VInspection Inspect(string disk) =>
        GuestInspector.Inspect(SourceImporter.ImportDisks([disk], new SourceOptions { Name = "windows", DiskFormat = "raw" }), new InspectionOptions(), SilentObserver.Instance);

    private static string Software(string product, string build, int major) => $$"""
        [\Microsoft\Windows NT\CurrentVersion]
        "ProductName"="{{product}}"
        "InstallationType"="Client"
        "CurrentVersion"="{{(major == 0 ? "6.1" : "6.3")}}"
        "CurrentBuildNumber"="{{build}}"{{(major == 0 ? "" : FormattableString.Invariant($"\n\"CurrentMajorVersionNumber\"=dword:{major:x8}\n\"CurrentMinorVersionNumber\"=dword:00000000"))}}
        "SystemRoot"="C:\\Windows"

        [\Microsoft\Windows\CurrentVersion]
        "DevicePath"=hex(2):25,00,53,00,79,00,73,00,74,00,65,00,6d,00,52,00,6f,00,6f,00,74,00,25,00,5c,00,69,00,6e,00,66,00,00,00

        [\Microsoft\Windows\CurrentVersion\Uninstall\{FE2F6A2C-196E-4210-9C04-2B1BC21F07EF}]
        "DisplayName"="{{(major == 0 ? "Something else" : "VMware Tools")}}"

        """;

    /// <summary>Checks the NTFS volume and gives a copy of the SYSTEM hive.</summary>
    private static string CheckVolume(TemporaryDirectory directory, string disk, Action<string> check)
    {
        string volume = directory.File("volume.after"), system = directory.File("system.after");
        Tool.Run("dd", "if=" + disk, "of=" + volume, "bs=1M", "skip=1", FormattableString.Invariant($"count={PhonyWindows.SizeMebibytes}"), "status=none");
        Tool.Run("ntfsfix", "-n", volume);
        using (new LoopMount(volume, directory.File("mnt"), "loop,ro", "ntfs-3g"))
        {
            check(directory.File("mnt/Windows"));
            File.Copy(directory.File("mnt/Windows/System32/config/SYSTEM"), system);
        }

        return system;
    }

    private static string MakeEsp(TemporaryDirectory directory)
    {
        string esp = directory.File("esp"), store = directory.File("BCD"), loader = directory.File("bootmgfw.efi"), other = directory.File("other.efi");
        using (FileStream file = File.Create(esp))
        {
            file.SetLength(PhonyWindows.EspMebibytes << 20);
        }

        File.WriteAllBytes(store, File.ReadAllBytes(Corpus.Require("registry/hivex/minimal")));
        Tool.Run("hivexregedit", "--merge", store, Corpus.Require("bcd/virt-v2v/windows-bcd.reg"));
        File.WriteAllText(loader, "Windows' loader");
        File.WriteAllText(other, "another loader");
        Tool.Run("mkfs.fat", "-F", "32", esp);
        Tool.Run("mmd", "-i", esp, "::EFI", "::EFI/Boot", "::EFI/Microsoft", "::EFI/Microsoft/Boot");
        Tool.Run("mcopy", "-i", esp, store, "::EFI/Microsoft/Boot/BCD");
        Tool.Run("mcopy", "-i", esp, loader, "::EFI/Microsoft/Boot/bootmgfw.efi");
        Tool.Run("mcopy", "-i", esp, other, "::EFI/Boot/bootx64.efi");
        return esp;
    }

    private static void CheckEsp(TemporaryDirectory directory, string disk)
    {
        string image = FormattableString.Invariant($"{disk}@@{(1 + PhonyWindows.SizeMebibytes) << 20}");
        Assert.Equal("Windows' loader", Tool.Run("mtype", "-i", image, "::EFI/Boot/bootx64.efi").Trim());
        Assert.Equal("another loader", Tool.Run("mtype", "-i", image, "::EFI/Boot/bootx64.old").Trim());
        string store = directory.File("BCD.after");
        Tool.Run("mcopy", "-i", image, "::EFI/Microsoft/Boot/BCD", store);
        using FileStream file = File.OpenRead(store);
        var bcd = BcdStore.Open(file, "BCD");
        Assert.NotNull(bcd.Default);
        Assert.Null(bcd.Default.Find(BcdNames.GraphicsModeDisabled));
        Assert.NotEmpty(bcd.Objects);
    }
}
