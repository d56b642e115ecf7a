using System.Text;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Network;
using V2V.Core.Sources;
using V2V.Core.Tests.Guest;
using V2V.Testing;
using Xunit;
using YamlDotNet.Core;

namespace V2V.Core.Tests.Inspection;

public class NetworkTests
{
    private const string Mac0 = "00:50:56:00:00:01", Mac1 = "00:50:56:00:00:02";

    private static V2VSource Source(string hypervisor, int nics, Dictionary<string, string>? extra = null) => new()
    {
        Name = "vm",
        Path = "/vm.ova",
        Hypervisor = hypervisor,
        Nics = [.. Enumerable.Range(1, nics).Select(i => new SourceNic($"00:50:56:00:00:0{i}", "vmxnet3", "net", NetworkType.Network))],
        ExtraConfig = extra ?? [],
    };

    private static NetworkInfo Only(V2VSource source, params (string, string)[] files) => Assert.Single(NetworkReader.Read(Guests.Context(files), source).Networks);

    [Fact]
    public void IfupdownIsRead()
    {
        var root = new MemoryFileSystem().Add("/etc/network/interfaces", """
            # comment
            source interfaces.d/*
            auto lo ens192
            iface lo inet loopback
            allow-hotplug ens224
            iface ens192 inet static
                address 10.0.2.77
                netmask 255.255.255.0
                gateway 10.0.2.2 # no comment here
                dns-nameservers 10.0.2.3 \
                    10.0.2.4
            iface ens192 inet6 static
                address 2001:db8::7/64
            iface ens192:1 inet static
                address 10.0.3.77/16
            iface br0 inet dhcp
                bridge_ports ens224
            """).Add("/etc/network/interfaces.d/second", "iface ens224 inet dhcp\n").Add("/etc/network/interfaces.d/skipped.bak~", "iface bad inet dhcp\n");
        List<NetworkInfo> networks = NetworkReader.Read(Guests.Context(root), Source("vmware", 2)).Networks;
        Assert.Equal(["ens192", "br0", "ens224", "bad"], networks.Select(n => n.InterfaceName));
        Assert.Equal(("static", "ifupdown", "/etc/network/interfaces"), (networks[0].Method, networks[0].Configuration, networks[0].ConfigPath));
        Assert.Equal(["10.0.2.77/24", "2001:db8::7/64", "10.0.3.77/16"], networks[0].Addresses);
        Assert.Equal("10.0.2.2", networks[0].Gateway);
        Assert.Equal(["10.0.2.3", "10.0.2.4"], networks[0].DnsServers);
        Assert.Equal((null, "dhcp"), (networks[1].MacAddress, networks[1].Method));
        Assert.Equal("/etc/network/interfaces.d/second", networks[2].ConfigPath);
    }

    [Fact]
    public void IfupdownDirectoryTakesPlainNamesOnly()
    {
        NetworkInfo network = Only(Source("vmware", 1), ("/etc/network/interfaces", "source-directory /etc/network/interfaces.d\n"),
            ("/etc/network/interfaces.d/eth0", "iface eth0 inet dhcp"), ("/etc/network/interfaces.d/eth1.bak", "iface eth1 inet dhcp"));
        Assert.Equal(("eth0", Mac0), (network.InterfaceName, network.MacAddress));
    }

    [Fact]
    public void SourcesThatNameEachOtherEnd()
    {
        Only(Source("vmware", 1), ("/etc/network/interfaces", "source /etc/network/*\niface eth0 inet dhcp\n"), ("/etc/network/loop", "source interfaces\nsource loop\n"));
        IfupdownReader.Read(Guests.Context(("/etc/network/interfaces", "source " + string.Concat(Enumerable.Repeat("/*", 2000)))));
    }

    [Fact]
    public void RealInterfacesFileIsRead()
    {
        MemoryFileSystem root = Guests.FromFolder(Corpus.Require("linux-inspection/augeas-root"));
        List<InterfaceConfig> configs = [.. IfupdownReader.Read(Guests.Context(root))];
        Assert.Equal(["eth0", "eth0-0", "eth0-2", "eth0-3", "adsl0"], configs.Select(c => c.Name));
        Assert.Equal(["134.158.129.99/23"], configs[1].Addresses);
        Assert.Equal("134.158.128.1", configs[1].Gateway);
    }

    [Fact]
    public void NetplanIsReadAndMerged()
    {
        var root = new MemoryFileSystem().Add("/etc/netplan/00-installer.yaml", """
            network:
              version: 2
              ethernets:
                ens160:
                  dhcp4: true
                  nameservers: {addresses: [1.1.1.1]}
                lan:
                  match: {macaddress: "00:50:56:00:00:02"}
                  set-name: lan0
                  addresses: [192.0.2.5/24, {"2001:db8::5/64": {label: x}}]
                  routes:
                    - to: default
                      via: 192.0.2.1
                byMac:
                  match:
                    macaddress: 00:50:56:00:00:03
                  dhcp6: yes
              vlans:
                vlan7: {id: 7, link: ens160, addresses: ["198.51.100.2/24"]}
            """).Add("/etc/netplan/50-cloud.yaml", "network:\n  ethernets:\n    ens160:\n      dhcp4: false\n      addresses: [10.0.0.5/8]\n      gateway4: 10.0.0.1\n");
        List<NetworkInfo> networks = NetworkReader.Read(Guests.Context(root), Source("vmware", 3)).Networks;
        Assert.Equal(["ens160", "lan0", "", "vlan7"], networks.Select(n => n.InterfaceName));
        Assert.Equal([Mac0, Mac1, "00:50:56:00:00:03", null], networks.Select(n => n.MacAddress));
        Assert.Equal(["static", "static", "dhcp", "static"], networks.Select(n => n.Method));
        Assert.Equal(("10.0.0.5/8", "10.0.0.1"), (networks[0].Addresses[0], networks[0].Gateway));
        Assert.Equal(["1.1.1.1"], networks[0].DnsServers);
        Assert.Equal(["192.0.2.5/24", "2001:db8::5/64"], networks[1].Addresses);
        Assert.Equal("192.0.2.1", networks[1].Gateway);
    }

    [Theory]
    [InlineData("a: &x [*x]")]
    [InlineData("a: &a [1,2]\nb: *a")]
    [InlineData("{")]
    [InlineData("a: b: c")]
    public void OddYamlIsAWarning(string text)
    {
        InspectionContext context = Guests.Context(new MemoryFileSystem().Add("/etc/netplan/x.yaml", text), out List<string> warnings);
        Assert.Empty(NetplanReader.Read(context));
        Assert.Single(warnings);
    }

    [Fact]
    public void DeepYamlIsRefused()
    {
        Assert.Throws<YamlException>(() => NetplanReader.Parse("x", string.Concat(Enumerable.Repeat("[", 100_000)), []));
        Assert.Throws<YamlException>(() => NetplanReader.Parse("x", string.Concat(Enumerable.Repeat("{a: ", 10_000)), []));
    }

    [Fact]
    public void NetworkdIsReadWithDropIns()
    {
        var root = new MemoryFileSystem().Add("/etc/systemd/network/10-lan.network", """
            [Match]
            Name=ens192
            [Network]
            Address=10.1.0.5/16
            DNS=10.1.0.1 10.1.0.2
            [Address]
            Address=10.1.0.6/16
            [Route]
            Destination=10.9.0.0/16
            Gateway=10.1.0.9
            [Route]
            Gateway=10.1.0.1
            """).Add("/etc/systemd/network/10-lan.network.d/more.conf", "[Network]\nDNS=\nDNS=9.9.9.9\n")
            .Add("/etc/systemd/network/20-mac.network", "[Match]\nMACAddress=00-50-56-00-00-02\n[Network]\nDHCP=ipv4\n")
            .Add("/usr/lib/systemd/network/80-wifi.network", "[Match]\nType=wlan\n[Network]\nDHCP=yes\n")
            .Add("/usr/lib/systemd/network/10-lan.network", "[Match]\nName=never\n");
        List<NetworkInfo> networks = NetworkReader.Read(Guests.Context(root), Source("vmware", 2)).Networks;
        Assert.Equal(2, networks.Count);
        Assert.Equal(["10.1.0.5/16", "10.1.0.6/16"], networks[0].Addresses);
        Assert.Equal(("10.1.0.1", "static", Mac0), (networks[0].Gateway, networks[0].Method, networks[0].MacAddress));
        Assert.Equal(["9.9.9.9"], networks[0].DnsServers);
        Assert.Equal(("dhcp", Mac1), (networks[1].Method, networks[1].MacAddress));
    }

    [Fact]
    public void NetworkManagerKeyfilesAreRead()
    {
        NetworkInfo network = Only(Source("vmware", 1), ("/etc/NetworkManager/system-connections/a.nmconnection", """
            [connection]
            id=Wired
            type=ethernet
            [ethernet]
            mac-address=00:50:56:00:00:01
            [ipv4]
            method=manual
            address1=192.0.2.9/25,192.0.2.1
            dns=192.0.2.3;192.0.2.4;
            [ipv6]
            addr-gen-mode=stable-privacy
            method=auto
            """), ("/etc/NetworkManager/system-connections/wifi", "[connection]\ntype=wifi\n"), ("/etc/systemd/network/70-old.link", "[Match]\nMACAddress=00:50:56:00:00:01\n[Link]\nName=wired0\n"));
        Assert.Equal(("wired0", Mac0, "static", "192.0.2.1"), (network.InterfaceName, network.MacAddress, network.Method, network.Gateway));
        Assert.Equal(["192.0.2.9/25"], network.Addresses);
        Assert.Equal(["192.0.2.3", "192.0.2.4"], network.DnsServers);
    }

    [Fact]
    public void IfcfgFilesAreRead()
    {
        var root = new MemoryFileSystem().Add("/etc/sysconfig/network-scripts/ifcfg-ens192", """
            TYPE="Ethernet"
            BOOTPROTO="none"
            DEVICE="ens192"
            HWADDR="00:50:56:00:00:02"
            IPADDR="10.2.0.5"
            PREFIX="24"
            IPADDR1=10.3.0.5
            NETMASK1=255.255.0.0
            GATEWAY="10.2.0.1"
            DNS1="10.2.0.53"
            IPV6ADDR=2001:db8::9/48
            """).Add("/etc/sysconfig/network-scripts/ifcfg-ens160", "DEVICE=ens160\nBOOTPROTO=dhcp\n").Add("/etc/sysconfig/network-scripts/ifcfg-ens160.bak", "DEVICE=no\n")
            .Add("/etc/sysconfig/network-scripts/ifcfg-lo", "DEVICE=lo\n").Add("/etc/sysconfig/network-scripts/ifcfg-ens160:1", "DEVICE=ens160:1\nIPADDR=10.9.9.9\nNETMASK=255.0.0.0\n");
        List<NetworkInfo> networks = NetworkReader.Read(Guests.Context(root), Source("vmware", 2)).Networks;
        Assert.Equal(["ens160", "ens192"], networks.Select(n => n.InterfaceName));
        Assert.Equal([Mac0, Mac1], networks.Select(n => n.MacAddress));
        Assert.Equal(["10.9.9.9/8"], networks[0].Addresses);
        Assert.Equal(["10.2.0.5/24", "10.3.0.5/16", "2001:db8::9/48"], networks[1].Addresses);
        Assert.Equal(["10.2.0.53"], networks[1].DnsServers);
    }

    [Fact]
    public void SuseFilesAreReadWithTheirRoutes()
    {
        NetworkInfo network = Only(Source("vmware", 1), ("/etc/sysconfig/network/ifcfg-eth0", "BOOTPROTO='static'\nSTARTMODE='auto'\nIPADDR='192.0.2.7/24'\nIPADDR_1='192.0.2.8/24'\n"),
            ("/etc/sysconfig/network/routes", "# x\ndefault 192.0.2.1 - -\n"), ("/etc/sysconfig/network/ifcfg-lo", ""), ("/etc/sysconfig/network/ifcfg.template", ""));
        Assert.Equal(("wicked", "eth0", "static", "192.0.2.1", Mac0), (network.Configuration, network.InterfaceName, network.Method, network.Gateway, network.MacAddress));
        Assert.Equal(["192.0.2.7/24", "192.0.2.8/24"], network.Addresses);
    }

    [Theory]
    [InlineData("vmware", 1, "ens33", "0")]
    [InlineData("vmware", 1, "eth0", "0")]
    [InlineData("vmware", 1, "en*", "0")]
    [InlineData("vmware", 1, "ens160 ens192", "0 -")]
    [InlineData("vmware", 2, "ens160 ens192", "0 1")]
    [InlineData("vmware", 2, "ens192 ens160", "1 0")]
    [InlineData("vmware", 2, "ens192", "1")]
    [InlineData("vmware", 2, "ens33 ens34", "0 1")]
    [InlineData("vmware", 2, "ens34 ens33", "1 0")]
    [InlineData("vmware", 2, "ens33", "-")]
    [InlineData("vmware", 2, "ens33 wan", "- -")]
    [InlineData("vmware", 3, "eth2 eth0", "2 0")]
    [InlineData("vmware", 2, "eth0 eth5", "0 -")]
    [InlineData("vmware", 2, "en*", "-")]
    [InlineData("vbox", 2, "enp0s8 enp0s3", "1 0")]
    [InlineData("vbox", 2, "enp0s8", "1")]
    [InlineData("unknown", 2, "enp3s0 enp4s0", "0 1")]
    [InlineData("unknown", 2, "ens192", "-")]
    public void NamesFindTheirCards(string hypervisor, int nics, string names, string expected)
    {
        InterfaceConfig[] configs = [.. names.Split(' ').Select(n => new InterfaceConfig { Name = n, System = "x", Path = "/x" })];
        IReadOnlyList<string?> macs = new NicCorrelation(Source(hypervisor, nics), Source(hypervisor, nics).Nics, new Dictionary<string, string>()).Correlate(configs);
        Assert.Equal(expected.Split(' ').Select(e => e == "-" ? null : $"00:50:56:00:00:0{e[0] - '0' + 1}"), macs);
    }

    [Fact]
    public void SlotNumbersOfTheMetadataWin()
    {
        V2VSource source = Source("vmware", 2, new() { ["ethernet0.pciSlotNumber"] = "224", ["ethernet1.pciSlotNumber"] = "192" });
        InterfaceConfig[] configs = [new() { Name = "ens192", System = "x", Path = "/x" }, new() { Name = "ens224", System = "x", Path = "/x" }];
        Assert.Equal([Mac1, Mac0], new NicCorrelation(source, source.Nics, new Dictionary<string, string>()).Correlate(configs));
    }

    [Fact]
    public void UdevRulesBindNames()
    {
        NetworkInfo[] networks = [.. NetworkReader.Read(Guests.Context(
            ("/etc/udev/rules.d/70-persistent-net.rules", "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{address}==\"00:50:56:00:00:02\", ATTR{type}==\"1\", KERNEL==\"eth*\", NAME=\"eth0\"\n"
                + "# SUBSYSTEM==\"net\", ATTR{address}==\"00:50:56:00:00:01\", NAME=\"eth0\"\n"),
            ("/etc/network/interfaces", "iface eth0 inet dhcp\niface eth1 inet dhcp\n")), Source("vmware", 2)).Networks];
        Assert.Equal([Mac1, Mac0], networks.Select(n => n.MacAddress));
    }

    [Fact]
    public void MacThatTheSourceLacksIsAWarning()
    {
        InspectionContext context = Guests.Context(
            new MemoryFileSystem().Add("/etc/sysconfig/network-scripts/ifcfg-eth0", "DEVICE=eth0\nHWADDR=00:0c:29:aa:bb:cc\nBOOTPROTO=dhcp\n"), out List<string> warnings);
        Assert.Null(Assert.Single(NetworkReader.Read(context, Source("vmware", 1)).Networks).MacAddress);
        Assert.Contains("00:0c:29:aa:bb:cc", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.0.0.1", "255.255.255.128", "10.0.0.1/25")]
    [InlineData("10.0.0.1/8", "255.255.255.128", "10.0.0.1/8")]
    [InlineData("192.168.1.1", null, "192.168.1.1/24")]
    [InlineData("2001:db8::1", "64", "2001:db8::1/64")]
    [InlineData("10.0.0.1", "99", null)]
    [InlineData("nonsense", "24", null)]
    [InlineData(null, null, null)]
    public void AddressesTakeTheirPrefixFromEitherPlace(string? address, string? mask, string? expected) => Assert.Equal(expected, AddressText.Combine(address, mask));

    [Theory]
    [InlineData("00-50-56-AA-BB-CC", "00:50:56:aa:bb:cc")]
    [InlineData("0050.56aa.bbcc", "00:50:56:aa:bb:cc")]
    [InlineData("00:50:56", null)]
    [InlineData("zz:50:56:aa:bb:cc", null)]
    [InlineData(null, null)]
    public void MacsAreNormalised(string? text, string? expected) => Assert.Equal(expected, MacText.Normalize(text));

    [Fact]
    public void DamagedFilesDoNotThrow()
    {
        string[] seeds =
        [
            "iface eth0 inet static\n address 10.0.0.1\n netmask 255.0.0.0\nsource x/*\n",
            "[Match]\nName=e*\nMACAddress=00:50:56:00:00:01\n[Network]\nAddress=10.0.0.1/8\nDHCP=yes\n[Route]\nGateway=10.0.0.2\n",
            "[connection]\ntype=ethernet\ninterface-name=x\n[ipv4]\naddress1=10.0.0.1/8,10.0.0.2\ndns=1.1.1.1;\n",
            "DEVICE=\"eth0\"\nIPADDR=10.0.0.1\nNETMASK='255.0.0.0'\nHWADDR=00:50:56:00:00:01\n",
            "network:\n  ethernets:\n    a: {dhcp4: true, addresses: [10.0.0.1/8], match: {name: x}}\n    \"b\": &c\n      routes: [{to: default, via: 1.2.3.4}]\n",
            "SUBSYSTEM==\"net\", ATTR{address}==\"00:50:56:00:00:02\", NAME=\"eth0\"\n",
        ];
        V2VSource source = Source("vmware", 2);
        foreach (string seed in seeds)
        {
            foreach (byte[] damaged in Guests.Damage(Encoding.UTF8.GetBytes(seed), 600))
            {
                var root = new MemoryFileSystem().Add("/etc/network/interfaces", damaged).Add("/etc/systemd/network/1.network", damaged).Add("/etc/systemd/network/1.link", damaged)
                    .Add("/etc/NetworkManager/system-connections/1", damaged).Add("/etc/sysconfig/network-scripts/ifcfg-x", damaged)
                    .Add("/etc/netplan/1.yaml", damaged).Add("/etc/udev/rules.d/70-net.rules", damaged);
                NetworkReader.Read(Guests.Context(root), source);
            }
        }
    }

    [Fact]
    public void WickedsOwnFilesAreRead()
    {
        NetworkInfo network = Only(Source("vmware", 1), ("/etc/wicked/ifconfig/lan.xml", """
            <?xml version="1.0"?>
            <interface origin="x"><name>eth0</name>
              <ipv4:static><address><local>192.0.2.9/24</local></address><route><nexthop><gateway>192.0.2.1</gateway></nexthop></route></ipv4:static>
              <ipv6:static><address><local>2001:db8::9/64</local></address></ipv6:static>
            </interface>
            """));
        Assert.Equal(("eth0", Mac0, "wicked", "static", "192.0.2.1"), (network.InterfaceName, network.MacAddress, network.Configuration, network.Method, network.Gateway));
        Assert.Equal(["192.0.2.9/24", "2001:db8::9/64"], network.Addresses);
        Assert.Empty(NetworkReader.Read(Guests.Context(("/etc/wicked/ifconfig/bad.xml", "<interface><name>eth0")), Source("vmware", 1)).Networks);
        Assert.Single(WickedReader.Parse("x", string.Concat(Enumerable.Repeat("<a>", 9000)) + "<interface><name>eth0</name></interface>" + string.Concat(Enumerable.Repeat("</a>", 9000))));
    }

    [Fact]
    public void EtcnetIsRead()
    {
        NetworkInfo network = Only(Source("vmware", 1), ("/etc/net/ifaces/lo/options", "TYPE=lo\n"), ("/etc/net/ifaces/ens192/options", "BOOTPROTO=static\nTYPE=eth\n"),
            ("/etc/net/ifaces/ens192/ipv4address", "192.0.2.9/24\n"), ("/etc/net/ifaces/ens192/ipv4route", "default via 192.0.2.1\n"), ("/etc/net/ifaces/ens192/resolv.conf", "nameserver 192.0.2.3\n"));
        Assert.Equal(("ens192", Mac0, "etcnet", "static", "192.0.2.1"), (network.InterfaceName, network.MacAddress, network.Configuration, network.Method, network.Gateway));
        Assert.Equal(["192.0.2.9/24"], network.Addresses);
        Assert.Equal(["192.0.2.3"], network.DnsServers);
    }

    [Fact]
    public void NetifrcIsRead()
    {
        NetworkInfo network = Only(Source("vmware", 1), ("/etc/conf.d/net", "# Gentoo\nconfig_eth0=\"192.0.2.9/24\n2001:db8::9/64\"\nroutes_eth0=\"default via 192.0.2.1\"\ndns_servers_eth0=\"192.0.2.3\"\n"));
        Assert.Equal(("eth0", Mac0, "netifrc", "static", "192.0.2.1"), (network.InterfaceName, network.MacAddress, network.Configuration, network.Method, network.Gateway));
        Assert.Equal(["192.0.2.9/24", "2001:db8::9/64"], network.Addresses);
    }

    [Theory]
    [InlineData("/etc/network/interfaces", "auto vmbr0\niface vmbr0 inet static\n  address 192.0.2.9/24\n  bridge-ports ens192\n")]
    [InlineData("/etc/network/interfaces", "iface ens192.7 inet static\n  address 192.0.2.9/24\n")]
    [InlineData("/etc/netplan/a.yaml", "network: {bridges: {br0: {interfaces: [ens192], addresses: [192.0.2.9/24]}}}")]
    [InlineData("/etc/netplan/a.yaml", "network: {vlans: {v7: {id: 7, link: ens192, addresses: [192.0.2.9/24]}}}")]
    [InlineData("/etc/NetworkManager/system-connections/v.nmconnection", "[connection]\ntype=vlan\ninterface-name=v7\n[vlan]\nid=7\nparent=ens192\n")]
    [InlineData("/etc/sysconfig/network/ifcfg-bond0", "BONDING_MASTER='yes'\nBONDING_SLAVE_0='ens192'\nIPADDR='192.0.2.9/24'\n")]
    [InlineData("/etc/sysconfig/network/ifcfg-br0", "BRIDGE='yes'\nBRIDGE_PORTS='ens192'\n")]
    [InlineData("/etc/sysconfig/network-scripts/ifcfg-ens192.7", "DEVICE=ens192.7\nVLAN=yes\nIPADDR=192.0.2.9\nPREFIX=24\n")]
    [InlineData("/etc/net/ifaces/br0/options", "TYPE=bri\nHOST='ens192'\n")]
    public void ThePortsOfWhatStandsOnThemAreCardsToo(string path, string text)
    {
        List<NetworkInfo> networks = NetworkReader.Read(Guests.Context((path, text)), Source("vmware", 1)).Networks;
        Assert.Equal(2, networks.Count);
        Assert.Equal(("ens192", Mac0), (networks[1].InterfaceName, networks[1].MacAddress));
        Assert.Null(networks[0].MacAddress);
    }

    [Fact]
    public void OldSuseNamesFilesByTheMac()
    {
        NetworkInfo network = Only(Source("vmware", 1), ("/etc/sysconfig/network/ifcfg-eth-id-" + Mac0, "BOOTPROTO='static'\nIPADDR='192.0.2.9'\nNETMASK='255.255.255.0'\n"),
            ("/etc/sysconfig/network/ifroute-eth-id-" + Mac0, "default 192.0.2.1 - -\n"), ("/etc/sysconfig/network/config", "NETCONFIG_DNS_STATIC_SERVERS=\"192.0.2.3\"\n"));
        Assert.Equal(("", Mac0, "192.0.2.1"), (network.InterfaceName, network.MacAddress, network.Gateway));
        Assert.Equal(["192.0.2.3"], network.DnsServers);
    }

    [Fact]
    public void AlpinesShortStanzasAreRead()
    {
        NetworkInfo network = Only(Source("vmware", 1), ("/etc/network/interfaces", "auto eth0\niface eth0\n  use dhcp\n"));
        Assert.Equal(("eth0", Mac0, "dhcp"), (network.InterfaceName, network.MacAddress, network.Method));
    }
}
