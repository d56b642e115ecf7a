using System.Globalization;
using V2V.Core.Sources;
using V2V.Core.Sources.Ovf;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Sources;

/// <summary>OVFs that others wrote: VMware's test suites, Cisco's, virt-v2v's, virt-manager's.</summary>
public sealed class CorpusTests
{
    /// <summary>Descriptors that must be refused, and why; each was looked at by hand.</summary>
    private static readonly Dictionary<string, string> s_refused = new(StringComparer.Ordinal)
    {
        ["ersatz_ovf_3.0.ovf"] = "OvfVersionUnsupported",
        ["invalid.ovf"] = "OvfDiskUnresolved", // names a disk that does not exist
        ["category-grouping.ovf"] = "OvfDiskUnresolved", // a disk without a size or a file
        ["empty.ovf"] = "OvfInvalid",
        ["PvScsis_old/descriptor.ovf"] = "OvfInvalid", // a web server's page of an error
        ["tagBasedPlacement005.ovf"] = "OvfInvalid", // a collection of nothing
        ["nostalgia-vapp.ovf"] = "OvfInvalid", // a collection of nothing
        ["nvapp004.ovf"] = "OvfInvalid", // a collection of nothing
        ["Envelope_1_0/Neg/invalid_version.ovf"] = "OvfInvalid", // no virtual system
        ["invalid_ref_no_href.ovf"] = "OvfInvalid",
        ["noninteger_range.ovf"] = "OvfValueInvalid", // memory: Thousand and Twenty Four
        ["item_msgid_elename.ovf"] = "OvfXmlInvalid", // a prefix that is not declared
    };

    [Fact]
    public void Every_descriptor_is_read_or_refused_by_name()
    {
        string root = Corpus.Require("ovf");
        string[] files = Directory.GetFiles(root, "*.ovf", SearchOption.AllDirectories);
        Assert.True(files.Length > 150);
        var wrong = new List<string>();
        int refused = 0;
        foreach (string file in files)
        {
            string name = Path.GetRelativePath(root, file).Replace('\\', '/');
            string? expected = s_refused.FirstOrDefault(r => name.EndsWith("/" + r.Key, StringComparison.Ordinal)).Value;
            string? actual = null;
            try
            {
                OvfPackage package = OvfPackage.Parse(File.ReadAllBytes(file), name);
                foreach (System.Xml.Linq.XElement system in package.Systems)
                {
                    OvfSystemReader.Read(package, system, file, new SourceOptions());
                }
            }
            catch (V2VException e)
            {
                actual = e.ErrorId;
                refused++;
            }

            if (actual != expected)
            {
                wrong.Add($"{name}: {actual ?? "read"} instead of {expected ?? "read"}");
            }
        }

        Assert.Empty(wrong);
        Assert.Equal(s_refused.Count, refused);
    }

    [Theory]
    [InlineData("cot/input.ovf", "test|vmware|4096|4|Unknown|Scsi0:0=input.vmdk|vmxnet3 vmxnet3 vmxnet3|other26xLinux64Guest")]
    [InlineData("cot/iosv.ovf", "Cisco IOSv|vmware|384|1|Unknown|Ide0:0=input.vmdk Ide0:1=blank|e1000 e1000|otherGuest")]
    [InlineData("cot/ubuntu.2.0.ovf", "ubuntu|vbox|512|1|Bios|Sata0:0=ubuntu.2.0-disk1.vmdk|e1000|Ubuntu_64")]
    [InlineData("cot/v0.9.ovf", "v0.9|vmware|8192|1|Unknown|Scsi0:0=input.vmdk|pcnet32|other26xLinux64Guest")]
    [InlineData("cot/vmware.ovf", "vmw|vmware|1536|2|Bios|VirtioScsi0:0=input.vmdk|e1000 e1000 e1000 e1000|rhel6_64Guest")]
    [InlineData("govmomi/configspec.ovf", "haproxy|vmware|4096|2|Bios|Scsi0:0=haproxy.ova.vmdk Scsi1:0=blank Nvme0:0=blank Sata0:0=blank Sata1:0=blank|vmxnet3 vmxnet3|other3xLinux64Guest")]
    [InlineData("govmomi/multiple_disks.ovf", "uber|vmware|64|2|Uefi|Scsi0:0=disk0.vmdk Scsi0:1=disk1.vmdk Scsi0:2=disk2.vmdk Scsi0:3=blank|e1000|otherLinuxGuest")]
    [InlineData("govmomi/disk-capacity-property.ovf", "disk-capacity-property-vm|vmware|512|1|Unknown|Scsi0:0=blank||")]
    [InlineData("govmomi/photon5.ovf", "Photon OS|vmware|2048|1|Uefi|Scsi0:0=photon-ova-disk1.vmdk|vmxnet3|vmwarePhoton64Guest")]
    [InlineData("govmomi/external/pci-passthrough/ah/newVM-PCI-AH.ovf", "newVM-PCI-AH|vmware|1024|1|Uefi+SecureBoot|Scsi0:0=newVM-PCI-AH-1.vmdk|vmxnet3|centos8_64Guest")]
    [InlineData("govmomi/external/DeleteHDTestdata/Sass/Sass.ovf", "Vm1|vmware|256|1|Bios|Scsi1:0=Sass-disk1.vmdk Scsi1:1=Sass-disk2.vmdk|pcnet32|rhel6Guest")]
    [InlineData("govmomi/vmware/Vcf-License-Server-9.1.0.0.25262073.ovf", "VCF License Server Appliance|vmware|4096|2|Uefi+SecureBoot|Scsi0:0=Vcf-License-Server-9.1.0.0.25262073-disk1.vmdk Scsi0:1=Vcf-License-Server-9.1.0.0.25262073-disk2.vmdk Scsi0:2=blank|vmxnet3|vmwarePhoton64Guest")]
    public void What_is_read(string file, string expected)
    {
        string path = Corpus.Require("ovf/" + file);
        OvfPackage package = OvfPackage.Parse(File.ReadAllBytes(path), file);
        OvfSystem s = OvfSystemReader.Read(package, Assert.Single(package.Systems), path, new SourceOptions());
        string disks = string.Join(' ', s.Disks.Select(d => string.Create(CultureInfo.InvariantCulture, $"{d.Controller}{d.ControllerNumber}:{d.Unit}={d.File?.Href ?? "blank"}")));
        Assert.Equal(
            expected,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{s.Name}|{s.Metadata.Hypervisor}|{s.Metadata.MemoryBytes >> 20}|{s.Metadata.ProcessorCount}|{s.Metadata.Firmware}{(s.Metadata.SecureBoot ? "+SecureBoot" : "")}|{disks}|{string.Join(' ', s.Metadata.Nics.Select(n => n.Model))}|{s.Metadata.OsType}"));
    }

    [Fact]
    public void Vapps_give_all_their_machines()
    {
        string path = Corpus.Require("ovf/govmomi/virtualsystemcollection.ovf");
        OvfPackage package = OvfPackage.Parse(File.ReadAllBytes(path), "x");
        Assert.Equal(["Virtual Appliance One", "Virtual Appliance Two"], package.Systems.Select(s => OvfSystemReader.NameOf(package, s)));
        OvfSystem first = OvfSystemReader.Read(package, package.Systems[0], path, new SourceOptions());
        Assert.Equal(100L << 30, first.Disks[0].Capacity);
        Assert.Equal("00:16:8b:db:00:5e", first.Metadata.Nics[0].MacAddress);
    }
}
