using V2V.Core.Conversion;
using V2V.Core.Inspection;
using V2V.Core.Sources;
using V2V.Core.Tests.GuestConversion.Windows.Drivers;
using V2V.Core.Tests.Inspection;
using V2V.Core.Tests.Inspection.Windows;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion.Windows;

/// <summary>Guests of 32 bits and of ARM64 through the whole conversion: which drivers, agent and loader they get, and what their first boot does.</summary>
public sealed class WindowsArchitectureTests(VirtioWinTrees trees) : IClassFixture<VirtioWinTrees>
{
    [Fact]
    public void A_Windows_10_of_32_bits_gets_drivers_and_agent_of_32_bits()
    {
        Tool.Require("ntfsfix", "qemu-img", "hivexregedit");
        using var directory = new TemporaryDirectory();
        string volume = PhonyWindows.MakeVolume(directory, OddWindows.Windows10, OddWindows.Software("Windows 10 Pro", "6.3", "16299"), 0x14C, "[\\Setup]\n", "Windows", []);
        string disk = OddWindows.MbrDisk(directory, 7, (PhonyWindows.SizeMebibytes, volume));
        var options = new ConversionOptions { VirtioWin = trees.Folder(PhonyVirtioWin.IsoList), WorkingDirectory = Directory.CreateDirectory(directory.File("work")).FullName };
        V2VOverlay overlay = GuestConverter.Convert(OddWindows.Inspect(disk), options, SilentObserver.Instance);
        Assert.Equal(("i386", "i686", "q35", BlockBus.VirtioBlk, "virtio"),
            (overlay.Inspection.Architecture, overlay.Capabilities.Architecture, overlay.Capabilities.Machine, overlay.Capabilities.BlockBus, overlay.Capabilities.NetModel));
        OddWindows.Look(directory, OddWindows.Cut(directory, OddWindows.Raw(directory, overlay, 0), 1, PhonyWindows.SizeMebibytes), root =>
        {
            Assert.Equal("cd/i386/w10/viostor.sys", File.ReadAllText(root + "/Windows/System32/drivers/viostor.sys"));
            Assert.Equal("cd/i386/w10/vioscsi.sys", File.ReadAllText(root + "/Windows/System32/drivers/vioscsi.sys"));
            Assert.Equal("cd/guest-agent/qemu-ga-i386.msi", File.ReadAllText(root + "/Windows/V2V/files/qemu-ga-i386.msi"));
            Assert.Equal("cd/Balloon/w10/x86/blnsvr.exe", File.ReadAllText(root + "/Windows/Drivers/VirtIO/blnsvr.exe"), ignoreCase: true);
            CheckStore(root, "x86", 0);
            CheckScripts(root, "qemu-ga-i386.msi");
        });
    }

    [Fact]
    public void A_Windows_11_of_ARM64_gets_drivers_agent_and_loader_of_ARM64()
    {
        Tool.Require("ntfsfix", "qemu-img", "hivexregedit", "mkfs.fat", "mmd", "mcopy", "mtype");
        using var directory = new TemporaryDirectory();
        string drivers = directory.File("virtio-win");
        foreach (string name in (string[])["viostor", "vioscsi", "NetKVM"])
        {
            PhonyVirtioWin.Package(drivers, $"{name}/w11/ARM64", name.ToLowerInvariant(), "arm64");
            PhonyVirtioWin.Package(drivers, $"{name}/w11/amd64", name.ToLowerInvariant(), "amd64", "999.0.0.0");
        }

        PhonyVirtioWin.Write(drivers, "guest-agent/qemu-ga-arm64.msi", "agent");
        PhonyVirtioWin.Write(drivers, "guest-agent/qemu-ga-x86_64.msi", "another agent");
        string volume = PhonyWindows.MakeVolume(directory, OddWindows.Windows10, OddWindows.Software("Windows 10 Pro", "6.3", "22631"), 0xAA64, "[\\Setup]\n", "Windows", []);
        string esp = OddWindows.Esp(directory, ("EFI/Microsoft/Boot/bootmgfw.efi", "Windows' loader"));
        string disk = TestDisk.Make(directory, ("U", PhonyWindows.EspMebibytes, esp), (PhonyWindows.BasicData, PhonyWindows.SizeMebibytes, volume));
        var options = new ConversionOptions { VirtioWin = drivers, WorkingDirectory = Directory.CreateDirectory(directory.File("work")).FullName };
        V2VOverlay overlay = GuestConverter.Convert(OddWindows.Inspect(disk), options, SilentObserver.Instance);
        Assert.Equal(("Windows 11 Pro", "aarch64", "virt", FirmwareType.Uefi, BlockBus.VirtioBlk, true),
            (overlay.Inspection.ProductName, overlay.Capabilities.Architecture, overlay.Capabilities.Machine, overlay.Capabilities.Firmware, overlay.Capabilities.BlockBus, overlay.Capabilities.Tpm));
        string converted = OddWindows.Raw(directory, overlay, 0);
        Assert.Equal("Windows' loader", Tool.Run("mtype", "-i", converted + "@@1048576", "::EFI/Boot/bootaa64.efi").Trim());
        OddWindows.Look(directory, OddWindows.Cut(directory, converted, 1 + PhonyWindows.EspMebibytes, PhonyWindows.SizeMebibytes), root =>
        {
            Assert.Equal("driver of 100.95.104.26200", File.ReadAllText(root + "/Windows/System32/drivers/viostor.sys"));
            Assert.Equal(["qemu-ga-arm64.msi"], Directory.GetFiles(root + "/Windows/V2V/files").Select(Path.GetFileName));
            CheckStore(root, "arm64", 12);
            CheckScripts(root, "qemu-ga-arm64.msi");
        });
    }

    /// <summary>The package of the boot driver, in the store and in the database, is of the architecture (PROCESSOR_ARCHITECTURE_*).</summary>
    private static void CheckStore(string root, string architecture, byte number)
    {
        string label = Path.GetFileName(Assert.Single(Directory.GetDirectories(root + "/Windows/System32/DriverStore/FileRepository", "viostor.inf_*")));
        Assert.StartsWith($"viostor.inf_{architecture}_", label, StringComparison.Ordinal);
        string package = Tool.Run("hivexregedit", "--export", "--unsafe-printable-strings", root + "/Windows/System32/config/SYSTEM", @"DriverDatabase\DriverPackages\" + label);
        Assert.Contains($"\"Version\"=hex(3):00,ff,{number:x2},00", package, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("viostor", Tool.Run("hivexget", root + "/Windows/System32/config/SYSTEM", @"ControlSet001\Services\viostor", "ImagePath"), StringComparison.Ordinal);
    }

    /// <summary>
    /// The service runs Windows' own cmd.exe of the system's bitness. Nothing is run that policies for scripts know (PowerShell's, of AllSigned and Constrained Language;
    /// Windows Script Host), from nowhere but the folder of Windows, which AppLocker's default rules allow.
    /// </summary>
    private static void CheckScripts(string root, string agent)
    {
        string[] scripts = [.. Directory.GetFiles(root + "/Windows/V2V/scripts", "*.cmd"), root + "/Windows/V2V/firstboot.cmd"];
        string[] names = [.. scripts.Select(s => Path.GetFileNameWithoutExtension(s)!)];
        Assert.Contains("1000-drivers", names);
        Assert.Contains("5000-qemu-guest-agent", names);
        foreach (string text in scripts.Select(File.ReadAllText))
        {
            Assert.DoesNotMatch(@"(?i)powershell|pwsh|wscript|cscript|mshta|sysnative|syswow64|rundll32|\.vbs|\.js\b", text);
            Assert.DoesNotMatch(@"(?i)\b[d-z]:\\|%temp%|%appdata%|%userprofile%", text);
        }

        Assert.Contains($"\"{agent}\"", File.ReadAllText(root + "/Windows/V2V/scripts/5000-qemu-guest-agent.cmd"), StringComparison.Ordinal);
        Assert.Contains("pnputil.exe /add-driver", File.ReadAllText(root + "/Windows/V2V/scripts/1000-drivers.cmd"), StringComparison.Ordinal);
        Assert.Equal(
            @"%SystemRoot%\System32\cmd.exe /d /c start ""v2v"" /b %SystemRoot%\System32\cmd.exe /d /c %SystemRoot%\V2V\firstboot.cmd",
            Tool.Run("hivexget", root + "/Windows/System32/config/SYSTEM", @"ControlSet001\Services\v2v-firstboot", "ImagePath").Trim());
    }
}
