using V2V.Core.Conversion;
using V2V.Core.Conversion.Windows.Settings;
using V2V.Core.Export;
using V2V.Core.Export.Machine;
using V2V.Core.Inspection.Windows.Network;
using V2V.Core.Sources;
using V2V.Registry;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion.Windows.Settings;

/// <summary>Network cards in the hives of real guests of VMware.</summary>
public class NetworkSettingsTests
{
    private const string Ethernet0 = "{5F3F359E-9D52-4566-9BEC-37EFDFB25ABE}";
    private const string Device = @"PCI\VEN_8086&DEV_10D3&SUBSYS_07D015AD&REV_00\000C29FFFFF3FFDE00";

    [Fact]
    public void Windows_10_notes_the_MAC_of_its_connections()
    {
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        ConversionContext context = guest.Run(new NetworkSettingsStep());
        NetworkSettings settings = Assert.Single(context.Windows.Networks);
        Assert.Equal(("00:0c:29:f3:ff:de", "Ethernet0", Ethernet0, true), (settings.MacAddress, settings.Name, settings.Interface, settings.IsDhcp));
        NicReport report = Assert.Single(context.Nics);
        Assert.Equal(("Ethernet0", "first-boot", "dhcp"), (report.InterfaceName, report.Binding, Assert.Single(report.Addresses)));
        Assert.Empty(guest.Warnings);
    }

    [Fact]
    public void The_old_card_is_gone_and_nothing_else()
    {
        using var directory = new TemporaryDirectory();
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        ConversionContext context = guest.Run(new NetworkSettingsStep());
        RegistryHive after = guest.Hive("SYSTEM"), before = RegistryHive.Open(new MemoryStream(guest.System), "before");
        string[] gone =
        [
            @"Enum\" + Device, @"Enum\PCI\VEN_8086&DEV_10D3&SUBSYS_07D015AD&REV_00", @"Control\Class\{4d36e972-e325-11ce-bfc1-08002be10318}\0002",
            @"Control\Network\{4D36E972-E325-11CE-BFC1-08002BE10318}\" + Ethernet0, @"Control\NetworkSetup2\Interfaces\" + Ethernet0,
            @"Services\Tcpip\Parameters\Interfaces\" + Ethernet0, @"Services\Tcpip\Parameters\Adapters\" + Ethernet0, @"Services\Tcpip6\Parameters\Interfaces\" + Ethernet0,
            @"Services\NetBT\Parameters\Interfaces\Tcpip_" + Ethernet0, @"Control\DeviceContainers\{ee78e1c7-77bb-11e9-ad75-806e6f6e6963}",
            @"Control\DeviceClasses\{ad498944-762f-11d0-8dcb-00c04fc3358c}\##?#PCI#VEN_8086&DEV_10D3&SUBSYS_07D015AD&REV_00#000C29FFFFF3FFDE00#{ad498944-762f-11d0-8dcb-00c04fc3358c}",
            @"Control\DeviceClasses\{cac88484-7515-4c03-82e6-71a87abac361}\##?#PCI#VEN_8086&DEV_10D3&SUBSYS_07D015AD&REV_00#000C29FFFFF3FFDE00#{cac88484-7515-4c03-82e6-71a87abac361}",
        ];
        foreach (string key in gone)
        {
            Assert.True(before.Find(@"ControlSet001\" + key) is not null, key);
            Assert.True(after.Find(@"ControlSet001\" + key) is null, key);
        }

        // What hivex exports differs in nothing but these keys.
        string[] old = Keys(HiveGuest.Export(directory, guest.System, "\\")), now = Keys(HiveGuest.Export(directory, context.Tree.ReadAllBytes("/Windows/System32/config/SYSTEM"), "\\"));
        Assert.Empty(now.Except(old));
        Assert.All(old.Except(now), k => Assert.Contains(gone, g => k.StartsWith(@"\ControlSet001\" + g, StringComparison.OrdinalIgnoreCase)));
    }

    [Fact]
    public void A_second_run_changes_nothing()
    {
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        Assert.NotEmpty(guest.Run(new NetworkSettingsStep()).Editor.Changes);
        Assert.Empty(guest.Run(new NetworkSettingsStep()).Editor.Changes);
    }

    [Fact]
    public void Static_addresses_of_Windows_7_are_told_apart_by_slot()
    {
        using HiveGuest guest = new(HiveGuest.Windows7, new Version(6, 1, 7601)) { Architecture = "i386" };
        guest.Nics.Clear();
        guest.Nics.AddRange([new("00:0C:29:11:22:33", "e1000", "a", NetworkType.Network), new("00:0c:29:44:55:66", "e1000", "b", NetworkType.Network)]);
        ConversionContext context = guest.Run(new NetworkSettingsStep());
        Assert.Equal(["00:0c:29:11:22:33", "00:0c:29:44:55:66"], context.Windows.Networks.Select(n => n.MacAddress));
        NetworkSettings first = context.Windows.Networks[0], second = context.Windows.Networks[1];
        Assert.Equal(("Local Area Connection", false, "192.168.1.123/24", "255.255.255.0"), (first.Name, first.IsDhcp, Assert.Single(first.Addresses).ToString(), first.Addresses[0].Mask));
        Assert.Equal(("192.168.1.1", "192.168.1.112"), (Assert.Single(first.Gateways).Address, Assert.Single(first.DnsServers)));
        Assert.Equal(("10.3.58.5/24", "10.3.58.1", "10.3.58.4"), (Assert.Single(second.Addresses).ToString(), Assert.Single(second.Gateways).Address, Assert.Single(second.DnsServers)));
        Assert.All(context.Windows.ControlSets, s => Assert.Empty(guest.Hive("SYSTEM").Get(s + @"\Control\Nsi\{eb004a00-9b1a-11d4-9123-0050047759bc}\10").Values));
    }

    [Fact]
    public void A_card_that_nothing_tells_keeps_its_connection()
    {
        using HiveGuest guest = new(HiveGuest.Windows7, new Version(6, 1, 7601)) { Architecture = "i386" };
        ConversionContext context = guest.Run(new NetworkSettingsStep());
        Assert.Empty(context.Windows.Networks);
        Assert.Contains(guest.Warnings, w => w.Contains("192.168.1.123/24", StringComparison.Ordinal));
        Assert.NotNull(guest.Hive("SYSTEM").Find(@"ControlSet001\services\Tcpip\Parameters\Interfaces\{6AAFC9A9-0542-4DB2-8760-CCFFA953737C}"));
        Assert.Equal("none", Assert.Single(context.Nics).Binding);
    }

    [Fact]
    public void A_card_without_MAC_has_on_the_target_the_one_that_Windows_noted()
    {
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        guest.Nics[0] = guest.Nics[0] with { MacAddress = null };
        ConversionContext context = guest.Run(new NetworkSettingsStep());
        NetworkSettings settings = Assert.Single(context.Windows.Networks);
        Assert.Equal((0, "00:0c:29:f3:ff:de", "Ethernet0"), (settings.Index, settings.MacAddress, settings.Name));
        Assert.Equal("00:0c:29:f3:ff:de", Assert.Single(Exported(context).Nics).MacAddress);
    }

    [Fact]
    public void A_card_whose_MAC_nobody_knows_gets_one_by_which_its_settings_are_found()
    {
        using HiveGuest guest = new(HiveGuest.Windows7, new Version(6, 1, 7601)) { Architecture = "i386" };
        guest.Nics.Clear();
        guest.Nics.AddRange([new(null, "e1000", "a", NetworkType.Network), new(null, "e1000", "b", NetworkType.Network)]);
        ConversionContext context = guest.Run(new NetworkSettingsStep());
        Assert.Equal(["192.168.1.123/24", "10.3.58.5/24"], context.Windows.Networks.Select(n => Assert.Single(n.Addresses).ToString()));
        Assert.All(context.Windows.Networks, n => Assert.StartsWith("52:54:00:", n.MacAddress, StringComparison.Ordinal));
        Assert.Equal(context.Windows.Networks.Select(n => n.MacAddress), Exported(context).Nics.Select(n => n.MacAddress));
    }

    [Fact]
    public void A_card_of_another_machine_is_not_taken_for_the_only_one()
    {
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        guest.Nics[0] = guest.Nics[0] with { MacAddress = "00:50:56:01:02:03" };
        Assert.Empty(guest.Run(new NetworkSettingsStep()).Windows.Networks);
    }

    [Theory]
    [InlineData("FF565000CE9E8FFE00", "00:50:56:8f:9e:ce")]
    [InlineData("000C29FFFFF3FFDE00", "00:0c:29:f3:ff:de")]
    [InlineData("005056FFFE8F9ECE00", "00:50:56:8f:9e:ce")]
    public void Serial_numbers_name_MACs(string instance, string mac)
    {
        var card = new NetworkCard("{0}", @"PCI\VEN_15AD&DEV_07B0&SUBSYS_07B015AD&REV_01\" + instance, "0001") { Name = "Ethernet" };
        var other = new NetworkCard("{1}", @"PCI\VEN_15AD&DEV_07B0&SUBSYS_07B015AD&REV_01\FF565000AAAAAAFE00", "0002") { Name = "Ethernet 2" };
        IReadOnlyList<SourceNic> nics = [new("00:50:56:00:00:01", "vmxnet3", "a", NetworkType.Network), new(mac, "vmxnet3", "b", NetworkType.Network)];
        Assert.Equal(1, NetworkCards.Match([other, card], nics)[card]);
    }

    [Fact]
    public void Cards_of_an_older_Windows_are_told_by_their_models_and_order()
    {
        NetworkCard Card(string device, uint slot) => new(Guid.NewGuid().ToString("B"), device, "0001") { Slot = slot };
        NetworkCard first = Card(@"PCI\VEN_8086&DEV_100F&SUBSYS_075015AD&REV_01\3&1", 33), second = Card(@"PCI\VEN_8086&DEV_100F&SUBSYS_075015AD&REV_01\3&2", 34);
        NetworkCard ghost = Card(@"PCI\VEN_1022&DEV_2000&SUBSYS_20001022&REV_10\3&3", 32);
        IReadOnlyList<SourceNic> nics = [new("00:50:56:00:00:01", "e1000", "a", NetworkType.Network), new("00:50:56:00:00:02", "e1000", "b", NetworkType.Network)];
        IReadOnlyDictionary<NetworkCard, int> matches = NetworkCards.Match([ghost, first, second], nics);
        Assert.Equal((0, 1, false), (matches[first], matches[second], matches.ContainsKey(ghost)));
        Assert.Empty(NetworkCards.Match([ghost, first, second], [nics[0]]));
        Assert.Equal(0, NetworkCards.Match([ghost, first, second], [nics[0] with { Model = "pcnet32" }])[ghost]);
    }

    [Fact]
    public void IPv6_addresses_and_gateways_come_from_the_network_store()
    {
        // The layout of IPv4's tables in the real hive, with addresses of sixteen bytes.
        const string Luid = "0000000180000600", Store = @"ControlSet001\Control\Nsi\{eb004a01-9b1a-11d4-9123-0050047759bc}\";
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        guest.Edit("SYSTEM", hive =>
        {
            byte[] address = new byte[48];
            address.AsSpan().Fill(0xFF);
            address[16] = 56;
            hive.Create(Store + "10").SetValue(Luid + "20010db8000000000000000000000007", RegistryValueType.Binary, address);
            hive.Create(Store + "10").SetValue("000000028000060020010db8000000000000000000000008", RegistryValueType.Binary, address);
            hive.Create(Store + "16").SetValue(new string('0', 96) + Luid + Luid + "fe800000000000000000000000000001", RegistryValueType.Binary, new byte[48]);
            hive.Create(@"ControlSet001\Services\Tcpip6\Parameters\Interfaces\" + Ethernet0).SetText("NameServer", "2001:db8::53,junk");
        });
        NetworkSettings settings = Assert.Single(guest.Run(new NetworkSettingsStep()).Windows.Networks);
        Assert.Equal(("2001:db8::7/56", "fe80::1", "2001:db8::53"), (Assert.Single(settings.AddressesV6).ToString(), Assert.Single(settings.GatewaysV6).Address, Assert.Single(settings.DnsServersV6)));
        Assert.Equal("000000028000060020010db8000000000000000000000008", Assert.Single(guest.Hive("SYSTEM").Get(Store + "10").Values).Name);
    }

    [Fact]
    public void Addresses_that_the_user_gives_come_first()
    {
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        guest.Options = new ConversionOptions { StaticAddresses = [StaticAddress.Parse("00:0C:29:F3:FF:DE:ip:192.0.2.7,192.0.2.1,25,192.0.2.3")] };
        NetworkSettings settings = Assert.Single(guest.Run(new NetworkSettingsStep()).Windows.Networks);
        Assert.Equal(("Ethernet0", false, "192.0.2.7/25", "255.255.255.128", "192.0.2.1", "192.0.2.3"),
            (settings.Name, settings.IsDhcp, settings.Addresses[0].ToString(), settings.Addresses[0].Mask, settings.Gateways[0].Address, Assert.Single(settings.DnsServers)));
    }

    [Fact]
    public void What_is_no_address_does_not_get_into_a_command()
    {
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        guest.Edit("SYSTEM", hive =>
        {
            RegistryKey key = hive.Get(@"ControlSet001\Services\Tcpip\Parameters\Interfaces\" + Ethernet0);
            key.SetNumber("EnableDHCP", 0);
            key.SetValue("IPAddress", RegistryValueType.MultiString, RegistryValue.Encode(["1.2.3.4 & calc", "192.0.2.9", "0.0.0.0", "7"]));
            key.SetValue("SubnetMask", RegistryValueType.MultiString, RegistryValue.Encode(["255.0.0.0", "255.255.255.240"]));
            key.SetText("NameServer", "192.0.2.3,x&y");
            key.SetText("Domain", "a&b");
        });
        NetworkSettings settings = Assert.Single(guest.Run(new NetworkSettingsStep()).Windows.Networks);
        Assert.Equal(("192.0.2.9/28", "192.0.2.3", ""), (Assert.Single(settings.Addresses).ToString(), Assert.Single(settings.DnsServers), settings.DnsSuffix));
    }

    private static TargetMachine Exported(ConversionContext context) => TargetMachineBuilder.Build(
        context.Source, new V2VOverlay { Source = context.Source, Inspection = context.Inspection, Capabilities = context.Capabilities, Nics = context.Nics }, "name", new ExportOptions(), [], []);

    private static string[] Keys(string export) => [.. export.Split('\n').Where(l => l.StartsWith('[')).Select(l => l[1..^1])];
}
