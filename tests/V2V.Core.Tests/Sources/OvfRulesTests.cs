using System.Text;
using V2V.Core.Sources;
using V2V.Core.Sources.Ovf;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Sources;

/// <summary>The rules of OVF, one by one, on descriptors made for them.</summary>
public sealed class OvfRulesTests
{
    private readonly OvaBuilder _ova = new();

    [Theory]
    [InlineData("byte * 2^20", "1024", 1L << 30)]
    [InlineData("byte*2^30", "2", 2L << 30)]
    [InlineData("byte * 2 ^ 20", "512", 512L << 20)]
    [InlineData("byte*1024*1024", "512", 512L << 20)]
    [InlineData("MegaBytes", "384", 384L << 20)]
    [InlineData("megabyte", "384", 384L << 20)]
    [InlineData("MB", "384", 384L << 20)]
    [InlineData("GigaBytes", "3", 3L << 30)]
    [InlineData("KiB", "1048576", 1L << 30)]
    [InlineData("byte * 10^9", "1", 1_000_000_000L)]
    [InlineData("byte", "1073741824", 1L << 30)]
    [InlineData("GB", "1.5", 3L << 29)]
    public void Memory_has_units(string units, string quantity, long bytes)
    {
        _ova.Memory = $"<Item><rasd:AllocationUnits>{units}</rasd:AllocationUnits><rasd:InstanceID>2</rasd:InstanceID><rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>{quantity}</rasd:VirtualQuantity></Item>";
        Assert.Equal(bytes, Read().Metadata.MemoryBytes);
    }

    [Theory]
    [InlineData("hertz * 10^6")]
    [InlineData("byte * byte")]
    [InlineData("2^20")]
    [InlineData("byte * 2^99")]
    [InlineData("byte * 2^62 * 2^62")]
    [InlineData("byte * 0")]
    [InlineData("")]
    [InlineData("byte * 2^-3")]
    public void What_is_no_unit_of_bytes_is_refused(string text) => Assert.Null(AllocationUnits.Parse(text));

    [Theory]
    [InlineData("many")]
    [InlineData("-1")]
    [InlineData("0")]
    [InlineData("99999999999999999999999999")]
    public void Unusable_memory_is_named(string quantity)
    {
        _ova.Memory = $"<Item><rasd:InstanceID>2</rasd:InstanceID><rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>{quantity}</rasd:VirtualQuantity></Item>";
        AssertRefused("OvfValueInvalid");
    }

    [Theory]
    [InlineData("two")]
    [InlineData("0")]
    [InlineData("-4")]
    [InlineData("5000")]
    public void Unusable_processors_are_named(string quantity)
    {
        _ova.Processors = $"<Item><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>{quantity}</rasd:VirtualQuantity></Item>";
        AssertRefused("OvfValueInvalid");
    }

    [Theory]
    [InlineData(8, "4", 2, 4)]
    [InlineData(8, "8", 1, 8)]
    [InlineData(8, "3", 0, 0)]
    [InlineData(8, "0", 0, 0)]
    [InlineData(2, "4", 0, 0)]
    [InlineData(8, "x", 0, 0)]
    public void Cores_per_socket_give_the_topology(int count, string cores, int sockets, int coresPerSocket)
    {
        _ova.Processors = $"<Item><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>{count}</rasd:VirtualQuantity><vmw:CoresPerSocket ovf:required=\"false\">{cores}</vmw:CoresPerSocket></Item>";
        Assert.Equal(sockets == 0 ? null : new CpuTopology(sockets, coresPerSocket, 1), Read().Metadata.CpuTopology);
    }

    [Theory]
    [InlineData("""<vmw:Config vmw:key="firmware" vmw:value="efi"/>""", FirmwareType.Uefi)]
    [InlineData("""<vmw:Config vmw:key="firmware" vmw:value="bios"/>""", FirmwareType.Bios)]
    [InlineData("""<vmw:ExtraConfig vmw:key="firmware" vmw:value="efi"/>""", FirmwareType.Uefi)]
    [InlineData("", FirmwareType.Unknown)]
    public void Firmware(string config, FirmwareType firmware)
    {
        _ova.Items += config;
        Assert.Equal(firmware, Read().Metadata.Firmware);
    }

    [Fact]
    public void Unknown_firmware_is_refused()
    {
        _ova.Items += """<vmw:Config vmw:key="firmware" vmw:value="coreboot"/>""";
        AssertRefused("OvfFirmwareUnknown");
    }

    [Theory]
    [InlineData("""<vmw:Config ovf:required="false" vmw:key="bootOptions.efiSecureBootEnabled" vmw:value="true"/>""", true)]
    [InlineData("""<vmw:Config ovf:required="false" vmw:key="bootOptions.efiSecureBootEnabled" vmw:value="false"/>""", false)]
    [InlineData("""<vmw:ExtraConfig ovf:required="false" vmw:key="uefi.secureBoot.enabled" vmw:value="TRUE"/>""", true)]
    public void Secure_boot(string config, bool isOn)
    {
        _ova.Items += config;
        Assert.Equal(isOn, Read().Metadata.SecureBoot);
    }

    [Theory]
    [InlineData("<Item><rasd:InstanceID>50</rasd:InstanceID><rasd:ResourceSubType>vmware.vtpm</rasd:ResourceSubType><rasd:ResourceType>1</rasd:ResourceType></Item>")]
    [InlineData("""<vmw:ExtraConfig vmw:key="vtpm.present" vmw:value="TRUE"/>""")]
    public void Virtual_tpm(string config)
    {
        Assert.False(Read().Metadata.HasTpm);
        _ova.Items += config;
        Assert.True(Read().Metadata.HasTpm);
    }

    // The two vectors are those of VMware machines whose UUIDs virt-v2v's tests name.
    [Theory]
    [InlineData("-570734802784577186", "-5042519231342505152", "8312995e-57b8-f814-4013-c1ba795f05ba")]
    [InlineData("-802103094701856339", "-5104727847056752683", "2f0de9ad-5b7c-f4de-d53f-23b1115d28b9")]
    [InlineData("-802103094701856339", "", null)]
    [InlineData("x", "-5104727847056752683", null)]
    public void Generation_id(string low, string high, string? expected)
    {
        _ova.Items += $"""<vmw:ExtraConfig vmw:key="vm.genid" vmw:value="{low}"/>""" + (high.Length == 0 ? "" : $"""<vmw:ExtraConfig vmw:key="vm.genidX" vmw:value="{high}"/>""");
        Assert.Equal(expected, Read().Metadata.GenerationId);
    }

    [Fact]
    public void Disks_come_in_the_order_of_their_addresses()
    {
        _ova.Files = string.Concat(Enumerable.Range(0, 8).Select(i => $"<File ovf:href=\"d{i}\" ovf:id=\"f{i}\"/>"));
        _ova.Disks = string.Concat(Enumerable.Range(0, 8).Select(i => $"<Disk ovf:capacity=\"1\" ovf:capacityAllocationUnits=\"byte * 2^20\" ovf:diskId=\"d{i}\" ovf:fileRef=\"f{i}\"/>"));
        _ova.Items =
            Controller(20, 5, 0, "IDE 0") + Controller(10, 6, 1, "SCSI 1") + Controller(11, 6, 0, "SCSI 0") + Controller(12, 20, 0, "SATA", "vmware.sata.ahci")
            + Controller(13, 20, 0, "NVMe", "vmware.nvme.controller")
            + Disk(0, 20, 1) + Disk(1, 20, 0) + Disk(2, 10, 0) + Disk(3, 11, 10) + Disk(4, 11, 2) + Disk(5, 12, 0) + Disk(6, 13, 0) + Disk(7, 13, 1);
        OvfSystem system = Read();
        Assert.Equal("d4 d3 d2 d6 d7 d5 d1 d0", string.Join(' ', system.Disks.Select(d => d.Disk!.Id)));
        Assert.Equal("Scsi0 Scsi0 Scsi1 Nvme0 Nvme0 Sata0 Ide0 Ide0", string.Join(' ', system.Disks.Select(d => $"{d.Controller}{d.ControllerNumber}")));

        _ova.Items += """<vmw:ExtraConfig vmw:key="bios.hddOrder" vmw:value="sata0:0,scsi1:0"/>""";
        Assert.StartsWith("d5 d2 d4", string.Join(' ', Read().Disks.Select(d => d.Disk!.Id)), StringComparison.Ordinal);

        _ova.HardwareType = "virtualbox-2.2";
        _ova.Items = _ova.Items.Replace("bios.hddOrder", "x", StringComparison.Ordinal);
        Assert.Equal("d1 d0 d5 d4 d3 d2 d6 d7", string.Join(' ', Read().Disks.Select(d => d.Disk!.Id)));
    }

    [Fact]
    public void Disks_and_drives_keep_what_is_said_of_them()
    {
        _ova.Items += Controller(20, 5, 1, "IDE 1") + Controller(21, 5, 0, "IDE 0")
            + "<Item><rasd:AddressOnParent>1</rasd:AddressOnParent><rasd:InstanceID>30</rasd:InstanceID><rasd:Parent>20</rasd:Parent><rasd:ResourceType>15</rasd:ResourceType></Item>"
            + "<Item><rasd:AddressOnParent>0</rasd:AddressOnParent><rasd:InstanceID>31</rasd:InstanceID><rasd:ResourceType>14</rasd:ResourceType></Item>";
        OvfSystem system = Read();
        Assert.Equal([new(RemovableType.CdRom, DiskController.Ide, 3), new(RemovableType.Floppy, DiskController.Floppy, 0)], system.Metadata.Removables);
        Assert.Equal("lsilogic", system.Disks[0].ControllerModel);
        Assert.Equal(10240, system.Disks[0].Capacity);
        Assert.Empty(system.Warnings);
    }

    [Theory]
    [InlineData("ovf:/disk/vmdisk1", true)]
    [InlineData("/disk/vmdisk1", true)]
    [InlineData("disk/vmdisk1", true)]
    [InlineData("ovf:/file/file1", true)]
    [InlineData("ovf:/disk/other", false)]
    [InlineData("ovf:/file/other", false)]
    [InlineData("disk1.vmdk", false)]
    public void A_disk_is_found_by_its_resource(string resource, bool isKnown)
    {
        _ova.Items = _ova.Items.Replace("ovf:/disk/vmdisk1", resource, StringComparison.Ordinal);
        if (isKnown)
        {
            Assert.Equal("disk1.vmdk", Read().Disks[0].File!.Href);
        }
        else
        {
            AssertRefused("OvfDiskUnresolved");
        }
    }

    [Fact]
    public void A_disk_without_a_file_is_blank_and_one_without_anything_is_refused()
    {
        _ova.Disks = """<Disk ovf:capacity="3" ovf:capacityAllocationUnits="byte * 2^30" ovf:diskId="vmdisk1"/>""";
        Assert.Equal((null, 3L << 30), (Read().Disks[0].File, Read().Disks[0].Capacity));
        _ova.Disks = """<Disk ovf:diskId="vmdisk1"/>""";
        AssertRefused("OvfDiskUnresolved");
        _ova.Disks = """<Disk ovf:capacity="x" ovf:diskId="vmdisk1"/>""";
        AssertRefused("OvfValueInvalid");
        _ova.Disks = """<Disk ovf:capacity="1" ovf:capacityAllocationUnits="acres" ovf:diskId="vmdisk1"/>""";
        AssertRefused("OvfValueInvalid");
    }

    [Fact]
    public void A_disk_that_is_its_own_parent_is_refused()
    {
        _ova.Disks = """<Disk ovf:capacity="3" ovf:diskId="vmdisk1" ovf:parentRef="b"/><Disk ovf:capacity="3" ovf:diskId="b" ovf:parentRef="vmdisk1"/>""";
        AssertRefused("OvfDiskUnresolved");
    }

    [Fact]
    public void Network_cards()
    {
        _ova.Items += Nic(40, "VmxNet3", "VM Network", "00:50:56:AB:CD:EF") + Nic(41, "E1000", null, null) + Nic(42, "PCNet32 VmxNet2", "x", "005056abcd01")
            + Nic(43, null, "y", "00:00:00:00:00:00") + Nic(44, "E1000e", "z", "rubbish");
        OvfSystem system = Read();
        Assert.Equal(
            [
                new("00:50:56:ab:cd:ef", "vmxnet3", "VM Network", NetworkType.Bridge),
                new(null, "e1000", "eth1", NetworkType.Network),
                new("00:50:56:ab:cd:01", "pcnet32", "x", NetworkType.Bridge),
                new(null, null, "y", NetworkType.Bridge),
                new(null, "e1000e", "z", NetworkType.Bridge),
            ],
            system.Metadata.Nics);
        Assert.Contains("rubbish", Assert.Single(system.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void What_else_the_metadata_says_is_kept()
    {
        _ova.System = """
            <AnnotationSection><Info>x</Info><Annotation>A note.</Annotation></AnnotationSection>
            <OperatingSystemSection ovf:id="94" vmw:osType="debian12_64Guest"><Info>x</Info><Description>Debian 12</Description></OperatingSystemSection>
            <EulaSection><Info>x</Info><License>Be nice.</License></EulaSection>
            <ProductSection><Info>x</Info><Product>P</Product><Vendor>V</Vendor><Version>1</Version></ProductSection>
            <vmw:BootOrderSection vmw:type="cdrom disk" vmw:instanceId="8 9"><Info>x</Info></vmw:BootOrderSection>
            """;
        _ova.Items += """
            <Item><rasd:InstanceID>60</rasd:InstanceID><rasd:ResourceType>24</rasd:ResourceType><vmw:Config vmw:key="videoRamSizeInKB" vmw:value="4096"/></Item>
            <Item><rasd:InstanceID>61</rasd:InstanceID><rasd:ResourceSubType>vmware.usb.xhci</rasd:ResourceSubType><rasd:ResourceType>23</rasd:ResourceType></Item>
            <Item><rasd:InstanceID>62</rasd:InstanceID><rasd:ResourceSubType>vmware.soundcard.hdaudio</rasd:ResourceSubType><rasd:ResourceType>1</rasd:ResourceType></Item>
            <Item><rasd:InstanceID>63</rasd:InstanceID><rasd:ResourceSubType>vmware.serialport.device</rasd:ResourceSubType><rasd:ResourceType>21</rasd:ResourceType></Item>
            <Item><rasd:ElementName>GPU</rasd:ElementName><rasd:InstanceID>64</rasd:InstanceID><rasd:ResourceSubType>vmware.pci.passthrough-ah</rasd:ResourceSubType><rasd:ResourceType>1</rasd:ResourceType></Item>
            <vmw:Config vmw:key="memoryHotAddEnabled" vmw:value="true"/><vmw:Config vmw:key="cpuHotAddEnabled" vmw:value="true"/><vmw:Config vmw:key="nestedHVEnabled" vmw:value="true"/>
            <vmw:ExtraConfig vmw:key="uuid.bios" vmw:value="56 4d 0a 1b 2c 3d 4e 5f-60 71 82 93 a4 b5 c6 d7"/>
            <vmw:ExtraConfig vmw:key="disk.EnableUUID" vmw:value="TRUE"/>
            """;
        V2VSource source = Read().Metadata;
        Assert.Equal("A note.", source.Annotation);
        Assert.Equal(("debian12_64Guest", 94, "Debian 12"), (source.OsType, source.OsId, source.OsDescription));
        Assert.Equal(["Be nice."], source.Eulas);
        Assert.Equal(new SourceProduct("P", "V", "1"), source.Product);
        Assert.Equal(["cdrom", "disk"], source.BootOrder);
        Assert.Equal(new SourceVideo(null, 4 << 20), source.Video);
        Assert.Equal(["vmware.usb.xhci"], source.UsbControllers);
        Assert.Equal("ich6", source.Sound);
        Assert.Equal(1, source.SerialPorts);
        Assert.Equal(["GPU"], source.HostDevices);
        Assert.True(source.MemoryHotAdd && source.CpuHotAdd && source.NestedVirtualization);
        Assert.Equal("564d0a1b-2c3d-4e5f-6071-8293a4b5c6d7", source.Uuid);
        Assert.Equal("TRUE", source.ExtraConfig["disk.enableuuid"]);
        Assert.Equal(("vmware", "vmx-13"), (source.Hypervisor, source.HardwareVersion));
    }

    [Fact]
    public void VirtualBox_says_more_in_its_own_words()
    {
        _ova.HardwareType = "virtualbox-2.2";
        _ova.System = """
            <vbox:Machine xmlns:vbox="http://www.virtualbox.org/ovf/machine" xmlns="http://www.virtualbox.org/" uuid="{39A69C87-0433-4945-8E25-B89431544A28}" OSType="Windows11_64">
            <Description>From VirtualBox.</Description>
            <Hardware><Firmware type="EFI"/><TrustedPlatformModule type="v2_0"/><Boot><Order position="2" device="HardDisk"/><Order position="1" device="DVD"/><Order position="3" device="None"/></Boot>
            <Display controller="VMSVGA" VRAMSize="128"/><BIOS><NVRAM path="x"/><SecureBoot enabled="true"/></BIOS><RTC localOrUTC="UTC"/><AudioAdapter controller="HDA" enabled="true"/>
            <Network><Adapter slot="1" enabled="false" MACAddress="080027000001"/><Adapter slot="0" enabled="true" MACAddress="080027ABCDEF"/></Network></Hardware></vbox:Machine>
            """;
        _ova.Items += Nic(40, "E1000", "NAT", null);
        V2VSource source = Read().Metadata;
        Assert.Equal(("vbox", FirmwareType.Uefi, true, true, "Windows11_64"), (source.Hypervisor, source.Firmware, source.SecureBoot, source.HasTpm, source.OsType));
        Assert.Equal(["cdrom", "disk"], source.BootOrder);
        Assert.Equal(new SourceVideo("vmsvga", 128 << 20), source.Video);
        Assert.Equal(("ich6", true, "From VirtualBox.", "39a69c87-0433-4945-8e25-b89431544a28"), (source.Sound, source.ClockUtc, source.Annotation, source.Uuid));
        Assert.Equal([new("08:00:27:ab:cd:ef", "e1000", "NAT", NetworkType.Network)], source.Nics);
    }

    [Fact]
    public void Deployment_options_choose_items_and_sizes()
    {
        string ovf = _ova.Ovf
            .Replace("<VirtualSystem ", """<DeploymentOptionSection><Info>x</Info><Configuration ovf:id="small"/><Configuration ovf:id="large" ovf:default="true"/></DeploymentOptionSection><VirtualSystem """, StringComparison.Ordinal)
            .Replace("<Item><rasd:InstanceID>1<", "<Item ovf:configuration=\"small\"><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>1</rasd:VirtualQuantity></Item><Item ovf:configuration=\"large other\"><rasd:InstanceID>1<", StringComparison.Ordinal);
        Assert.Equal(2, Read(ovf).Metadata.ProcessorCount);
        Assert.Equal(1, Read(ovf, new SourceOptions { DeploymentOption = "small" }).Metadata.ProcessorCount);
        Assert.Equal("OvfOptionUnknown", Assert.Throws<V2VException>(() => Read(ovf, new SourceOptions { DeploymentOption = "huge" })).ErrorId);
    }

    [Fact]
    public void Bounds_are_not_devices()
    {
        _ova.Memory += _ova.Memory.Replace("<Item>", "<Item ovf:bound=\"min\">", StringComparison.Ordinal).Replace("1024", "16", StringComparison.Ordinal);
        _ova.Memory = _ova.Memory.Replace("<Item ovf:bound", "<Item ovf:bound", StringComparison.Ordinal);
        Assert.Equal(1L << 30, Read().Metadata.MemoryBytes);
    }

    [Fact]
    public void Options_override_the_metadata()
    {
        V2VSource source = Read(_ova.Ovf, new SourceOptions { MemoryBytes = 5 << 20, ProcessorCount = 7 }).Metadata;
        Assert.Equal((5 << 20, 7), (source.MemoryBytes, source.ProcessorCount));
    }

    [Theory]
    [InlineData("http://schemas.dmtf.org/ovf/envelope/1", true)]
    [InlineData("http://schemas.dmtf.org/ovf/envelope/2", true)]
    [InlineData("http://www.vmware.com/schema/ovf/1/envelope", true)]
    [InlineData("http://schemas.dmtf.org/ovf/envelope/3", false)]
    public void Versions(string space, bool isKnown)
    {
        string ovf = _ova.Ovf.Replace("http://schemas.dmtf.org/ovf/envelope/1", space, StringComparison.Ordinal);
        if (isKnown)
        {
            Assert.Equal("guest", Read(ovf).Name);
        }
        else
        {
            Assert.Equal("OvfVersionUnsupported", Assert.Throws<V2VException>(() => Read(ovf)).ErrorId);
        }
    }

    [Fact]
    public void Text_in_old_encodings_is_read()
    {
        _ova.Name = "Rechner für Grüße";
        string ovf = _ova.Ovf.Replace("UTF-8", "windows-1252", StringComparison.Ordinal);
        Encoding encoding = CodePagesEncodingProvider.Instance.GetEncoding(1252)!;
        OvfPackage package = OvfPackage.Parse(encoding.GetBytes(ovf), "x.ovf");
        Assert.Equal(_ova.Name, OvfSystemReader.NameOf(package, package.Systems[0]));
        package = OvfPackage.Parse([.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes(_ova.Ovf.Replace("UTF-8", "UTF-16", StringComparison.Ordinal))], "x.ovf");
        Assert.Equal(_ova.Name, OvfSystemReader.NameOf(package, package.Systems[0]));
    }

    [Theory]
    [InlineData("web-01", "web*", true)]
    [InlineData("WEB-01", "web-0?", true)]
    [InlineData("web-03", "web-0[12]", false)]
    [InlineData("web-02", "web-0[1-2]", true)]
    [InlineData("a[b", "a[b", true)]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "*a*a*a*a*a*a*a*a*a*a*a*[c]", false)]
    [InlineData("db", "web*", false)]
    public void Names_match(string name, string pattern, bool matches) => Assert.Equal(matches, SourceName.Matches(name, pattern));

    [Theory]
    [InlineData("/x/guest.img", "guest")]
    [InlineData("/x/guest.ova", "guest")]
    [InlineData("/x/guest-sda", "guest")]
    [InlineData("/x/guest.qcow2", "guest")]
    [InlineData("/x/my.guest.vmdk", "my.guest")]
    [InlineData("/x/guest", "guest")]
    public void Names_come_from_files(string path, string name) => Assert.Equal(name, SourceName.FromPath(path));

    [Fact]
    public void A_file_without_a_name_gives_none() =>
        Assert.Equal("SourceNameEmpty", Assert.Throws<V2VException>(() => SourceName.FromPath("/x/.img")).ErrorId);

    private static string Controller(int id, int type, int address, string name, string? model = null) =>
        $"<Item><rasd:Address>{address}</rasd:Address><rasd:ElementName>{name}</rasd:ElementName><rasd:InstanceID>{id}</rasd:InstanceID>{(model is null ? "" : $"<rasd:ResourceSubType>{model}</rasd:ResourceSubType>")}<rasd:ResourceType>{type}</rasd:ResourceType></Item>";

    private static string Disk(int id, int parent, int unit) =>
        $"<Item><rasd:AddressOnParent>{unit}</rasd:AddressOnParent><rasd:HostResource>ovf:/disk/d{id}</rasd:HostResource><rasd:InstanceID>{100 + id}</rasd:InstanceID><rasd:Parent>{parent}</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType></Item>";

    private static string Nic(int id, string? model, string? connection, string? mac) =>
        $"<Item>{(mac is null ? "" : $"<rasd:Address>{mac}</rasd:Address>")}{(connection is null ? "" : $"<rasd:Connection>{connection}</rasd:Connection>")}<rasd:InstanceID>{id}</rasd:InstanceID>{(model is null ? "" : $"<rasd:ResourceSubType>{model}</rasd:ResourceSubType>")}<rasd:ResourceType>10</rasd:ResourceType></Item>";

    private static OvfSystem Read(string ovf, SourceOptions? options = null)
    {
        OvfPackage package = OvfPackage.Parse(Encoding.UTF8.GetBytes(ovf), "guest.ovf");
        return OvfSystemReader.Read(package, Assert.Single(package.Systems), Path.GetFullPath("guest.ova"), options ?? new SourceOptions());
    }

    private OvfSystem Read() => Read(_ova.Ovf);

    private void AssertRefused(string errorId) => Assert.Equal(errorId, Assert.Throws<V2VException>(() => Read()).ErrorId);
}
