using System.Xml.Linq;
using V2V.Core.Conversion;
using V2V.Core.Conversion.Windows;
using V2V.Core.Export.Libvirt;
using V2V.Core.Export.Machine;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Windows;
using V2V.Core.Sources;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Export;

/// <summary>The machine that each version of Windows gets, with virtio drivers and without; libvirt's own schema judges every one of them.</summary>
public sealed class LibvirtWindowsTests
{
    /// <summary>Version, product, type, architecture, firmware; then machine, bus and card without drivers, TPM.</summary>
    public static TheoryData<string, string, string, string, FirmwareType, string, string, string, bool> Versions => new()
    {
        { "5.1.2600", "Microsoft Windows XP", "Client", "i386", FirmwareType.Bios, "pc", "ide", "rtl8139", false },
        { "5.2.3790", "Microsoft Windows Server 2003", "Server", "x86_64", FirmwareType.Bios, "pc", "ide", "rtl8139", false },
        { "6.0.6002", "Windows Server (R) 2008 Standard", "Server", "x86_64", FirmwareType.Bios, "q35", "sata", "e1000", false },
        { "6.1.7601", "Windows 7 Ultimate", "Client", "i386", FirmwareType.Bios, "q35", "sata", "e1000", false },
        { "6.1.7601", "Windows Server 2008 R2 Standard", "Server", "x86_64", FirmwareType.Uefi, "q35", "sata", "e1000", false },
        { "6.3.9600", "Windows Server 2012 R2 Standard", "Server", "x86_64", FirmwareType.Bios, "q35", "sata", "e1000", false },
        { "10.0.19045", "Windows 10 Pro", "Client", "x86_64", FirmwareType.Uefi, "q35", "sata", "e1000", false },
        { "10.0.20348", "Windows Server 2022 Standard", "Server Core", "x86_64", FirmwareType.Uefi, "q35", "sata", "e1000", false },
        { "10.0.26100", "Windows Server 2025 Standard", "Server", "x86_64", FirmwareType.Uefi, "q35", "sata", "e1000", false },
        { "10.0.22631", "Windows 11 Pro", "Client", "x86_64", FirmwareType.Uefi, "q35", "sata", "e1000", true },
        { "10.0.22631", "Windows 11 Pro", "Client", "x86_64", FirmwareType.Bios, "q35", "sata", "e1000", false },
        { "10.0.22631", "Windows 11 Pro", "Client", "aarch64", FirmwareType.Unknown, "virt", "sata", "e1000", true },
    };

    [Theory]
    [MemberData(nameof(Versions))]
    public void Each_version_gets_the_machine_that_suits_it(
        string version, string product, string type, string architecture, FirmwareType firmware, string machine, string bus, string card, bool hasTpm)
    {
        Tool.Require("virt-xml-validate");
        using var directory = new TemporaryDirectory();
        V2VSource plain = Machines.Source();
        var source = new V2VSource { Name = plain.Name, Path = plain.Path, MemoryBytes = plain.MemoryBytes, ProcessorCount = 2, Firmware = firmware, SecureBoot = hasTpm, Disks = plain.Disks, Nics = plain.Nics };
        var release = new WindowsRelease(Version.Parse(version), product, "", type, null);
        var inspection = new V2VInspection
        {
            Source = source,
            OsType = "windows",
            Distro = "windows",
            Version = release.Version,
            Architecture = architecture,
            Firmware = firmware,
            OsInfoId = release.OsInfoId,
            Windows = new WindowsInfo { SystemRoot = "/Windows", InstallationType = type },
        };
        GuestCapabilities without = WindowsCapabilityRules.Describe(inspection);
        GuestCapabilities with = without with { BlockBus = BlockBus.VirtioBlk, NetModel = "virtio", VirtioRng = true, VirtioBalloon = true, PvPanic = true, SupportsVirtioScsi = true };
        bool isX86 = architecture != "aarch64";
        foreach ((GuestCapabilities capabilities, string disk, string net) in ((GuestCapabilities, string, string)[])[(without, isX86 ? bus : "scsi", card), (with, "virtio", "virtio")])
        {
            foreach (bool isUtc in (bool[])[false, true])
            {
                TargetMachine target = LibvirtDomainTests.Build(source, Machines.Overlay(source, capabilities with { RtcUtc = isUtc }, inspection));
                string file = directory.File("domain.xml");
                File.WriteAllBytes(file, LibvirtDomain.Write(target));
                (int exitCode, string output) = Tool.TryRun("virt-xml-validate", file, "domain");
                Assert.True(exitCode == 0, output);
                XElement domain = LibvirtDomain.Build(target).Root!, os = domain.Element("os")!, devices = domain.Element("devices")!;
                Assert.Equal(machine, os.Element("type")!.Attribute("machine")!.Value);
                Assert.Equal(isX86 && firmware != FirmwareType.Uefi ? null : "efi", os.Attribute("firmware")?.Value);
                Assert.Equal(isUtc ? "utc" : "localtime", domain.Element("clock")!.Attribute("offset")!.Value);
                Assert.Equal(net, devices.Element("interface")!.Element("model")!.Attribute("type")!.Value);
                if (isX86 || capabilities == with)
                {
                    Assert.Equal(disk, devices.Element("disk")!.Element("target")!.Attribute("bus")!.Value);
                }

                Assert.Equal(hasTpm ? isX86 ? "tpm-crb" : "tpm-tis" : null, devices.Element("tpm")?.Attribute("model")!.Value);
                XElement[] timers = [.. domain.Element("clock")!.Elements("timer")];
                string[] hyperV = [.. domain.Element("features")?.Element("hyperv")?.Elements().Select(e => e.Name.LocalName) ?? []];
                if (!isX86)
                {
                    Assert.Empty(timers);
                    Assert.Empty(hyperV);
                    continue;
                }

                // stimer needs synic, vpindex and the clock of Hyper-V.
                Assert.Superset(new HashSet<string>(["relaxed", "vapic", "spinlocks", "vpindex", "runtime", "synic", "stimer", "reset"]), hyperV.ToHashSet());
                Assert.Equal("yes", timers.Single(t => t.Attribute("name")!.Value == "hypervclock").Attribute("present")!.Value);
                Assert.Equal("no", timers.Single(t => t.Attribute("name")!.Value == "hpet").Attribute("present")!.Value);
                Assert.Equal("catchup", timers.Single(t => t.Attribute("name")!.Value == "rtc").Attribute("tickpolicy")!.Value);
            }
        }
    }
}
