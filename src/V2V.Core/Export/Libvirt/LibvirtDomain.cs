using System.Globalization;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using V2V.Core.Export.Machine;

namespace V2V.Core.Export.Libvirt;

/// <summary>
/// Spells a machine out as libvirt domain XML (https://libvirt.org/formatdomain.html) that <c>virsh define</c> takes as it
/// is. What only the target's host can know (UUID, addresses on PCI, the emulator, firmware files) is left to libvirt.
/// </summary>
internal static class LibvirtDomain
{
    private static readonly XNamespace s_libosinfo = "http://libosinfo.org/xmlns/libvirt/domain/1.0";

    /// <summary>The XML as UTF-8.</summary>
    public static byte[] Write(TargetMachine machine)
    {
        var settings = new XmlWriterSettings
        {
            Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            Indent = true,
            NewLineChars = "\n",
        };
        using var stream = new MemoryStream();
        using (var writer = XmlWriter.Create(stream, settings))
        {
            Build(machine).Save(writer);
        }

        return stream.ToArray();
    }

    /// <summary>The XML as a document.</summary>
    public static XDocument Build(TargetMachine machine)
    {
        Version? version = typeof(LibvirtDomain).Assembly.GetName().Version;
        var domain = new XElement(
            "domain",
            new XAttribute("type", "kvm"),
            new XComment($" Written by V2V {version?.ToString(3)} "),
            new XElement("name", ExportName.ToFileName(machine.Name)),
            machine.GenerationId is { } id ? new XElement("genid", id.ToString("D")) : null,
            string.IsNullOrWhiteSpace(machine.Source.Annotation) ? null : new XElement("description", PlainText.Clean(machine.Source.Annotation, keepLines: true)),
            Metadata(machine),
            Kibibytes("memory", machine.MemoryKiB),
            Kibibytes("currentMemory", machine.MemoryKiB),
            new XElement("vcpu", Number(machine.Processors)),
            OperatingSystem(machine),
            Features(machine),
            Processor(machine),
            Clock(machine),
            new XElement("on_poweroff", "destroy"),
            new XElement("on_reboot", "restart"),
            new XElement("on_crash", "restart"),
            LibvirtDevices.Build(machine));
        return new XDocument(new XDeclaration("1.0", "utf-8", null), domain);
    }

    internal static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static XElement Kibibytes(string name, long value) => new(name, new XAttribute("unit", "KiB"), Number(value));

    private static XElement? Metadata(TargetMachine machine)
    {
        return OsInfo.ToUri(machine.OsInfoId) is { } uri
            ? new XElement(
                "metadata",
                new XElement(
                    s_libosinfo + "libosinfo",
                    new XAttribute(XNamespace.Xmlns + "libosinfo", s_libosinfo.NamespaceName),
                    new XElement(s_libosinfo + "os", new XAttribute("id", uri))))
            : null;
    }

    private static XElement OperatingSystem(TargetMachine machine)
    {
        XElement? firmware = null;
        if (machine.IsUefi)
        {
            firmware = new XElement(
                "firmware",
                Feature("secure-boot", machine.HasSecureBoot),
                machine.HasSecureBoot ? Feature("enrolled-keys", true) : null);
        }

        return new XElement(
            "os",
            machine.IsUefi ? new XAttribute("firmware", "efi") : null,
            new XElement(
                "type",
                new XAttribute("arch", machine.Architecture),
                new XAttribute("machine", machine.Capabilities.Machine),
                "hvm"),
            firmware);

        static XElement Feature(string name, bool isEnabled) =>
            new("feature", new XAttribute("enabled", isEnabled ? "yes" : "no"), new XAttribute("name", name));
    }

    private static XElement? Features(TargetMachine machine)
    {
        if (!machine.IsX86)
        {
            return machine.Architecture == "aarch64" ? new XElement("features", new XElement("acpi")) : null;
        }

        return new XElement(
            "features",
            new XElement("acpi"),
            new XElement("apic"),
            machine.IsWindows ? HyperV() : null,
            new XElement("pae"),
            machine.HasSecureBoot ? new XElement("smm", new XAttribute("state", "on")) : null,
            new XElement("vmport", new XAttribute("state", "off")));
    }

    /// <summary>Interfaces of Hyper-V that Windows uses when it finds them; without them it runs slowly.</summary>
    private static XElement HyperV() => new(
        "hyperv",
        State("relaxed"),
        State("vapic"),
        new XElement("spinlocks", new XAttribute("state", "on"), new XAttribute("retries", "8191")),
        State("vpindex"),
        State("runtime"),
        State("synic"),
        State("stimer"),
        State("reset"));

    private static XElement State(string name) => new(name, new XAttribute("state", "on"));

    private static XElement Processor(TargetMachine machine)
    {
        XElement? topology = machine.Topology is { } t
            ? new XElement(
                "topology",
                new XAttribute("sockets", Number(t.Sockets)),
                new XAttribute("cores", Number(t.Cores)),
                new XAttribute("threads", Number(t.Threads)))
            : null;
        if (string.IsNullOrWhiteSpace(machine.Source.CpuModel))
        {
            return new XElement("cpu", new XAttribute("mode", machine.IsX86 ? "host-model" : "host-passthrough"), topology);
        }

        string model = PlainText.Clean(machine.Source.CpuModel);
        return new XElement(
            "cpu",
            new XAttribute("match", "minimum"),
            model == "qemu64" ? new XAttribute("check", "none") : null,
            new XElement("model", new XAttribute("fallback", "allow"), model),
            string.IsNullOrWhiteSpace(machine.Source.CpuVendor) ? null : new XElement("vendor", PlainText.Clean(machine.Source.CpuVendor)),
            topology);
    }

    private static XElement Clock(TargetMachine machine)
    {
        var clock = new XElement("clock", new XAttribute("offset", machine.Capabilities.RtcUtc ? "utc" : "localtime"));
        if (machine.IsX86)
        {
            clock.Add(
                new XElement("timer", new XAttribute("name", "rtc"), new XAttribute("tickpolicy", "catchup")),
                new XElement("timer", new XAttribute("name", "pit"), new XAttribute("tickpolicy", "delay")),
                new XElement("timer", new XAttribute("name", "hpet"), new XAttribute("present", "no")),
                machine.IsWindows ? new XElement("timer", new XAttribute("name", "hypervclock"), new XAttribute("present", "yes")) : null);
        }

        return clock;
    }
}
