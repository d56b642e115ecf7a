using System.Text;
using V2V.Core.Conversion;
using V2V.Core.Conversion.Linux;
using V2V.Core.Conversion.Linux.Network;
using V2V.Core.Inspection;
using V2V.Core.Export;
using V2V.Core.Export.Machine;
using V2V.Core.Sources;
using V2V.Storage;
using Xunit;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>How interfaces keep their names.</summary>
public sealed class NetworkNamesTests
{
    private const string LinkPath = "/etc/systemd/network/10-v2v-ens192.link";

    [Theory]
    [InlineData("252.39-1~deb12u1", "PermanentMACAddress=00:0c:29:aa:bb:cc\n")]
    [InlineData("1:237-3ubuntu10", "MACAddress=00:0c:29:aa:bb:cc\nDriver=virtio_net\n")]
    public void ALinkFileBindsTheNameToTheMac(string systemd, string match)
    {
        var guest = new PhonyGuest();
        guest.Packages[0] = new ApplicationInfo("systemd", systemd, "amd64", "");
        ConversionContext context = guest.Apply(new NetworkNamesStep());
        string expected = $"# By V2V: the interface keeps the name that its configuration uses.\n[Match]\n{match}\n[Link]\nName=ens192\n";
        Assert.Equal(expected, guest.Text(LinkPath));
        Assert.Equal(expected, Encoding.ASCII.GetString(context.InitramfsFiles[LinkPath[1..]]));
        NicReport nic = Assert.Single(context.Nics);
        Assert.Equal((PhonyGuest.Mac, "ens192", "link-file"), (nic.MacAddress, nic.InterfaceName, nic.Binding));
        Assert.Equal(["10.0.2.77/24"], nic.Addresses);
        Assert.Empty(context.Warnings);
    }

    [Fact]
    public void OldReleasesGetARule()
    {
        var guest = new PhonyGuest { InitSystem = "sysvinit" };
        guest.Packages[0] = new ApplicationInfo("udev", "175-7.2", "amd64", "");
        guest.Networks[0] = guest.Networks[0] with { InterfaceName = "eth0" };
        guest.Root.Add("/etc/udev/rules.d/70-persistent-net.rules",
            "# PCI device 0x15ad:0x07b0 (vmxnet3)\nSUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"vmxnet3\", ATTR{address}==\"00:0c:29:00:00:01\", ATTR{type}==\"1\", KERNEL==\"eth*\", NAME=\"eth7\"\n");
        ConversionContext context = guest.Apply(new NetworkNamesStep());
        Assert.Equal(
            "# PCI device 0x15ad:0x07b0 (vmxnet3)\nSUBSYSTEM==\"net\", ACTION==\"add\", ATTR{address}==\"00:0c:29:00:00:01\", ATTR{type}==\"1\", KERNEL==\"eth*\", NAME=\"eth7\"\n"
            + "# By V2V: the interface keeps its name.\nSUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{address}==\"00:0c:29:aa:bb:cc\", ATTR{dev_id}==\"0x0\", ATTR{type}==\"1\", NAME=\"eth0\"\n",
            guest.Text("/etc/udev/rules.d/70-persistent-net.rules"));
        Assert.Equal("udev-rule", Assert.Single(context.Nics).Binding);
    }

    [Fact]
    public void ReleasesBeforeDebian6GetARuleTheyUnderstand()
    {
        const string Rules = "/etc/udev/rules.d/z25_persistent-net.rules";
        var guest = new PhonyGuest { InitSystem = "sysvinit" };
        guest.Packages[0] = new ApplicationInfo("udev", "0.105-4", "i386", "");
        guest.Networks[0] = guest.Networks[0] with { InterfaceName = "eth0" };
        guest.Root.Add(Rules, "SUBSYSTEM==\"net\", DRIVERS==\"pcnet32\", ATTRS{address}==\"00:0c:29:00:00:01\", NAME=\"eth7\"\n");
        guest.Apply(new NetworkNamesStep());
        Assert.Equal(
            "SUBSYSTEM==\"net\", ATTRS{address}==\"00:0c:29:00:00:01\", NAME=\"eth7\"\n# By V2V: the interface keeps its name.\n"
            + "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", SYSFS{address}==\"00:0c:29:aa:bb:cc\", NAME=\"eth0\"\n",
            guest.Text(Rules));
    }

    [Fact]
    public void WhereLinkFilesAreMaskedARuleIsWritten()
    {
        var guest = new PhonyGuest();
        guest.Root.AddLink("/etc/udev/rules.d/80-net-setup-link.rules", "/dev/null");
        Assert.Equal("udev-rule", Assert.Single(guest.Apply(new NetworkNamesStep()).Nics).Binding);
        Assert.Contains("NAME=\"ens192\"", guest.Text("/etc/udev/rules.d/70-persistent-net.rules"), StringComparison.Ordinal);
    }

    [Fact]
    public void ABindingOfTheGuestIsEnough()
    {
        var guest = new PhonyGuest();
        guest.Root.Add("/etc/systemd/network/70-lan.link", "[Match]\nMACAddress=00:0C:29:AA:BB:CC\n[Link]\nName=ens192\n");
        ConversionContext context = guest.Apply(new NetworkNamesStep());
        Assert.Equal("none", Assert.Single(context.Nics).Binding);
        Assert.Empty(context.Editor.Changes);
    }

    [Fact]
    public void AUsersBindingComesFirst()
    {
        var guest = new PhonyGuest { Options = new ConversionOptions { NicBindings = [new NicBinding("00-0C-29-AA-BB-CC", "lan0")] } };
        Assert.Equal("lan0", Assert.Single(guest.Apply(new NetworkNamesStep()).Nics).InterfaceName);
        Assert.True(guest.Tree.FileExists("/etc/systemd/network/10-v2v-lan0.link"));
    }

    [Theory]
    [InlineData("00:0c:29", "lan0")]
    [InlineData("00:0c:29:aa:bb:cc", "a/b")]
    [InlineData("00:0c:29:aa:bb:cc", "sixteen-letters-")]
    [InlineData("00:0c:29:aa:bb:cc", "")]
    public void ABadBindingIsRefused(string mac, string name) =>
        Assert.Equal("NicBindingInvalid", Assert.Throws<V2VException>(() => NetworkNamesStep.CheckBinding(new NicBinding(mac, name))).ErrorId);

    [Fact]
    public void WhatCannotBeToldIsSaid()
    {
        var guest = new PhonyGuest();
        guest.Networks[0] = guest.Networks[0] with { MacAddress = null };
        guest.Nics.Add(new SourceNic(null, "e1000", "LAN", NetworkType.Network));
        ConversionContext context = guest.Apply(new NetworkNamesStep());
        Assert.Equal(3, context.Nics.Count);
        Assert.All(context.Nics, n => Assert.Equal("none", n.Binding));
        Assert.Equal(3, context.Warnings.Count);
    }

    [Fact]
    public void AnInterfaceIsBoundToTheMacThatItsCardWillHave()
    {
        var guest = new PhonyGuest();
        guest.Nics[0] = guest.Nics[0] with { MacAddress = null };
        string mac = Assert.Single(guest.Inspect().Nics).MacAddress!;
        guest.Networks[0] = guest.Networks[0] with { MacAddress = mac };
        ConversionContext context = guest.Apply(new NetworkNamesStep());
        Assert.StartsWith("52:54:00:", mac, StringComparison.Ordinal);
        Assert.Contains($"MACAddress={mac}\n", guest.Text("/etc/systemd/network/10-v2v-ens192.link"), StringComparison.Ordinal);
        var overlay = new V2VOverlay { Source = context.Source, Inspection = context.Inspection, Capabilities = context.Capabilities, Nics = context.Nics };
        Assert.Equal(mac, Assert.Single(TargetMachineBuilder.Build(context.Source, overlay, "name", new ExportOptions(), [], []).Nics).MacAddress);
        Assert.Contains("gives the card no MAC", Assert.Single(context.Nics).Note, StringComparison.Ordinal);
    }

    [Fact]
    public void CloudInitDoesNotTouchTheNetwork()
    {
        var guest = new PhonyGuest { HasCloudInit = true };
        guest.Root.AddDirectory("/etc/cloud/cloud.cfg.d");
        guest.Apply(new NetworkNamesStep());
        Assert.Contains("network: {config: disabled}\n", guest.Text("/etc/cloud/cloud.cfg.d/99-v2v-network.cfg"), StringComparison.Ordinal);
        Assert.Single(guest.Apply(new NetworkNamesStep()).Nics);
    }

    [Theory]
    [InlineData("/etc/netplan/01.yaml", "      match: {driver: vmxnet3}\n      driver: vmxnet3\n", "      match: {driver: vmxnet3}\n      driver: virtio_net\n")]
    [InlineData("/etc/systemd/network/lan.network", "[Match]\nDriver=vmxnet3\n[Network]\nDHCP=yes\n", "[Match]\nDriver=virtio_net\n[Network]\nDHCP=yes\n")]
    [InlineData("/etc/systemd/network/lan.network", "[Match]\nPath=pci-0000:0b:00.0\n", "[Match]\nMACAddress=00:0c:29:aa:bb:cc\n")]
    [InlineData("/etc/systemd/network/lan.link", "[Match]\nProperty=ID_PATH=pci-0000:0b:00.0\n[Link]\nName=lan\n", "[Match]\nMACAddress=00:0c:29:aa:bb:cc\n[Link]\nName=lan\n")]
    [InlineData("/etc/NetworkManager/system-connections/a.nmconnection", "[match]\npath=pci-0000:0b:00.0;\ndriver=vmxnet3;\n", "[match]\ndriver=virtio_net;\n")]
    [InlineData("/etc/NetworkManager/conf.d/10.conf", "[keyfile]\nunmanaged-devices=driver:vmxnet3\n", "[keyfile]\nunmanaged-devices=driver:virtio_net\n")]
    [InlineData("/etc/udev/rules.d/70-my-net.rules", "SUBSYSTEM==\"net\", KERNELS==\"0000:0b:00.0\", NAME=\"lan\"\n", "ATTR{address}==\"00:0c:29:aa:bb:cc\", SUBSYSTEM==\"net\", NAME=\"lan\"\n")]
    public void MatchesByDriverOrPlaceFollowTheCard(string path, string before, string after)
    {
        var guest = new PhonyGuest();
        guest.Root.Add(path, before);
        guest.Apply(new NetworkNamesStep());
        Assert.Equal(after, guest.Text(path));
    }

    [Fact]
    public void WithSeveralCardsAPlaceIsOnlyTold()
    {
        var guest = new PhonyGuest();
        guest.Nics.Add(new SourceNic("00:0c:29:aa:bb:dd", "e1000", "LAN", NetworkType.Network));
        guest.Root.Add("/etc/systemd/network/lan.network", "[Match]\nPath=pci-0000:0b:00.0\n").Add("/etc/systemd/network/wan.network", "[Match]\nDriver=vmxnet3\n");
        ConversionContext context = guest.Apply(new NetworkNamesStep());
        Assert.Contains(context.Warnings, w => w.Contains("lan.network", StringComparison.Ordinal));
        Assert.Contains(context.Warnings, w => w.Contains("wan.network", StringComparison.Ordinal));
        Assert.Equal("[Match]\nDriver=vmxnet3\n", guest.Text("/etc/systemd/network/wan.network"));
    }

    [Fact]
    public void AlpineNamesItsCardsByATable()
    {
        var guest = new PhonyGuest();
        guest.Packages.Clear();
        guest.Root.Add("/etc/mdev.conf", "# net\n-SUBSYSTEM=net;DEVPATH=.*/net/.*;.* root:root 600 @/sbin/nameif -s\n");
        Assert.Equal("mactab", Assert.Single(guest.Apply(new NetworkNamesStep()).Nics).Binding);
        Assert.Equal("ens192 00:0c:29:aa:bb:cc\n", guest.Text("/etc/mactab"));
    }

    [Fact]
    public void WithoutADeviceManagerTheKernelsNamesStay()
    {
        var guest = new PhonyGuest();
        guest.Packages.Clear();
        ConversionContext context = guest.Apply(new NetworkNamesStep());
        Assert.Equal("none", Assert.Single(context.Nics).Binding);
        Assert.Empty(context.Editor.Changes);
    }

    [Fact]
    public void Suse10GetsARuleOfItsOwnKind()
    {
        const string Rules = "/etc/udev/rules.d/30-net_persistent_names.rules";
        var guest = new PhonyGuest { InitSystem = "sysvinit" };
        guest.Packages[0] = new ApplicationInfo("udev", "085", "i586", "");
        guest.Root.Add(Rules, "");
        guest.Root.Add("/etc/sysconfig/network/ifcfg-eth-bus-pci-0000:02:00.0", "BOOTPROTO='dhcp'\n");
        Assert.Equal("udev-rule", Assert.Single(guest.Apply(new NetworkNamesStep()).Nics).Binding);
        Assert.EndsWith("SYSFS{address}==\"00:0c:29:aa:bb:cc\", IMPORT=\"/lib/udev/rename_netiface %k ens192\"\n", guest.Text(Rules), StringComparison.Ordinal);
        Assert.Equal("BOOTPROTO='dhcp'\n", guest.Text("/etc/sysconfig/network/ifcfg-eth-id-00:0c:29:aa:bb:cc"));
        Assert.False(guest.Tree.FileExists("/etc/sysconfig/network/ifcfg-eth-bus-pci-0000:02:00.0"));
        Assert.Equal("none", Assert.Single(guest.Apply(new NetworkNamesStep()).Nics).Binding);
    }
}
