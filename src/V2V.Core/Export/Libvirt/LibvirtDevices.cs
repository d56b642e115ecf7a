using System.Text.RegularExpressions;
using System.Xml.Linq;
using V2V.Core.Export.Machine;
using V2V.Core.Sources;

namespace V2V.Core.Export.Libvirt;

/// <summary>The devices of a libvirt domain.</summary>
internal static partial class LibvirtDevices
{
    /// <summary>Port of pvpanic on the ISA bus.</summary>
    private const string PanicPort = "0x505";

    /// <summary>The <c>devices</c> element.</summary>
    public static XElement Build(TargetMachine machine) => new(
        "devices",
        machine.Disks.Select(disk => Disk(machine, disk)),
        machine.CdRoms.Select(drive => Drive("cdrom", drive)),
        machine.Floppies.Select(drive => Drive("floppy", drive)),
        machine.HasScsi ? new XElement("controller", new XAttribute("type", "scsi"), new XAttribute("index", "0"), new XAttribute("model", Virtio(machine, "virtio-scsi"))) : null,
        machine.IsConverted ? new XElement("controller", new XAttribute("type", "virtio-serial"), new XAttribute("index", "0"), Transitional(machine)) : null,
        machine.Nics.Select(nic => Interface(machine, nic)),
        machine.IsConverted ? AgentChannel() : null,
        new XElement("console", new XAttribute("type", "pty")),
        Inputs(machine),
        Tpm(machine),
        Graphics(machine.Source.Display),
        machine.Sound is { } sound ? new XElement("sound", new XAttribute("model", sound)) : null,
        Video(machine),
        machine.Capabilities.VirtioVsock ? new XElement("vsock", new XAttribute("model", Virtio(machine, "virtio")), new XElement("cid", new XAttribute("auto", "yes"))) : null,
        new XElement("memballoon", new XAttribute("model", machine.Capabilities.VirtioBalloon ? Virtio(machine, "virtio") : "none")),
        machine.Capabilities.VirtioRng
            ? new XElement("rng", new XAttribute("model", Virtio(machine, "virtio")), new XElement("backend", new XAttribute("model", "random"), "/dev/urandom"))
            : null,
        machine.Capabilities.PvPanic && machine.IsX86
            ? new XElement("panic", new XAttribute("model", "isa"), new XElement("address", new XAttribute("type", "isa"), new XAttribute("iobase", PanicPort)))
            : null);

    private static string Virtio(TargetMachine machine, string model) =>
        machine.IsTransitional ? "virtio-transitional" : model;

    private static XAttribute? Transitional(TargetMachine machine) =>
        machine.IsTransitional ? new XAttribute("model", "virtio-transitional") : null;

    private static XElement Disk(TargetMachine machine, TargetDisk disk) => new(
        "disk",
        new XAttribute("type", "file"),
        new XAttribute("device", "disk"),
        disk.Bus == TargetBus.Virtio ? Transitional(machine) : null,
        new XElement(
            "driver",
            new XAttribute("name", "qemu"),
            new XAttribute("type", machine.Format),
            machine.Discard ? new XAttribute("discard", "unmap") : null),
        new XElement("source", new XAttribute("file", PlainText.Clean(disk.Path))),
        HasOddSectors(disk)
            ? new XElement("blockio", new XAttribute("logical_block_size", LibvirtDomain.Number(disk.SectorSize)), new XAttribute("physical_block_size", LibvirtDomain.Number(disk.SectorSize)))
            : null,
        Target(disk.Bus, disk.Slot),
        new XElement("serial", disk.Serial),
        new XElement("boot", new XAttribute("order", LibvirtDomain.Number(disk.BootOrder))));

    private static bool HasOddSectors(TargetDisk disk) => disk.SectorSize != 512 && (disk.Bus is TargetBus.Virtio or TargetBus.Scsi);

    private static XElement Drive(string device, TargetDrive drive) => new(
        "disk",
        new XAttribute("type", "file"),
        new XAttribute("device", device),
        new XElement("driver", new XAttribute("name", "qemu"), new XAttribute("type", "raw")),
        Target(drive.Bus, drive.Slot),
        device == "cdrom" ? new XElement("readonly") : null);

    private static XElement Target(TargetBus bus, int slot)
    {
        (string prefix, string name) = bus switch
        {
            TargetBus.Virtio => ("vd", "virtio"),
            TargetBus.Scsi => ("sd", "scsi"),
            TargetBus.Sata => ("sd", "sata"),
            TargetBus.Ide => ("hd", "ide"),
            _ => ("fd", "fdc"),
        };
        return new XElement("target", new XAttribute("dev", prefix + ExportName.DiskLetters(slot)), new XAttribute("bus", name));
    }

    private static XElement Interface(TargetMachine machine, TargetNic nic) => new(
        "interface",
        new XAttribute("type", nic.IsBridge ? "bridge" : "network"),
        nic.MacAddress is { } mac ? new XElement("mac", new XAttribute("address", mac)) : null,
        new XElement("source", new XAttribute(nic.IsBridge ? "bridge" : "network", nic.Network)),
        new XElement("model", new XAttribute("type", nic.Model == "virtio" ? Virtio(machine, "virtio") : nic.Model)));

    private static XElement AgentChannel() => new(
        "channel",
        new XAttribute("type", "unix"),
        new XElement("target", new XAttribute("type", "virtio"), new XAttribute("name", "org.qemu.guest_agent.0")));

    private static IEnumerable<XElement> Inputs(TargetMachine machine)
    {
        yield return new XElement("input", new XAttribute("type", "tablet"), new XAttribute("bus", "usb"));
        yield return machine.IsX86
            ? new XElement("input", new XAttribute("type", "mouse"), new XAttribute("bus", "ps2"))
            : new XElement("input", new XAttribute("type", "keyboard"), new XAttribute("bus", "usb"));
    }

    private static XElement? Tpm(TargetMachine machine) => !machine.Capabilities.Tpm && !machine.Source.HasTpm
        ? null
        : new XElement(
            "tpm",
            new XAttribute("model", machine.IsX86 && machine.IsUefi ? "tpm-crb" : "tpm-tis"),
            new XElement("backend", new XAttribute("type", "emulator"), new XAttribute("version", "2.0")));

    private static XElement Graphics(SourceDisplay? display)
    {
        if (display?.Type == "window")
        {
            return new XElement("graphics", new XAttribute("type", "sdl"));
        }

        string type = display?.Type == "spice" ? "spice" : "vnc";
        var graphics = new XElement("graphics", new XAttribute("type", type));
        bool hasPort = display?.Port is > 0 and < 65536;
        graphics.Add(new XAttribute("port", LibvirtDomain.Number(hasPort ? display!.Port!.Value : -1)));
        graphics.Add(new XAttribute("autoport", hasPort ? "no" : "yes"));
        if (!string.IsNullOrEmpty(display?.Keymap))
        {
            graphics.Add(new XAttribute("keymap", PlainText.Clean(display.Keymap)));
        }

        if (!string.IsNullOrEmpty(display?.Password))
        {
            graphics.Add(new XAttribute("passwd", PlainText.Clean(display.Password)));
        }

        if (display?.Listen is { } listen && (DnsName().IsMatch(listen) || System.Net.IPAddress.TryParse(listen, out _)))
        {
            graphics.Add(new XAttribute("listen", listen));
        }

        return graphics;
    }

    private static XElement Video(TargetMachine machine) => new(
        "video",
        machine.IsX86
            ? new XElement("model", new XAttribute("type", "vga"), new XAttribute("vram", "16384"), new XAttribute("heads", "1"))
            : new XElement("model", new XAttribute("type", "virtio"), new XAttribute("heads", "1")));

    [GeneratedRegex(@"\A[a-zA-Z0-9.\-]+\z")]
    private static partial Regex DnsName();
}
