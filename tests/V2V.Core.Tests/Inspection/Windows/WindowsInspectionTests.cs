using V2V.Core.Inspection;
using V2V.Core.Inspection.Windows;
using V2V.Core.Sources;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Inspection.Windows;

/// <summary>Real SYSTEM hives in phony Windows guests.</summary>
public class WindowsInspectionTests
{
    private const string Windows11 = """
        [\Microsoft\Windows NT\CurrentVersion]
        "ProductName"="Windows 10 Pro"
        "EditionID"="Professional"
        "InstallationType"="Client"
        "CurrentVersion"="6.3"
        "CurrentMajorVersionNumber"=dword:0000000a
        "CurrentMinorVersionNumber"=dword:00000000
        "CurrentBuildNumber"="22631"
        "UBR"=dword:00000d32

        [\Microsoft\Windows Defender]

        [\Microsoft\Windows\CurrentVersion\Group Policy\History\{35378EAC-683F-11D2-A89A-00C04FBBCFA2}]

        [\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired]

        [\Microsoft\Windows\CurrentVersion\Uninstall\{0A1B2C3D-0000-0000-0000-000000000001}]
        "DisplayName"="VMware Tools"
        "DisplayVersion"="12.3.5.22544099"
        "Publisher"="VMware, Inc."

        [\Microsoft\Windows\CurrentVersion\Uninstall\Sophos]
        "DisplayName"="Sophos Endpoint Agent"
        "DisplayVersion"="2024.1"

        [\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall\Notepad++]
        "DisplayName"="Notepad++ (32-bit x86)"
        "DisplayVersion"="8.6"

        """;

    private const string Windows7 = """
        [\Microsoft\Windows NT\CurrentVersion]
        "ProductName"="Windows 7 Ultimate"
        "EditionID"="Ultimate"
        "InstallationType"="Client"
        "CurrentVersion"="6.1"
        "CurrentBuildNumber"="7601"

        """;

    [Fact]
    public void A_Windows_11_is_told_by_its_build()
    {
        using var directory = new TemporaryDirectory();
        V2VInspection found = TestDisk.Inspect([PhonyWindows.Make(directory, "regipy/SYSTEM_WIN_10_1709.xz", Windows11, machine: 0x8664)]);
        Assert.Equal(("windows", "windows", "Windows 11 Pro", "10.0.22631", "x86_64", "win11"),
            (found.OsType, found.Distro, found.ProductName, found.Version.ToString(), found.Architecture, found.OsInfoId));
        Assert.Equal("sda1", found.RootDevice);
        WindowsInfo windows = Assert.IsType<WindowsInfo>(found.Windows);
        Assert.Equal(("/Windows", "ControlSet001", "Professional", "Client", 3378), (windows.SystemRoot, windows.ControlSet, windows.Edition, windows.InstallationType, windows.Revision));
        Assert.Equal((true, true, true, false), (windows.HasGroupPolicy, windows.IsRebootPending, windows.HasDefender, windows.IsHibernated));
        Assert.Equal(["Sophos Endpoint Agent"], windows.Antivirus);
        Assert.Equal([("VMware Tools", "x86_64"), ("Sophos Endpoint Agent", "x86_64"), ("Notepad++ (32-bit x86)", "i386")],
            found.Applications.Select(a => (a.Name, a.Architecture)).OrderByDescending(a => a.Name == "VMware Tools").ThenByDescending(a => a.Architecture));
        Assert.Equal("vmware-tools", Assert.Single(found.GuestTools).Name);
        Assert.Contains(windows.DriveLetters, d => d.Letter == 'C');
        Assert.NotEmpty(found.HostName);
        Assert.Empty(found.Blockers);
    }

    [Fact]
    public void A_Windows_7_tells_its_name_domain_and_addresses()
    {
        using var directory = new TemporaryDirectory();
        V2VInspection found = TestDisk.Inspect([PhonyWindows.Make(directory, "regipy/SYSTEM.xz", Windows7, machine: 0x14C)]);
        Assert.Equal(("Windows 7 Ultimate", "6.1.7601", "i386", "win7", "WKS-WIN732BITA"),
            (found.ProductName, found.Version.ToString(), found.Architecture, found.OsInfoId, found.HostName.ToUpperInvariant()));
        Assert.Equal(("shieldbase.local", false), (found.Windows!.Domain, found.Windows.IsRegistryDirty));
        NetworkInfo network = Assert.Single(found.Networks, n => n.Addresses.Contains("10.3.58.5/24"));
        Assert.Equal(("static", "10.3.58.1", "10.3.58.4"), (network.Method, network.Gateway, Assert.Single(network.DnsServers)));
        Assert.Equal(new DriveLetterInfo('C', null), Assert.Single(found.Windows.DriveLetters));
        VolumeInfo volume = Assert.Single(found.Volumes, v => v.Device == "sda1");
        var letters = new V2VInspection { Source = found.Source, RootDevice = "sda1", Volumes = found.Volumes, Windows = found.Windows with { DriveLetters = [new('C', "sda1"), new('E', null)] } };
        Assert.Equal(
            [new DriveLetterReport(found.Source.Name, "C:", "sda1", "ntfs", "Windows", volume.Length, volume.FreeBytes, true), new(found.Source.Name, "E:", null, null, null, null, null, false)],
            DriveLetterReport.Of(letters));
    }

    /// <summary>The real hive's connection, its card told by the MAC that Windows noted, and an IPv6 address that only the network store has.</summary>
    [Fact]
    public void Each_connection_tells_its_card_and_both_protocols()
    {
        const string Interface = "{5F3F359E-9D52-4566-9BEC-37EFDFB25ABE}", Luid = "0000000180000600";
        using var directory = new TemporaryDirectory();
        string changes = $"""
            [\ControlSet001\Control\Nsi\{"{eb004a01-9b1a-11d4-9123-0050047759bc}"}\10]
            "{Luid}20010db8000000000000000000000007"=hex:{string.Join(',', Enumerable.Range(0, 48).Select(i => i == 16 ? "38" : "00"))}

            [\ControlSet001\Services\Tcpip6\Parameters\Interfaces\{Interface}]
            "NameServer"="2001:db8::53"

            """;
        string disk = PhonyWindows.Make(directory, "regipy/SYSTEM_WIN_10_1709.xz", Windows11, 0x8664, changes);
        V2VSource imported = SourceImporter.ImportDisks([disk], new SourceOptions { Name = "windows", DiskFormat = "raw" });
        var source = new V2VSource
        {
            Name = "windows",
            Path = imported.Path,
            Disks = imported.Disks,
            Nics = [new("00:50:56:00:00:01", "vmxnet3", "a", NetworkType.Network), new("00:0C:29:F3:FF:DE", "e1000e", "b", NetworkType.Network)],
        };
        NetworkInfo network = Assert.Single(GuestInspector.Inspect(source, new InspectionOptions(), SilentObserver.Instance).Networks, n => n.InterfaceName == "Ethernet0");
        Assert.Equal(("00:0c:29:f3:ff:de", "dhcp", "2001:db8::7/56"), (network.MacAddress, network.Method, Assert.Single(network.Addresses)));
        Assert.Contains("2001:db8::53", network.DnsServers);
    }

    [Theory]
    [InlineData("5.1", "2600", "Microsoft Windows XP", "", "winxp")]
    [InlineData("5.2", "3790", "Microsoft Windows Server 2003 R2", "", "win2k3r2")]
    [InlineData("6.0", "6002", "Windows Server (R) 2008 Standard", "Server", "win2k8")]
    [InlineData("6.1", "7601", "Windows Server 2008 R2 Standard", "Server", "win2k8r2")]
    [InlineData("6.3", "9600", "Windows Server 2012 R2 Standard", "Server", "win2k12r2")]
    [InlineData("10.0", "14393", "Windows Server 2016 Standard", "Server", "win2k16")]
    [InlineData("10.0", "17763", "Windows Server 2019 Standard", "Server Core", "win2k19")]
    [InlineData("10.0", "20348", "Windows Server 2022 Standard", "Server", "win2k22")]
    [InlineData("10.0", "26100", "Windows Server 2025 Standard", "Server", "win2k25")]
    [InlineData("10.0", "19045", "Windows 10 Pro", "Client", "win10")]
    [InlineData("10.0", "22000", "Windows 10 Pro", "Client", "win11")]
    public void The_release_is_told_as_osinfo_names_it(string version, string build, string product, string type, string expected) =>
        Assert.Equal(expected, new WindowsRelease(Version.Parse(version + "." + build), product, "", type, null).OsInfoId);
}
