using System.Diagnostics;
using V2V.Core.Conversion;
using V2V.Core.Conversion.Linux.Network;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Network;
using V2V.Core.Sources;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>Addresses that a user gives: each configuration system gets them, our own reader finds them again, and so do the system's own tools.</summary>
public sealed class StaticAddressTests
{
    private const string Mac = PhonyGuest.Mac;
    private const string Both = Mac + ":ip:192.0.2.7,192.0.2.1,24,192.0.2.3,192.0.2.4", Six = Mac + ":ip:2001:db8::7,2001:db8::1,64";

    public static TheoryData<string, string, string> Systems => new()
    {
        { "ifupdown", "/etc/network/interfaces", "auto lo ens192\niface lo inet loopback\n\niface ens192 inet dhcp\n    mtu 9000\n    hostname x\niface ens192 inet6 auto\n\nauto ens224\niface ens224 inet static\n  address 10.0.0.5/24\n" },
        { "ifupdown", "/etc/network/interfaces", "iface ens192 inet static\n address 10.0.2.77\n netmask 255.255.255.0\n gateway 10.0.2.2\n dns-nameservers 10.0.2.3\niface ens192:1 inet static\n address 10.0.2.78/24\n" },
        { "netplan", "/etc/netplan/01.yaml", "network:\n  version: 2\n  ethernets:\n    ens192:\n      dhcp4: true\n      mtu: 9000\n    ens224: {dhcp4: true}\n" },
        { "netplan", "/etc/netplan/50-cloud-init.yaml", "network:\n    ethernets:\n        lan:\n            match: {macaddress: '00:0c:29:aa:bb:cc'}\n            set-name: ens192\n            addresses: [10.0.2.77/24]\n            gateway4: 10.0.2.2\n            routes: [{to: 10.9.0.0/16, via: 10.0.2.9}, {to: default, via: 10.0.2.2}]\n            nameservers: {search: [example.org], addresses: [10.0.2.3]}\n" },
        { "networkd", "/etc/systemd/network/20-lan.network", "[Match]\nName=en*\n[Network]\nDHCP=yes\nDNS=10.0.0.3\nLLDP=yes\n[Route]\nDestination=10.9.0.0/16\nGateway=10.0.2.9\n[Route]\nGateway=10.0.2.2\n" },
        { "networkmanager", "/etc/NetworkManager/system-connections/Wired.nmconnection", "[connection]\nid=Wired\nuuid=7b2d4f5e-3f3f-4a52-9d11-3e6b1f8f0a01\ntype=ethernet\ninterface-name=ens192\n\n[ethernet]\n\n[ipv4]\nmethod=auto\n\n[ipv6]\naddr-gen-mode=default\nmethod=auto\n" },
        { "networkmanager", "/usr/lib/NetworkManager/system-connections/default.nmconnection", "[connection]\nid=default\ntype=ethernet\n[ipv4]\nmethod=auto\n" },
        { "ifcfg", "/etc/sysconfig/network-scripts/ifcfg-ens192", "DEVICE=ens192\nBOOTPROTO=dhcp\nONBOOT=yes\nTYPE=Ethernet\nMTU=9000\nIPADDR=10.0.2.77\nPREFIX=24\nGATEWAY=10.0.2.2\nDNS1=10.0.2.3\n" },
        { "wicked", "/etc/sysconfig/network/ifcfg-ens192", "BOOTPROTO='dhcp'\nSTARTMODE='auto'\nMTU='9000'\n" },
        { "wicked", "/etc/wicked/ifconfig/lan.xml", "<?xml version=\"1.0\"?>\n<!-- of the office -->\n<interface origin=\"x\">\n  <name>ens192</name>\n  <link><mtu>9000</mtu></link>\n  <ipv4:dhcp>\n    <enabled>true</enabled>\n  </ipv4:dhcp>\n  <ipv6:auto/>\n</interface>\n<interface><name>ens224</name><ipv4:dhcp/></interface>\n" },
        { "wicked", "/etc/wicked/ifconfig/lan.xml", "<interface><name namespace=\"ethernet\"><permanent-address>00:0C:29:AA:BB:CC</permanent-address></name><ipv4:static><address><local>10.0.2.77/24</local></address><route><nexthop><gateway>10.0.2.2</gateway></nexthop></route>\n<route><destination>10.9.0.0/16</destination><nexthop><gateway>10.0.2.9</gateway></nexthop></route></ipv4:static></interface>" },
        { "etcnet", "/etc/net/ifaces/ens192/options", "BOOTPROTO=dhcp\nTYPE=eth\nMTU=9000\n" },
        { "netifrc", "/etc/conf.d/net", "config_ens192=\"dhcp\"\nmtu_ens192=\"9000\"\n" },
    };

    [Theory]
    [MemberData(nameof(Systems))]
    public void EverySystemGetsTheAddress(string system, string path, string text)
    {
        PhonyGuest guest = Guest(system, path, text, Both);
        ConversionContext context = guest.Apply(new StaticAddressesStep(), new NetworkNamesStep());
        NetworkInfo network = Read(guest)[0];
        Assert.Equal(["192.0.2.7/24"], network.Addresses);
        Assert.Equal(("static", "192.0.2.1", Mac), (network.Method, network.Gateway, network.MacAddress));
        Assert.Equal(["192.0.2.3", "192.0.2.4"], network.DnsServers);
        NicReport nic = Assert.Single(context.Nics);
        Assert.Equal(["192.0.2.7/24"], nic.Addresses);
        Assert.NotEmpty(nic.InterfaceName);

        // What has nothing to do with addresses stays.
        string after = guest.Text(network.ConfigPath);
        Assert.Equal(text.Contains("9000", StringComparison.Ordinal), after.Contains("9000", StringComparison.Ordinal));
        Assert.Equal(text.Contains("10.9.0.0", StringComparison.Ordinal), after.Contains("10.9.0.0", StringComparison.Ordinal));
        Assert.Equal(text.Contains("ens224", StringComparison.Ordinal), after.Contains("ens224", StringComparison.Ordinal));
        Assert.DoesNotContain("10.0.2.77", after, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Systems))]
    public void BothFamiliesAndSeveralAddresses(string system, string path, string text)
    {
        PhonyGuest guest = Guest(system, path, text, Both, Mac + ":ip:192.0.2.8,,24", Six);
        guest.Apply(new StaticAddressesStep());
        Assert.Equal(["192.0.2.7/24", "192.0.2.8/24", "2001:db8::7/64"], Read(guest)[0].Addresses);
    }

    [Theory]
    [InlineData("ifupdown", "/etc/network/interfaces", "auto lo\niface lo inet loopback\n")]
    [InlineData("netplan", "/etc/netplan/01.yaml", "network: {version: 2}\n")]
    [InlineData("networkd", "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service", "")]
    [InlineData("networkmanager", "/etc/systemd/system/multi-user.target.wants/NetworkManager.service", "")]
    [InlineData("ifcfg", "/etc/sysconfig/network-scripts/ifup", "")]
    [InlineData("wicked", "/etc/sysconfig/network/config", "")]
    [InlineData("etcnet", "/etc/net/ifaces/lo/options", "TYPE=lo\n")]
    [InlineData("netifrc", "/etc/conf.d/net", "# empty\n")]
    public void ACardWithoutAConfigurationGetsOne(string system, string path, string text)
    {
        var guest = new PhonyGuest { Options = Given(Both, Six) };
        guest.Networks.Clear();
        guest.Root.Add(path, text).Add("/usr/sbin/netplan", "");
        ConversionContext context = guest.Apply(new StaticAddressesStep(), new NetworkNamesStep());
        NetworkInfo network = Assert.Single(Read(guest));
        Assert.Equal((system, "192.0.2.1", Mac), (network.Configuration, network.Gateway, network.MacAddress));
        Assert.Equal(["192.0.2.7/24", "2001:db8::7/64"], network.Addresses);
        Assert.Equal(("lan0", "link-file"), (Assert.Single(context.Nics).InterfaceName, context.Nics[0].Binding));
    }

    [Fact]
    public void NetplansOwnGeneratorReadsIt()
    {
        Tool.Require("netplan");
        foreach ((string system, string path, string text) in All("netplan"))
        {
            PhonyGuest guest = Guest(system, path, text, Both, Six);
            guest.Apply(new StaticAddressesStep());
            using var directory = new TemporaryDirectory();
            string file = Copy(guest, path, directory);
            Tool.Run("netplan", "generate", "--root-dir", directory.Path);
            string made = string.Concat(Directory.GetFiles(directory.File("run/systemd/network"), "*.network").Select(File.ReadAllText));
            Assert.Contains("Address=192.0.2.7/24\nAddress=2001:db8::7/64\n", made, StringComparison.Ordinal);
            Assert.Contains("Gateway=192.0.2.1", made, StringComparison.Ordinal);
            Assert.Contains("DNS=192.0.2.3", made, StringComparison.Ordinal);
            Assert.True(File.Exists(file));
        }
    }

    [Fact]
    public void IfupdownsOwnReaderReadsIt()
    {
        Tool.Require("ifquery");
        foreach ((string system, string path, string text) in All("ifupdown"))
        {
            PhonyGuest guest = Guest(system, path, text, Both, Mac + ":ip:192.0.2.8,,25", Six);
            guest.Apply(new StaticAddressesStep());
            using var directory = new TemporaryDirectory();
            string read = Tool.Run("ifquery", "-i", Copy(guest, path, directory), "ens192");
            Assert.Contains("address: 192.0.2.7\nnetmask: 255.255.255.0\ngateway: 192.0.2.1\n", read, StringComparison.Ordinal);
            Assert.Contains("address: 192.0.2.8\nnetmask: 255.255.255.128\n", read, StringComparison.Ordinal);
            Assert.Contains("address: 2001:db8::7\nnetmask: 64\ngateway: 2001:db8::1\n", read, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void NetworkManagerItselfReadsIt()
    {
        Tool.Require("nmcli", "sh");
        foreach ((string system, string path, string text) in All("networkmanager"))
        {
            PhonyGuest guest = Guest(system, path, text, Both, Mac + ":ip:192.0.2.8,,25", Six);
            guest.Apply(new StaticAddressesStep());
            using var directory = new TemporaryDirectory();
            string own = path.StartsWith("/etc/", StringComparison.Ordinal) ? path : "/etc/NetworkManager/system-connections/v2v-ens192.nmconnection";

            // "--offline connection modify" reads a keyfile, and writes what it understood.
            string read = Tool.Run("sh", "-c", $"nmcli --offline connection modify connection.autoconnect yes < '{Copy(guest, own, directory)}'");
            Assert.Contains("address1=192.0.2.7/24,192.0.2.1\naddress2=192.0.2.8/25\ndns=192.0.2.3;192.0.2.4;\nmethod=manual\n", read, StringComparison.Ordinal);
            Assert.Contains("address1=2001:db8::7/64,2001:db8::1\n", read, StringComparison.Ordinal);
        }
    }

    /// <summary>networkd runs in namespaces of its own, where a card of the guest's name and MAC waits for it.</summary>
    [Fact]
    public void NetworkdItselfAppliesIt()
    {
        const string networkd = "/usr/lib/systemd/systemd-networkd";
        Tool.Require("ip", "timeout");
        Tool.RequireRoot();
        if (!File.Exists(networkd))
        {
            Tool.Missing("systemd-networkd");
        }

        foreach ((string system, string path, string text) in All("networkd"))
        {
            PhonyGuest guest = Guest(system, path, text, Both, Mac + ":ip:192.0.2.8,,25", Six);
            guest.Apply(new StaticAddressesStep());
            using var directory = new TemporaryDirectory();
            Copy(guest, path, directory);
            Copy(guest, Read(guest)[0].ConfigPath, directory);
            File.WriteAllText(directory.File("run"), $"""
                mount -t sysfs -o ro v2v /sys
                mount -t tmpfs v2v /run
                mkdir -p /run/systemd/netif/links /run/systemd/netif/leases
                chmod -R 777 /run/systemd
                mkdir -p /etc/systemd/network
                mount --bind '{directory.File("etc/systemd/network")}' /etc/systemd/network
                ip link add ens192 address {Mac} type veth peer name other
                ip link set other up
                timeout 60 {networkd} >/dev/null 2>&1 &
                n=0
                while [ $n -lt 200 ] && [ "$(ip -o addr show ens192 | grep -cE '192.0.2|2001:db8')/$(ip route | grep -c ^default)/$(ip -6 route | grep -c ^default)" != 3/1/1 ]; do n=$((n + 1)); sleep 0.1; done
                ip -o addr show ens192
                ip route
                ip -6 route
                kill $!
                """);
            string state = Namespaces.Run(["-np", "--fork", "--kill-child"], directory.File("run"));
            Assert.All(
                ["inet 192.0.2.7/24 ", "inet 192.0.2.8/25 ", "inet6 2001:db8::7/64 ", "default via 192.0.2.1 dev ens192", "default via 2001:db8::1 dev ens192"],
                part => Assert.Contains(part, state, StringComparison.Ordinal));
            Assert.DoesNotContain("via 10.0.2.2", state, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void BusyboxGetsOneStanzaForEachFamily()
    {
        PhonyGuest guest = Guest("ifupdown", "/etc/network/interfaces", "auto ens192\niface ens192 inet dhcp\n", Both, Mac + ":ip:192.0.2.8,,25", Six);
        guest.Root.Add("/bin/busybox", "").AddLink("/sbin/ifup", "/bin/busybox");
        guest.Apply(new StaticAddressesStep());
        string text = guest.Text("/etc/network/interfaces");
        Assert.Equal(2, text.Split("iface ens192").Length - 1);
        Assert.Contains("    up ip addr add 192.0.2.8/25 dev ens192\n", text, StringComparison.Ordinal);
        Assert.Equal("nameserver 192.0.2.3\nnameserver 192.0.2.4\n", guest.Text("/etc/resolv.conf"));
    }

    [Theory]
    [InlineData("192.0.2.7", "StaticAddressInvalid")]
    [InlineData("00:0c:29:aa:bb:cc:ip:", "StaticAddressInvalid")]
    [InlineData("00:0c:29:aa:bb:cc:ip:192.0.2", "StaticAddressInvalid")]
    [InlineData("00:0c:29:aa:bb:cc:ip:192.0.2.7,,33", "StaticAddressInvalid")]
    [InlineData("00:0c:29:aa:bb:cc:ip:192.0.2.7,,x", "StaticAddressInvalid")]
    [InlineData("00:0c:29:aa:bb:cc:ip:192.0.2.7,2001:db8::1", "StaticAddressInvalid")]
    [InlineData("00:0c:29:aa:bb:cc:ip:192.0.2.7,,24,dns.example", "StaticAddressInvalid")]
    [InlineData("00:0c:29:aa:bb:cc:ip:fe80::1%eth0", "StaticAddressInvalid")]
    [InlineData("00:0c:29:00:00:01:ip:192.0.2.7", "StaticAddressNicUnknown")]
    public void WhatIsNoAddressIsRefused(string given, string errorId) =>
        Assert.Equal(errorId, Assert.Throws<V2VException>(() => CardAddresses.Check([StaticAddress.Parse(given)], new PhonyGuest().Inspect().Nics)).ErrorId);

    [Fact]
    public void ASystemThatCannotBeWrittenIsRefused()
    {
        foreach (string text in (string[])["<interface><name>ens224</name></interface>", "<interface><name>ens192</interface>", string.Concat(Enumerable.Repeat("<a>", 9000)) + string.Concat(Enumerable.Repeat("</a>", 9000)), "<?xml"])
        {
            PhonyGuest guest = Guest("wicked", "/etc/wicked/ifconfig/lan.xml", text, Both);
            Assert.Equal("StaticAddressUnsupported", Assert.Throws<V2VException>(() => guest.Apply(new StaticAddressesStep())).ErrorId);
        }
    }

    [Fact]
    public void WickedsOwnFileKeepsWhatIsNoAddress()
    {
        PhonyGuest guest = Guest(
            "wicked", "/etc/wicked/ifconfig/lan.xml", "<!-- a --><interface>\n  <name>ens192</name>\n  <ipv4:dhcp/>\n  <!-- b -->\n  <ipv4><enabled>true</enabled></ipv4>\n</interface>\n", Both);
        guest.Apply(new StaticAddressesStep());
        Assert.Equal("""
            <!-- a --><interface>
              <name>ens192</name>
              <!-- b -->
              <ipv4><enabled>true</enabled></ipv4>
              <ipv4:static>
                <address><local>192.0.2.7/24</local></address>
                <route><nexthop><gateway>192.0.2.1</gateway></nexthop></route>
              </ipv4:static>
            </interface>

            """, guest.Text("/etc/wicked/ifconfig/lan.xml"));
        Assert.Equal("NETCONFIG_DNS_STATIC_SERVERS=\"192.0.2.3 192.0.2.4\"\n", guest.Text("/etc/sysconfig/network/config"));
    }

    private static ConversionOptions Given(params string[] addresses) => new() { StaticAddresses = [.. addresses.Select(StaticAddress.Parse)] };

    private static IEnumerable<(string, string, string)> All(string system) => Systems.Select(r => r.Data).Where(d => d.Item1 == system);

    private static List<NetworkInfo> Read(PhonyGuest guest) =>
        [.. NetworkReader.Read(new InspectionContext(guest.Tree, []), guest.Inspect().Source).Networks.Where(n => n.Method == "static" && n.InterfaceName != "ens224")];

    private static PhonyGuest Guest(string system, string path, string text, params string[] addresses)
    {
        var guest = new PhonyGuest { Options = Given(addresses) };
        guest.Networks[0] = guest.Networks[0] with { Configuration = system, ConfigPath = path };
        guest.Root.Add(path, text);
        return guest;
    }

    private static string Copy(PhonyGuest guest, string path, TemporaryDirectory directory)
    {
        string file = directory.File(path[1..]);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, guest.Text(path));
        return file;
    }
}
