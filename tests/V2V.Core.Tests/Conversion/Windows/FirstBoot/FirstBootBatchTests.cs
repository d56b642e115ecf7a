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

    /// <summary>What the service control manager starts: cmd.exe comes back at once, and the controller goes on without it.</summary>
    [Fact]
    public void The_services_command_starts_the_controller()
    {
        wine.Clear();
        Install(new FirstBootScript(1000, "first", "@echo off\n>>\"%SystemRoot%\\ran.txt\" echo first\nexit /b 0\n"));
        File.Delete(wine.Windows("ran.txt"));
        wine.Run(FirstBootService.Command);
        for (int i = 0; i < 300 && !(File.Exists(wine.Windows("v2v-firstboot.log")) && File.ReadAllText(wine.Windows("v2v-firstboot.log")).Contains("finished", StringComparison.Ordinal)); i++)
        {
            Thread.Sleep(100);
        }

        Assert.Equal("first", File.ReadAllText(wine.Windows("ran.txt")).Trim());
        Assert.Contains("1000-first ended with 0", File.ReadAllText(wine.Windows("v2v-firstboot.log")), StringComparison.Ordinal);
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

    /// <summary>Windows gave the new cards the names that the others had: each ends up with its own.</summary>
    [Fact]
    public void Cards_that_swapped_their_names_get_them_back()
    {
        wine.Clear();
        string names = Directory.CreateDirectory(wine.Windows("names")).FullName;
        (string Name, string Mac)[] cards = [("Ethernet", "00-50-56-00-00-02"), ("Ethernet 2", "00-50-56-00-00-01"), ("Ethernet 7", "00-50-56-00-00-03")];
        foreach ((string name, string mac) in cards)
        {
            File.WriteAllText(Path.Combine(names, name), mac + "\r\n");
        }

        string[] possible = ["Ethernet", "Ethernet 2", "Ethernet 7", "LAN (100)", "V2V 00-50-56-00-00-01", "V2V 00-50-56-00-00-02", "V2V 00-50-56-00-00-03"];
        File.WriteAllText(
            Program("getmac.cmd"),
            "@echo off\r\n" + string.Concat(possible.Select(p => $"if exist \"C:\\windows\\names\\{p}\" call :one \"{p}\"\r\n"))
            + "goto :eof\r\n:one\r\nset /p MAC=<\"C:\\windows\\names\\%~1\"\r\necho \"%~1\",\"Red Hat VirtIO\",\"%MAC%\",\"Media disconnected\"\r\ngoto :eof\r\n");

        // netsh interface set interface name="…" newname="…": the equals signs separate words. A name that is there already is refused.
        File.WriteAllText(Program("netsh.cmd"), "@echo off\r\nif exist \"C:\\windows\\names\\%~7\" goto :taken\r\nren \"C:\\windows\\names\\%~5\" \"%~7\"\r\ncmd /d /c exit 0\r\ngoto :eof\r\n:taken\r\ncmd /d /c exit 1\r\n");
        NetworkSettings[] wanted = [new(0, "00:50:56:00:00:01", "{0}", "Ethernet"), new(1, "00:50:56:00:00:02", "{0}", "Ethernet 2"), new(2, "00:50:56:00:00:03", "{0}", "LAN (100)")];
        Install(NetworkScript.Make(wanted, isOld: false)!);
        Boot();
        Dictionary<string, string> after = Directory.GetFiles(names).ToDictionary(f => File.ReadAllText(f).Trim(), f => Path.GetFileName(f)!);
        Assert.Equal(("Ethernet", "Ethernet 2", "LAN (100)"), (after["00-50-56-00-00-01"], after["00-50-56-00-00-02"], after["00-50-56-00-00-03"]));
    }

    /// <summary>A machine with three cards, of a real hive to which two were added: from the registry to the words of netsh.</summary>
    [Fact]
    public void Three_cards_with_static_addresses_of_both_protocols_keep_them()
    {
        wine.Clear();
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        guest.Nics.AddRange([new("00:50:56:8f:9e:01", "vmxnet3", "b", Core.Sources.NetworkType.Network), new("00:50:56:8f:9e:02", "vmxnet3", "c", Core.Sources.NetworkType.Network)]);
        guest.Edit("SYSTEM", hive =>
        {
            AddCard(hive, 1, "192.0.2.21");
            AddCard(hive, 2, "198.51.100.22");
        });
        IReadOnlyList<NetworkSettings> networks = guest.Run(new NetworkSettingsStep()).Windows.Networks;
        Assert.Equal(["00:0c:29:f3:ff:de", "00:50:56:8f:9e:01", "00:50:56:8f:9e:02"], networks.Select(n => n.MacAddress).Order());
        File.WriteAllText(
            Program("getmac.cmd"),
            "@echo \"Ethernet\",\"VirtIO\",\"00-50-56-8F-9E-02\",\"x\"\r\n@echo \"Ethernet 2\",\"VirtIO\",\"00-0C-29-F3-FF-DE\",\"x\"\r\n@echo \"Ethernet 3\",\"VirtIO\",\"00-50-56-8F-9E-01\",\"x\"\r\n");
        Install(NetworkScript.Make(networks, isOld: false)!);
        Boot();
        string[] called = [.. Called().Split('\n').Select(l => l.TrimEnd())];
        foreach ((string name, string address, int number) in ((string, string, int)[])[("LAN 1", "192.0.2.21", 1), ("LAN 2", "198.51.100.22", 2)])
        {
            Assert.Contains($"netsh interface ipv4 set address name=\"{name}\" source=static address={address} mask=255.255.255.0 gateway={address[..address.LastIndexOf('.')]}.1", called);
            Assert.Contains($"netsh interface ipv6 add address interface=\"{name}\" address=2001:db8::{number}/64", called);
        }

        Assert.Contains("netsh interface set interface name=\"Ethernet 2\" newname=\"Ethernet0\"", called);
        Assert.DoesNotContain(called, l => l.Contains("\"Ethernet0\" source=static", StringComparison.Ordinal));
        Assert.DoesNotContain("shutdown", Called(), StringComparison.Ordinal);
    }

    [Fact]
    public void Windows_XP_is_told_in_its_own_words()
    {
        wine.Clear();
        File.WriteAllText(wine.Windows("system32/getmac.exe"), "");
        File.WriteAllText(Program("getmac.cmd"), "@echo \"LAN\",\"VirtIO\",\"00-50-56-AA-BB-CC\",\"x\"\r\n");
        var network = new NetworkSettings(0, "00:50:56:aa:bb:cc", "{0}", "LAN")
        {
            IsDhcp = false,
            Addresses = [new NetworkAddress("192.0.2.7", 24), new NetworkAddress("192.0.2.8", 25)],
            Gateways = [new NetworkGateway("192.0.2.1", 0)],
            DnsServers = ["192.0.2.3", "192.0.2.4"],
            WinsServers = ["192.0.2.5"],
        };
        Install(NetworkScript.Make([network], isOld: true)!);
        Boot();
        Assert.Equal(
            [
                "netsh interface ip set address name=\"LAN\" source=static addr=192.0.2.7 mask=255.255.255.0",
                "netsh interface ip add address name=\"LAN\" addr=192.0.2.8 mask=255.255.255.128",
                "netsh interface ip add address name=\"LAN\" gateway=192.0.2.1 gwmetric=1",
                "netsh interface ip set dns name=\"LAN\" source=static addr=192.0.2.3",
                "netsh interface ip add dns name=\"LAN\" addr=192.0.2.4 index=2",
                "netsh interface ip set wins name=\"LAN\" source=static addr=192.0.2.5",
            ],
            Called().Split('\n').Where(l => l.StartsWith("netsh", StringComparison.Ordinal)).Select(l => l.TrimEnd()));

        // Windows XP Home has no getmac: that is logged, and nobody waits for it.
        File.Delete(wine.Windows("system32/getmac.exe"));
        Install(NetworkScript.Make([network], isOld: true)!);
        Boot();
        Assert.Contains("there is no getmac.exe", File.ReadAllText(wine.Windows("v2v-firstboot.log")), StringComparison.Ordinal);
        Assert.DoesNotContain("netsh", Called(), StringComparison.Ordinal);
    }

    /// <summary>A script during which the machine stops every time cannot make it start for ever.</summary>
    [Fact]
    public void After_six_starts_what_is_left_is_given_up()
    {
        wine.Clear();
        Install(new FirstBootScript(1000, "deadly", "@echo off\n>>\"%SystemRoot%\\ran.txt\" echo ran\nexit /b 3010\n"));
        File.WriteAllText(Path.Combine(Folder, "boot.txt"), "6\r\n");
        File.WriteAllText(Path.Combine(Folder, "scripts", "1000-deadly.cmd.tries"), "6\r\n");
        Assert.Empty(Boot());
        Assert.DoesNotContain("shutdown", Called(), StringComparison.Ordinal);
        Assert.Contains("sc delete v2v-firstboot", Called(), StringComparison.Ordinal);
        string log = File.ReadAllText(wine.Windows("v2v-firstboot.log"));
        Assert.Contains("giving up what is left", log, StringComparison.Ordinal);
        Assert.Contains("1000-deadly.cmd", log, StringComparison.Ordinal);
    }

    [Fact]
    public void Balloon_disk_policy_and_the_users_scripts_run_and_are_logged()
    {
        wine.Clear();
        Install(DiskPolicyScript.Make(new SanPolicy(3))!, new FirstBootScript(6000, "user", "@echo off\ncall \"%SystemRoot%\\V2V\\files\\6000-join domain.cmd\"\nexit /b %ERRORLEVEL%\n"));
        Directory.CreateDirectory(Path.Combine(Folder, "files"));
        File.WriteAllText(Path.Combine(Folder, "files", "6000-join domain.cmd"), "@echo off\r\n>>\"%SystemRoot%\\ran.txt\" echo joined\r\necho said by the script\r\n");
        Assert.Equal(["joined"], Boot());
        Assert.Contains(@"reg add ""HKLM\SYSTEM\CurrentControlSet\Services\partmgr\Parameters"" /v SanPolicy /t REG_DWORD /d 3 /f", Called(), StringComparison.Ordinal);
        Assert.Contains("said by the script", File.ReadAllText(wine.Windows("v2v-firstboot.log")), StringComparison.Ordinal);

        wine.Clear();
        Install(DiskPolicyScript.Make(new SanPolicy(null))!);
        Boot();
        Assert.Contains(@"reg delete ""HKLM\SYSTEM\CurrentControlSet\Services\partmgr\Parameters"" /v SanPolicy /f", Called(), StringComparison.Ordinal);
    }

    [Fact]
    public void Parallels_Tools_are_asked_to_go_and_what_is_left_is_deleted()
    {
        wine.Clear();
        File.WriteAllText(Program("msiexec.cmd"), "@echo off\r\n>>\"%SystemRoot%\\called.txt\" echo msiexec %*\r\ncmd /d /c exit 1603\r\n");
        var found = new AdditionsFound(
            "Parallels Tools",
            [new InstalledProgram(@"SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall\{AF174E64-22CF-4386-A9B5-73DFC6B49E4D}", "Parallels Tools", "{AF174E64-22CF-4386-A9B5-73DFC6B49E4D}", "")],
            ["prl_tg"], [], []);
        Install(AdditionsScript.Make(found, new Version(6, 3, 9600), 4000));
        Boot();
        string called = Called();
        Assert.Contains("reg delete HKLM\\SYSTEM\\CurrentControlSet\\Services\\prl_strg\\DriverInfo /v RefCount /f", called, StringComparison.Ordinal);
        Assert.Contains("msiexec /x {AF174E64-22CF-4386-A9B5-73DFC6B49E4D} /qn /norestart REBOOT=ReallySuppress REMOVE=ALL PREVENT_REBOOT", called, StringComparison.Ordinal);
        Assert.Contains("what is left of it is deleted", File.ReadAllText(wine.Windows("v2v-firstboot.log")), StringComparison.Ordinal);
        Assert.Contains("sc delete \"prl_tg\"", called, StringComparison.Ordinal);
        Assert.Contains(@"WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall\{AF174E64", called, StringComparison.Ordinal);
        Assert.DoesNotContain("shutdown", called, StringComparison.Ordinal);
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

    /// <summary>A vmxnet3 card as Windows notes it, with static addresses of both protocols.</summary>
    private static void AddCard(Registry.RegistryHive hive, int number, string address)
    {
        const string Set = @"ControlSet001\", Class = Set + @"Control\Class\{4d36e972-e325-11ce-bfc1-08002be10318}\";
        string id = $"{{0000000{number}-0000-0000-0000-000000000001}}", device = $@"PCI\VEN_15AD&DEV_07B0&SUBSYS_07B015AD&REV_01\FF5650000{number}9E8FFE00";
        Registry.RegistryKey key = hive.Create($"{Class}002{number}");
        key.SetText("NetCfgInstanceId", id);
        key.SetText("DeviceInstanceID", device);
        key.SetNumber("*IfType", 6);
        key.SetNumber("NetLuidIndex", 0x7F00u + (uint)number);
        hive.Create($@"{Set}Enum\{device}").SetText("Driver", $@"{{4d36e972-e325-11ce-bfc1-08002be10318}}\002{number}");
        hive.Create($@"{Set}Control\Network\{{4D36E972-E325-11CE-BFC1-08002BE10318}}\{id}\Connection").SetText("Name", $"LAN {number}");
        Registry.RegistryKey v4 = hive.Create($@"{Set}Services\Tcpip\Parameters\Interfaces\{id}");
        v4.SetNumber("EnableDHCP", 0);
        v4.SetValue("IPAddress", Registry.RegistryValueType.MultiString, Registry.RegistryValue.Encode([address]));
        v4.SetValue("SubnetMask", Registry.RegistryValueType.MultiString, Registry.RegistryValue.Encode(["255.255.255.0"]));
        v4.SetValue("DefaultGateway", Registry.RegistryValueType.MultiString, Registry.RegistryValue.Encode([address[..address.LastIndexOf('.')] + ".1"]));
        byte[] entry = new byte[48];
        entry[16] = 64;
        string luid = Convert.ToHexString(BitConverter.GetBytes((6ul << 48) | ((0x7F00ul + (uint)number) << 24)));
        hive.Create(Set + @"Control\Nsi\{eb004a01-9b1a-11d4-9123-0050047759bc}\10").SetValue($"{luid}20010db800000000000000000000000{number}", Registry.RegistryValueType.Binary, entry);
    }

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
