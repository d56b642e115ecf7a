using System.Text.RegularExpressions;
using V2V.Core.Conversion.Windows.FirstBoot;
using V2V.Core.Conversion.Windows.GuestAdditions;
using V2V.Core.Conversion.Windows.Settings;
using V2V.Core.Inspection.Windows.Network;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion.Windows.FirstBoot;

/// <summary>The first boot's batch files run by wine's cmd.exe, with programs that note how they were called in place of Windows' own.</summary>
public sealed partial class FirstBootBatchTests(WinePrefix wine) : IClassFixture<WinePrefix>
{
    private static readonly Version s_windows10 = new(10, 0, 19045);

    [Fact]
    public void Scripts_run_in_order_are_tried_again_and_everything_is_removed()
    {
        wine.Clear();
        Install(
            new FirstBootScript(1000, "first", "@echo off\n>>\"%SystemRoot%\\ran.txt\" echo first\nexit /b 0\n"),
            new FirstBootScript(2000, "stubborn", "@echo off\n>>\"%SystemRoot%\\ran.txt\" echo stubborn\nexit /b 249\n"),
            new FirstBootScript(3000, "late", "@echo off\n>>\"%SystemRoot%\\ran.txt\" echo late\nexit /b 3010\n"),
            new FirstBootScript(4000, "failing", "@echo off\n>>\"%SystemRoot%\\ran.txt\" echo failing\nexit /b 7\n"));
        Assert.Equal(["first", "stubborn", "late", "failing"], Boot());
        Assert.Contains("shutdown /r", Called(), StringComparison.Ordinal);
        Assert.Equal(["stubborn"], Boot());
        Assert.DoesNotContain("sc delete", Called(), StringComparison.Ordinal);
        Assert.Equal(["stubborn"], Boot());
        Assert.Contains("sc delete v2v-firstboot", Called(), StringComparison.Ordinal);
        string log = File.ReadAllText(wine.Windows("v2v-firstboot.log"));
        Assert.Contains("4000-failing ended with 7", log, StringComparison.Ordinal);
        Assert.Equal(3, log.Split("2000-stubborn ended with 249").Length - 1);
        for (int i = 0; i < 100 && Directory.Exists(Folder); i++)
        {
            Thread.Sleep(100);
        }

        Assert.False(Directory.Exists(Folder));
    }

    [Fact]
    public void Addresses_go_to_the_card_with_the_MAC()
    {
        wine.Clear();
        File.WriteAllText(Program("getmac.cmd"), "@echo \"Ethernet 3\",\"Red Hat VirtIO Ethernet Adapter\",\"00-50-56-AA-BB-CC\",\"\\Device\\Tcpip_{11111111-2222-3333-4444-555555555555}\"\r\n");
        var network = new NetworkSettings(0, "00:50:56:aa:bb:cc", "{0}", "Ethernet0")
        {
            IsDhcp = false,
            Addresses = [new NetworkAddress("192.0.2.7", 24), new NetworkAddress("192.0.2.8", 25)],
            Gateways = [new NetworkGateway("192.0.2.1", 0)],
            DnsServers = ["192.0.2.3", "192.0.2.4"],
            DnsSuffix = "example.org",
            AddressesV6 = [new NetworkAddress("2001:db8::7", 64)],
            GatewaysV6 = [new NetworkGateway("fe80::1", 5)],
            NetBios = 2,
        };
        Install(NetworkScript.Make([network], isOld: false)!);
        Boot();
        Assert.Equal(
            [
                "netsh interface set interface name=\"Ethernet 3\" newname=\"Ethernet0\"",
                "netsh interface ipv4 set address name=\"Ethernet0\" source=static address=192.0.2.7 mask=255.255.255.0 gateway=192.0.2.1",
                "netsh interface ipv4 add address name=\"Ethernet0\" address=192.0.2.8 mask=255.255.255.128",
                "netsh interface ipv4 set dnsservers name=\"Ethernet0\" source=static address=192.0.2.3 validate=no",
                "netsh interface ipv4 add dnsservers name=\"Ethernet0\" address=192.0.2.4 index=2 validate=no",
                "netsh interface ipv6 add address interface=\"Ethernet0\" address=2001:db8::7/64",
                "netsh interface ipv6 add route prefix=::/0 interface=\"Ethernet0\" nexthop=fe80::1 metric=5",
                "reg add \"HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters\\Interfaces\\{11111111-2222-3333-4444-555555555555}\" /v Domain /t REG_SZ /d example.org /f",
                "reg add \"HKLM\\SYSTEM\\CurrentControlSet\\Services\\NetBT\\Parameters\\Interfaces\\Tcpip_{11111111-2222-3333-4444-555555555555}\" /v NetbiosOptions /t REG_DWORD /d 2 /f",
            ],
            Called().Split('\n').Where(l => l.StartsWith("netsh", StringComparison.Ordinal) || l.StartsWith("reg", StringComparison.Ordinal)).Select(l => l.TrimEnd()));
    }

    [Fact]
    public void VMware_Tools_go_without_their_uninstaller()
    {
        wine.Clear();
        var found = new AdditionsFound(
            "VMware Tools",
            [new InstalledProgram(@"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\{AF174E64-22CF-4386-A9B5-73DFC6B49E4D}", "VMware Tools", "{AF174E64-22CF-4386-A9B5-73DFC6B49E4D}", "MsiExec.exe /I{AF174E64-22CF-4386-A9B5-73DFC6B49E4D}")],
            ["VMTools", "vmmouse"], ["oem4.inf"], [@"C:\Program Files\VMware\VMware Tools"]);
        Install(AdditionsScript.Make(found, s_windows10, 4000));
        Boot();
        string called = Called();
        Assert.Contains("sc delete \"VMTools\"", called, StringComparison.Ordinal);
        Assert.DoesNotContain("vmmouse", called, StringComparison.Ordinal);
        Assert.Contains("pnputil /delete-driver \"oem4.inf\" /uninstall /force", called, StringComparison.Ordinal);
        Assert.Contains("reg delete \"HKLM\\SOFTWARE\\Classes\\Installer\\Products\\46E471FAFC2268349A5B37FD6C4BE9D4\" /f", called, StringComparison.Ordinal);
        Assert.DoesNotContain("msiexec", called, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void The_agent_is_installed_without_questions()
    {
        wine.Clear();
        Install(AgentScript.Agent(["qemu-ga-x86_64.msi"]));
        Directory.CreateDirectory(Path.Combine(Folder, "files"));
        Boot();
        Assert.Contains("msiexec /i \"qemu-ga-x86_64.msi\" /qn /norestart", Called(), StringComparison.Ordinal);
        Assert.DoesNotContain("shutdown", Called(), StringComparison.Ordinal);
    }

    [Fact]
    public void SUSEs_driver_pack_is_set_up_and_finished_after_a_restart()
    {
        wine.Clear();
        Install(ToolScripts.Vmdp with { Text = ToolScripts.Vmdp.Text.Replace("VMDP-* vmdp.exe", "VMDP-* call vmdp", StringComparison.Ordinal).Replace("setup.exe /", "call setup /", StringComparison.Ordinal) });
        Directory.CreateDirectory(Path.Combine(Folder, "files"));
        File.WriteAllText(Program("vmdp.cmd"), "@echo off\r\n>>\"%SystemRoot%\\ran.txt\" echo unpacked\r\nmd VMDP-WIN-2.5\r\n");
        File.WriteAllText(Program("setup.cmd"), "@echo off\r\n>>\"%SystemRoot%\\ran.txt\" echo setup %*\r\n");
        Assert.Equal(["unpacked", "setup /eula_accepted /no_reboot"], Boot());
        Assert.Contains("shutdown /r", Called(), StringComparison.Ordinal);
        Assert.Equal(["setup /eula_accepted /no_reboot"], Boot());
        Assert.Contains("sc delete v2v-firstboot", Called(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.0.19045", "pnputil /add-driver ", " /install")]
    [InlineData("6.3.9600", "pnputil -i -a ", "")]
    public void Drivers_that_are_there_already_are_no_failure(string version, string before, string after)
    {
        wine.Clear();
        File.WriteAllText(Program("pnputil.cmd"), "@echo off\r\n>>\"%SystemRoot%\\called.txt\" echo pnputil %*\r\ncmd /d /c exit 259\r\n");
        Install(DriversScript.Make(Version.Parse(version))!);
        Directory.CreateDirectory(wine.Windows("Drivers/VirtIO"));
        File.WriteAllText(wine.Windows("Drivers/VirtIO/netkvm.inf"), "");
        Boot();
        Assert.Contains(before, Called(), StringComparison.Ordinal);
        Assert.Contains("netkvm.inf\"" + after, Called(), StringComparison.Ordinal);
        Assert.DoesNotContain("shutdown", Called(), StringComparison.Ordinal);
    }

    [Fact]
    public void Product_codes_are_packed_as_Windows_Installer_does() =>
        Assert.Equal("46E471FAFC2268349A5B37FD6C4BE9D4", InstallerRegistration.Pack("{AF174E64-22CF-4386-A9B5-73DFC6B49E4D}"));

    private string Folder => wine.Windows("V2V");

    private string Program(string name) => Path.Combine(wine.Programs, name);

    private void Install(params FirstBootScript[] scripts)
    {
        if (Directory.Exists(Folder))
        {
            Directory.Delete(Folder, recursive: true);
        }

        File.Delete(wine.Windows("v2v-firstboot.log"));
        File.Delete(wine.Windows("asked.txt"));
        Directory.CreateDirectory(Path.Combine(Folder, "scripts"));
        Directory.CreateDirectory(Path.Combine(Folder, "done"));
        File.WriteAllText(Path.Combine(Folder, "firstboot.cmd"), ForWine(FirstBootController.Text));
        foreach (FirstBootScript script in scripts)
        {
            File.WriteAllText(Path.Combine(Folder, "scripts", script.FileName), ForWine(script.Text));
        }

        foreach (string program in (string[])["sc", "shutdown", "netsh", "reg", "pnputil", "msiexec", "getmac"])
        {
            if (!File.Exists(Program(program + ".cmd")))
            {
                File.WriteAllText(Program(program + ".cmd"), $"@echo off\r\n>>\"%SystemRoot%\\called.txt\" echo {program} %*\r\ncmd /d /c exit 0\r\n");
            }
        }
    }

    /// <summary>The programs here are batch files, which a batch file must call to come back from. (They end without exit /b, by which wine leaves the caller too.)</summary>
    private static string ForWine(string text) =>
        BatchText.WithLineEnds(Programs().Replace(text, "$1call $2 "));

    [GeneratedRegex(@"(^\s*|GUID |""Ethernet0"" )(sc|shutdown|netsh|reg|pnputil|msiexec)(\.exe)? ", RegexOptions.Multiline)]
    private static partial Regex Programs();

    /// <summary>Runs the controller once and gives what its scripts noted.</summary>
    private string[] Boot()
    {
        File.Delete(wine.Windows("ran.txt"));
        File.Delete(wine.Windows("called.txt"));
        wine.Run($@"set PATHEXT=.CMD;.EXE&& set PATH=Z:{wine.Programs.Replace('/', '\\')};%PATH%&& call C:\windows\V2V\firstboot.cmd");
        string ran = wine.Windows("ran.txt");
        return File.Exists(ran) ? [.. File.ReadAllLines(ran).Select(l => l.Trim())] : [];
    }

    private string Called() => File.Exists(wine.Windows("called.txt")) ? File.ReadAllText(wine.Windows("called.txt")) : "";
}
