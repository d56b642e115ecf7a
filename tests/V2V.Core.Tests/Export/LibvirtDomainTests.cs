using System.Text;
using System.Xml.Linq;
using V2V.Core.Conversion;
using V2V.Core.Export;
using V2V.Core.Export.Libvirt;
using V2V.Core.Export.Machine;
using V2V.Core.Inspection;
using V2V.Core.Sources;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Export;

/// <summary>Domain XML by output.md 6.4 and beyond; judged by libvirt's own schema and by its parser.</summary>
public sealed class LibvirtDomainTests
{
    /// <summary>Every value of every setting, each with several of the others: 96 machines.</summary>
    internal static IEnumerable<(string Name, TargetMachine Machine)> Matrix()
    {
        var random = new Random(20261122);
        (string Machine, string Architecture)[] kinds = [("q35", "x86_64"), ("pc", "x86_64"), ("pc", "i686"), ("virt", "aarch64")];
        foreach ((string machine, string architecture) in kinds)
        {
            foreach (BlockBus bus in Enum.GetValues<BlockBus>())
            {
                for (int variant = 0; variant < 6; variant++)
                {
                    bool Flip() => random.Next(2) == 0;
                    V2VSource source = RichSource(variant, Flip);
                    var capabilities = new GuestCapabilities
                    {
                        Machine = machine,
                        Architecture = architecture,
                        BlockBus = bus,
                        NetModel = new[] { "virtio", "e1000", "rtl8139" }[variant % 3],
                        Virtio10 = Flip(),
                        VirtioRng = Flip(),
                        VirtioBalloon = Flip(),
                        PvPanic = Flip(),
                        VirtioVsock = Flip(),
                        RtcUtc = Flip(),
                        Firmware = variant % 2 == 0 ? FirmwareType.Bios : FirmwareType.Uefi,
                        SecureBoot = Flip(),
                    };
                    var inspection = new V2VInspection { Source = source, OsType = Flip() ? "linux" : "windows", OsInfoId = new[] { "debian12", null, "win10" }[variant % 3] };
                    V2VOverlay? overlay = variant == 5 ? null : Machines.Overlay(source, capabilities, inspection, Flip() ? variant % 3 : null);
                    yield return ($"{machine}-{architecture}-{bus}-{variant}", Build(source, overlay));
                }
            }
        }
    }

    [Fact]
    public void Libvirts_schema_accepts_every_combination()
    {
        Tool.Require("virt-xml-validate");
        using var directory = new TemporaryDirectory();
        foreach ((string name, TargetMachine machine) in Matrix())
        {
            string file = directory.File(name + ".xml");
            File.WriteAllBytes(file, LibvirtDomain.Write(machine));
            (int exitCode, string output) = Tool.TryRun("virt-xml-validate", file, "domain");
            Assert.True(exitCode == 0, $"{name}: {output}\n{File.ReadAllText(file)}");
        }
    }

    [Fact]
    public void Libvirts_parser_defines_a_converted_machine()
    {
        Tool.Require("virsh");
        using var directory = new TemporaryDirectory();
        V2VSource source = Machines.Source("a guest", disks: 2);
        string file = directory.File("guest.xml");

        // The test driver knows no KVM: it parses all of the XML, then looks at the type.
        string xml = Encoding.UTF8.GetString(LibvirtDomain.Write(Build(source, Machines.Overlay(source, new GuestCapabilities { VirtioRng = true, VirtioBalloon = true, PvPanic = true }))));
        File.WriteAllText(file, xml.Replace("type=\"kvm\"", "type=\"test\"", StringComparison.Ordinal));
        Assert.Contains("defined from", Tool.Run("virsh", "-c", "test:///default", "define", file), StringComparison.Ordinal);
    }

    [Fact]
    public void A_converted_linux_has_virtio_throughout()
    {
        V2VSource source = Machines.Source(disks: 3);
        XElement domain = Document(source, Machines.Overlay(source, new GuestCapabilities { VirtioRng = true, VirtioBalloon = true, PvPanic = true, VirtioVsock = true }, bootDisk: 1));
        Assert.Equal("guest", domain.Element("name")!.Value);
        Assert.Equal("2097152", domain.Element("memory")!.Value);
        Assert.Equal("2", domain.Element("vcpu")!.Value);
        Assert.Equal("q35", domain.Element("os")!.Element("type")!.Attribute("machine")!.Value);
        Assert.Null(domain.Element("os")!.Attribute("firmware"));
        Assert.Equal("http://debian.org/debian/12", domain.Descendants().Single(e => e.Name.LocalName == "os" && e.Name.NamespaceName.Length > 0).Attribute("id")!.Value);
        XElement[] disks = [.. Devices(domain, "disk")];
        Assert.Equal(["vda", "vdb", "vdc"], disks.Select(d => d.Element("target")!.Attribute("dev")!.Value));
        Assert.All(disks, d => Assert.Equal("virtio", d.Element("target")!.Attribute("bus")!.Value));
        Assert.Equal(["2", "1", "3"], disks.Select(d => d.Element("boot")!.Attribute("order")!.Value));
        Assert.Equal(["v2v-disk0", "v2v-disk1", "v2v-disk2"], disks.Select(d => d.Element("serial")!.Value));
        XElement nic = Assert.Single(Devices(domain, "interface"));
        Assert.Equal("00:0c:29:aa:bb:cc", nic.Element("mac")!.Attribute("address")!.Value);
        Assert.Equal("virtio", nic.Element("model")!.Attribute("type")!.Value);
        Assert.Equal("VM Network", nic.Element("source")!.Attribute("network")!.Value);
        Assert.Single(Devices(domain, "rng"));
        Assert.Single(Devices(domain, "vsock"));
        Assert.Equal("0x505", Devices(domain, "panic").Single().Element("address")!.Attribute("iobase")!.Value);
        Assert.Equal("virtio", Devices(domain, "memballoon").Single().Attribute("model")!.Value);
        Assert.Equal("org.qemu.guest_agent.0", Devices(domain, "channel").Single().Element("target")!.Attribute("name")!.Value);
    }

    [Fact]
    public void A_guest_on_virtio_scsi_gets_its_controller()
    {
        V2VSource source = Machines.Source();
        XElement domain = Document(source, Machines.Overlay(source, new GuestCapabilities { BlockBus = BlockBus.VirtioScsi }));
        Assert.Equal("sda", Devices(domain, "disk").Single().Element("target")!.Attribute("dev")!.Value);
        Assert.Equal("virtio-scsi", Devices(domain, "controller").Single(c => c.Attribute("type")!.Value == "scsi").Attribute("model")!.Value);
    }

    [Fact]
    public void Secure_boot_UEFI_and_the_TPM_are_kept()
    {
        V2VSource source = Rich(tpm: true);
        XElement domain = Document(source, Machines.Overlay(source, new GuestCapabilities { Firmware = FirmwareType.Uefi, SecureBoot = true }));
        Assert.Equal("efi", domain.Element("os")!.Attribute("firmware")!.Value);
        Assert.Equal(["secure-boot", "enrolled-keys"], domain.Descendants("feature").Select(f => f.Attribute("name")!.Value));
        Assert.All(domain.Descendants("feature"), f => Assert.Equal("yes", f.Attribute("enabled")!.Value));
        Assert.Equal("on", domain.Element("features")!.Element("smm")!.Attribute("state")!.Value);
        Assert.Equal("tpm-crb", Devices(domain, "tpm").Single().Attribute("model")!.Value);
    }

    [Fact]
    public void A_machine_that_was_not_converted_gets_what_nearly_every_guest_can_drive()
    {
        XElement domain = Document(Machines.Source(), null);
        Assert.Equal("sata", Devices(domain, "disk").Single().Element("target")!.Attribute("bus")!.Value);
        Assert.Equal("e1000", Devices(domain, "interface").Single().Element("model")!.Attribute("type")!.Value);
        Assert.Empty(Devices(domain, "channel"));
        Assert.Equal("none", Devices(domain, "memballoon").Single().Attribute("model")!.Value);
    }

    [Fact]
    public void Old_virtio_on_Q35_is_transitional()
    {
        V2VSource source = Machines.Source();
        XElement domain = Document(source, Machines.Overlay(source, new GuestCapabilities { Virtio10 = false, VirtioRng = true, VirtioBalloon = true }));
        Assert.Equal("virtio-transitional", Devices(domain, "disk").Single().Attribute("model")!.Value);
        Assert.Equal("virtio-transitional", Devices(domain, "interface").Single().Element("model")!.Attribute("type")!.Value);
        Assert.Equal("virtio-transitional", Devices(domain, "rng").Single().Attribute("model")!.Value);
        Assert.Equal("virtio-transitional", Devices(domain, "memballoon").Single().Attribute("model")!.Value);
    }

    [Fact]
    public void Drives_keep_their_slots_and_make_way_where_one_is_taken()
    {
        V2VSource source = Rich(removables:
        [
            new SourceRemovable(RemovableType.CdRom, DiskController.Ide, 2),
            new SourceRemovable(RemovableType.CdRom, DiskController.Ide, 0),
            new SourceRemovable(RemovableType.CdRom, DiskController.Ide, 0),
            new SourceRemovable(RemovableType.CdRom, DiskController.Sata, null),
            new SourceRemovable(RemovableType.Floppy, DiskController.Floppy, 0),
            new SourceRemovable(RemovableType.Floppy, DiskController.Floppy, 0),
            new SourceRemovable(RemovableType.Floppy, DiskController.Floppy, 0),
        ]);
        var warnings = new List<string>();
        TargetMachine machine = Build(source, Machines.Overlay(source, new GuestCapabilities { Machine = "pc", BlockBus = BlockBus.Ide }), warnings);
        XElement domain = LibvirtDomain.Build(machine).Root!;
        Assert.Equal(["hda", "hdc", "hdb", "hdd", "sda", "fda", "fdb"], Devices(domain, "disk").Select(d => d.Element("target")!.Attribute("dev")!.Value));
        Assert.Equal(2, warnings.Count);
    }

    [Theory]
    [InlineData("debian12", "http://debian.org/debian/12")]
    [InlineData("ubuntu22.04", "http://ubuntu.com/ubuntu/22.04")]
    [InlineData("centos-stream9", "http://centos.org/centos-stream/9")]
    [InlineData("rhel9.2", "http://redhat.com/rhel/9.2")]
    [InlineData("opensuse15.4", "http://opensuse.org/opensuse/15.4")]
    [InlineData("sles15sp4", "http://suse.com/sles/15.4")]
    [InlineData("win2k19", "http://microsoft.com/win/2k19")]
    [InlineData("archlinux", "http://archlinux.org/archlinux/rolling")]
    [InlineData("nosuchos1", null)]
    [InlineData("debian12\"/>", null)]
    [InlineData(null, null)]
    public void Short_ids_become_the_databases_URIs(string? id, string? uri) => Assert.Equal(uri, OsInfo.ToUri(id));

    [Fact]
    public void The_osinfo_database_agrees()
    {
        string data = Corpus.Require("osinfo/data");
        int compared = 0;
        foreach (string file in Directory.EnumerateFiles(data, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string head = File.ReadAllText(file);
            if (!head.Contains("<short-id", StringComparison.Ordinal) || head.Contains("<!ENTITY", StringComparison.Ordinal))
            {
                continue;
            }

            foreach (XElement os in XDocument.Parse(head).Descendants("os").Where(o => o.Attribute("id") is not null && o.Element("short-id") is not null))
            {
                // What we do not know is left out of the metadata; what we write must be the database's own.
                if (OsInfo.ToUri(os.Elements("short-id").First().Value) is { } uri)
                {
                    Assert.Equal(os.Attribute("id")!.Value, uri);
                    compared++;
                }
            }
        }

        Assert.True(compared > 20, $"Only {compared} were compared.");
    }

    [Fact]
    public void Hostile_text_stays_text()
    {
        Tool.Require("virt-xml-validate");
        V2VSource source = Rich(name: "a/b\n<x>\u0001 & \"q\" \ud800 ü", annotation: "]]>\u0000<script/>\nsecond", network: "net<&\"\u0007");
        string xml = Encoding.UTF8.GetString(LibvirtDomain.Write(Build(source, Machines.Overlay(source))));
        XElement domain = XDocument.Parse(xml).Root!;
        Assert.Equal("a_b__x__ & _q_ _ ü", domain.Element("name")!.Value);
        Assert.Equal("]]>_<script/>\nsecond", domain.Element("description")!.Value);
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("x.xml"), xml);
        Tool.Run("virt-xml-validate", directory.File("x.xml"), "domain");
    }

    [Theory]
    [InlineData("6000c29a-1234", "6000c29a-1234")]
    [InlineData("a serial with more than 20 characters", "v2v-disk0")]
    [InlineData("comma,comma", "v2v-disk0")]
    [InlineData("", "v2v-disk0")]
    public void A_serial_is_kept_where_the_target_can_show_it(string serial, string expected)
    {
        var source = new V2VSource { Name = "x", Path = "x", Disks = [new SourceDisk { Index = 0, Format = "vmdk", Serial = serial }] };
        Assert.Equal(expected, Build(source, null).Disks[0].Serial);
    }

    [Fact]
    public void What_cannot_be_kept_is_a_warning()
    {
        var source = new V2VSource
        {
            Name = "x",
            Path = "x",
            MemoryBytes = -5,
            ProcessorCount = 0,
            CpuTopology = new CpuTopology(2, 2, 2),
            GenerationId = "not a uuid",
            Sound = "hdaudio",
            Nics = [new SourceNic("01:00:5e:00:00:01", null, "br 0!", NetworkType.Bridge)],
        };
        var warnings = new List<string>();
        TargetMachine machine = Build(source, null, warnings);
        Assert.Equal((1, 1024), (machine.Processors, machine.MemoryKiB));
        Assert.Null(machine.Topology);
        Assert.Null(machine.GenerationId);
        Assert.Null(machine.Nics[0].MacAddress);
        Assert.False(machine.Nics[0].IsBridge);
        Assert.Equal(5, warnings.Count);
    }

    internal static TargetMachine Build(V2VSource source, V2VOverlay? overlay, List<string>? warnings = null) => TargetMachineBuilder.Build(
        source, overlay, source.Name, new ExportOptions(), [.. source.Disks.Select(d => new DiskFile($"/images/guest-sd{ExportName.DiskLetters(d.Index)}", d.Index % 2 == 0 ? 512 : 4096))], warnings ?? []);

    internal static V2VSource RichSource(int variant, Func<bool> flip) => new()
    {
        Name = $"guest {variant}",
        Path = "/nowhere",
        MemoryBytes = 1536L << 20,
        ProcessorCount = 4,
        CpuTopology = flip() ? new CpuTopology(1, 2, 2) : null,
        CpuModel = flip() ? null : flip() ? "qemu64" : "Opteron_G4",
        CpuVendor = flip() ? "AMD" : null,
        GenerationId = flip() ? "01234567-89ab-cdef-0123-456789abcdef" : null,
        HasTpm = flip(),
        SecureBoot = flip(),
        Sound = new[] { null, "ac97", "es1370", "ich6", "ich9", "usb" }[variant],
        Annotation = flip() ? "An annotation & more\nin two lines" : null,
        Display = new SourceDisplay?[]
        {
            null, new("window"), new("vnc", "de", "secret", "127.0.0.1", 5901), new("spice", null, null, "0.0.0.0", 5930), new("spice"), new("vnc", Listen: "no such name!"),
        }[variant],
        Disks = [.. Enumerable.Range(0, variant).Select(i => new SourceDisk { Index = i, Format = "vmdk" })],
        Removables =
        [
            .. variant < 2 ? Array.Empty<SourceRemovable>() :
            [
                new SourceRemovable(RemovableType.CdRom, DiskController.Ide, 1),
                new SourceRemovable(RemovableType.CdRom, DiskController.Scsi, null),
                new SourceRemovable(RemovableType.Floppy, DiskController.Floppy, null),
            ],
        ],
        Nics =
        [
            .. variant < 1 ? Array.Empty<SourceNic>() :
            [
                new SourceNic("00:50:56:00:00:01", "vmxnet3", "VM Network", NetworkType.Network),
                new SourceNic(null, null, "br0", NetworkType.Bridge),
            ],
        ],
    };

    private static V2VSource Rich(
        string name = "guest", bool tpm = false, string? annotation = null, string network = "default", IReadOnlyList<SourceRemovable>? removables = null) => new()
        {
            Name = name,
            Path = "/nowhere",
            HasTpm = tpm,
            Annotation = annotation,
            Disks = [new SourceDisk { Index = 0, Format = "vmdk" }],
            Removables = removables ?? [],
            Nics = [new SourceNic(null, null, network, NetworkType.Network)],
        };

    private static XElement Document(V2VSource source, V2VOverlay? overlay) => LibvirtDomain.Build(Build(source, overlay)).Root!;

    private static IEnumerable<XElement> Devices(XElement domain, string name) => domain.Element("devices")!.Elements(name);
}
