using System.Xml.Linq;

namespace V2V.Core.Sources.Ovf;

/// <summary>VirtualBox's own description of a machine (<c>vbox:Machine</c>), which knows more than its OVF says.</summary>
internal sealed class VirtualBoxMachine
{
    private readonly XElement _machine;
    private readonly XElement? _hardware;
    private readonly XElement? _system;

    private VirtualBoxMachine(XElement machine, XElement system)
    {
        _machine = machine;
        _hardware = machine.Child("Hardware");
        _system = system.Child("OperatingSystemSection");
    }

    /// <summary>The machine in a virtual system, or null if VirtualBox did not write it.</summary>
    public static VirtualBoxMachine? Find(XElement system)
    {
        XElement? machine = system.Elements().FirstOrDefault(e => e.Name.LocalName == "Machine" && e.Name.NamespaceName.Contains("virtualbox", StringComparison.OrdinalIgnoreCase));
        return machine is null ? null : new VirtualBoxMachine(machine, system);
    }

    public string? OsType => _machine.Get("OSType") ?? _system.Text("OSType");

    public string? Uuid => Guid.TryParse(_machine.Get("uuid"), out Guid id) ? id.ToString() : null;

    public string? Description => _machine.Text("Description");

    /// <summary>VirtualBox writes nothing for its default, which is the BIOS. Newer versions have it below another element.</summary>
    public FirmwareType Firmware =>
        Everywhere("Firmware").Select(f => f.Get("type")).FirstOrDefault(t => t is not null) is { } type
        && type.StartsWith("EFI", StringComparison.OrdinalIgnoreCase) ? FirmwareType.Uefi : FirmwareType.Bios;

    public bool SecureBoot => Everywhere("SecureBoot").Any(s => OvfXml.IsTrue(s.Get("enabled")));

    public bool HasTpm => Everywhere("TrustedPlatformModule").Any(t => t.Get("type") is { } type && !type.Equals("None", StringComparison.OrdinalIgnoreCase));

    public bool? ClockUtc => _hardware.Child("RTC").Get("localOrUTC") is { } clock ? clock.Equals("UTC", StringComparison.OrdinalIgnoreCase) : null;

    public bool NestedVirtualization => _hardware.Child("CPU").Child("NestedHWVirt") is { } nested && OvfXml.IsTrue(nested.Get("enabled") ?? "true");

    public bool CpuHotAdd => OvfXml.IsTrue(_hardware.Child("CPU").Get("hotplug"));

    public SourceVideo? Video => _hardware.Child("Display") is { } display
        ? new SourceVideo(display.Get("controller")?.ToLowerInvariant(), OvfXml.ToInt32(display.Get("VRAMSize")) is { } mebibytes and >= 0 ? (long)mebibytes << 20 : null)
        : null;

    /// <summary>The sound card in libvirt's words; VirtualBox's default is an AC'97.</summary>
    public string? Sound => _hardware.Child("AudioAdapter") is { } audio && OvfXml.IsTrue(audio.Get("enabled") ?? "true")
        ? audio.Get("controller")?.ToUpperInvariant() switch { "HDA" => "ich6", "SB16" => "sb16", _ => "ac97" }
        : null;

    public IReadOnlyList<string> BootOrder => [.. _hardware.Child("Boot").Children("Order")
        .OrderBy(o => OvfXml.ToInt32(o.Get("position")) ?? int.MaxValue)
        .Select(o => o.Get("device")?.ToLowerInvariant() switch { "harddisk" => "disk", "dvd" => "cdrom", "floppy" => "floppy", "network" => "network", _ => null })
        .OfType<string>()];

    /// <summary>Addresses of the cards that are on, in order of their slots: the same order as in the OVF.</summary>
    public IReadOnlyList<string> MacAddresses => [.. _hardware.Child("Network").Children("Adapter")
        .Where(a => OvfXml.IsTrue(a.Get("enabled")))
        .OrderBy(a => OvfXml.ToInt32(a.Get("slot")) ?? int.MaxValue)
        .Select(a => a.Get("MACAddress") ?? "")];

    /// <summary>Extra data of the machine.</summary>
    public IEnumerable<KeyValuePair<string, string>> ExtraData => _machine.Child("ExtraData").Children("ExtraDataItem")
        .Where(i => i.Get("name") is not null)
        .Select(i => KeyValuePair.Create(i.Get("name")!, i.Get("value") ?? ""));

    public int SerialPorts => _hardware.Child("UART").Children("Port").Count(p => OvfXml.IsTrue(p.Get("enabled")));

    private IEnumerable<XElement> Everywhere(string localName) => _hardware?.Descendants().Where(e => e.Name.LocalName == localName) ?? [];
}
