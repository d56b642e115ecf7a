using System.Xml.Linq;
using V2V.Storage;

namespace V2V.Core.Sources.Ovf;

/// <summary>Reads one virtual system of an OVF (DSP0243 sections 8 and 9, VMware's and VirtualBox's dialects).</summary>
internal static class OvfSystemReader
{
    private const int OtherDevice = 1;
    private const int Processor = 3;
    private const int Memory = 4;
    private const int SerialPort = 21;
    private const int ParallelPort = 22;
    private const int UsbController = 23;
    private const int Graphics = 24;
    private const int Sound = 35;

    private const int MaximumProcessors = 4096;
    private const long DefaultMemory = 1L << 30;

    /// <summary>Name of a virtual system: its Name, else its ID; null if it has neither.</summary>
    public static string? NameOf(OvfPackage package, XElement system) => package.TextOf(system.Child("Name")) ?? system.Get("id");

    /// <summary>Reads a virtual system.</summary>
    /// <param name="package">The OVF.</param>
    /// <param name="system">One of its systems.</param>
    /// <param name="sourcePath">Path of the OVA, OVF or folder.</param>
    /// <param name="options">Deployment option, and values that override the OVF's.</param>
    /// <exception cref="V2VException"><c>OvfValueInvalid</c>, <c>OvfDiskUnresolved</c>, <c>OvfOptionUnknown</c>.</exception>
    public static OvfSystem Read(OvfPackage package, XElement system, string sourcePath, SourceOptions options)
    {
        var warnings = new List<string>();
        string name = NameOf(package, system) ?? SourceName.FromPath(sourcePath);
        if (package.TextOf(system.Child("Name")) is null)
        {
            warnings.Add($"The OVF gives the machine no name; it is called '{name}'.");
        }

        XElement? hardware = ChooseHardware(system);
        if (hardware is null)
        {
            warnings.Add("The OVF describes no virtual hardware.");
        }

        string? option = package.ChooseOption(options.DeploymentOption);
        List<OvfItem> items = hardware is null ? [] : OvfItem.ReadAll(hardware, option, package.Name);
        var settings = new OvfSettings(system, hardware);
        VirtualBoxMachine? virtualBox = VirtualBoxMachine.Find(system);
        string? hardwareVersion = hardware.Child("System").Text("VirtualSystemType");
        string hypervisor = HypervisorOf(hardwareVersion, virtualBox, system);

        var storage = new OvfStorageReader(package, system, option, items, warnings);
        List<OvfAttachedDisk> disks = OvfDiskOrder.Sort(storage.ReadDisks(), hypervisor == "vbox", settings.Vmx("bios.hddOrder"));
        int processors = options.ProcessorCount ?? ReadProcessors(items, package.Name);
        XElement? os = system.Child("OperatingSystemSection");
        XElement? product = system.Child("ProductSection");
        string[] hostDevices = [.. items.Where(i => i.Model?.Contains("passthrough", StringComparison.Ordinal) == true && i.Model.Contains("pci", StringComparison.Ordinal)).Select(i => i.Label)];
        foreach (string device in hostDevices)
        {
            warnings.Add($"The machine used the device '{device}' of its host, which cannot be taken along.");
        }

        var extra = new Dictionary<string, string>(settings.Extra, StringComparer.OrdinalIgnoreCase);
        foreach ((string key, string value) in virtualBox?.ExtraData ?? [])
        {
            extra.TryAdd(key, value);
        }

        var metadata = new V2VSource
        {
            Name = name,
            Path = sourcePath,
            Hypervisor = hypervisor,
            GenerationId = GenerationId.FromVMware(settings.Vmx("vm.genid"), settings.Vmx("vm.genidX")),
            MemoryBytes = options.MemoryBytes ?? ReadMemory(items, package.Name, warnings),
            ProcessorCount = processors,
            CpuTopology = ReadTopology(items, processors, options.ProcessorCount is not null, warnings),
            Firmware = ReadFirmware(settings, virtualBox, package.Name),
            SecureBoot = OvfXml.IsTrue(settings.Config("bootOptions.efiSecureBootEnabled")) || OvfXml.IsTrue(settings.Vmx("uefi.secureBoot.enabled")) || virtualBox?.SecureBoot == true,
            HasTpm = items.Any(i => i.Model?.Contains("tpm", StringComparison.Ordinal) == true) || OvfXml.IsTrue(settings.Vmx("vtpm.present")) || OvfXml.IsTrue(settings.Vmx("managedvm.autoAddVTPM")) || virtualBox?.HasTpm == true,
            Display = ReadDisplay(settings),
            Sound = virtualBox is null ? ReadSound(items, warnings) : virtualBox.Sound,
            Removables = storage.ReadRemovables(),
            Nics = OvfNicReader.Read(items, virtualBox, warnings),
            OsType = os.Get("osType") ?? virtualBox?.OsType,
            OsId = OvfXml.ToInt32(os.Get("id")),
            OsDescription = package.TextOf(os.Child("Description")),
            Uuid = virtualBox?.Uuid ?? ReadUuid(settings.Vmx("uuid.bios")),
            HardwareVersion = hardwareVersion,
            BootOrder = virtualBox?.BootOrder ?? ReadBootOrder(system, settings),
            Video = virtualBox?.Video ?? ReadVideo(items),
            UsbControllers = [.. items.Where(i => i.Type == UsbController).Select(i => i.Model ?? "usb")],
            SerialPorts = Math.Max(items.Count(i => i.Type == SerialPort), virtualBox?.SerialPorts ?? 0),
            ParallelPorts = items.Count(i => i.Type == ParallelPort),
            HostDevices = hostDevices,
            CpuHotAdd = OvfXml.IsTrue(settings.Config("cpuHotAddEnabled")) || virtualBox?.CpuHotAdd == true,
            MemoryHotAdd = OvfXml.IsTrue(settings.Config("memoryHotAddEnabled")),
            NestedVirtualization = OvfXml.IsTrue(settings.Config("nestedHVEnabled")) || virtualBox?.NestedVirtualization == true,
            ClockUtc = virtualBox?.ClockUtc,
            Product = product is null ? null : new SourceProduct(package.TextOf(product.Child("Product")), package.TextOf(product.Child("Vendor")), package.TextOf(product.Child("Version"))),
            Eulas = [.. system.Children("EulaSection").Select(e => package.TextOf(e.Child("License"))).OfType<string>()],
            Annotation = package.TextOf(system.Child("AnnotationSection").Child("Annotation")) ?? virtualBox?.Description,
            ExtraConfig = extra,
        };
        return new OvfSystem(name, metadata, disks, warnings);
    }

    /// <summary>An OVF may describe hardware for several hypervisors; the first is the one it was made for unless another is VMware's or VirtualBox's.</summary>
    private static XElement? ChooseHardware(XElement system)
    {
        XElement[] sections = [.. system.Children("VirtualHardwareSection")];
        return sections.FirstOrDefault(s => s.Child("System").Text("VirtualSystemType") is { } type
                && (type.Contains("vmx-", StringComparison.OrdinalIgnoreCase) || type.Contains("virtualbox", StringComparison.OrdinalIgnoreCase)))
            ?? sections.FirstOrDefault();
    }

    private static string HypervisorOf(string? hardwareVersion, VirtualBoxMachine? virtualBox, XElement system)
    {
        string type = hardwareVersion?.ToLowerInvariant() ?? "";
        bool isVMware = type.Contains("vmx-", StringComparison.Ordinal)
            || system.DescendantsAndSelf().Any(e => e.Name.NamespaceName.StartsWith("http://www.vmware.com/schema/ovf", StringComparison.Ordinal));
        return virtualBox is not null || type.Contains("virtualbox", StringComparison.Ordinal) ? "vbox"
            : type.Contains("xen", StringComparison.Ordinal) ? "xen"
            : type.Contains("kvm", StringComparison.Ordinal) || type.Contains("qemu", StringComparison.Ordinal) ? "kvm"
            : type.Contains("hyper-v", StringComparison.Ordinal) || type.Contains("hyperv", StringComparison.Ordinal) ? "hyperv"
            : isVMware ? "vmware"
            : "unknown";
    }

    private static int ReadProcessors(List<OvfItem> items, string name)
    {
        if (items.FirstOrDefault(i => i.Type == Processor)?.VirtualQuantity is not { } text)
        {
            return 1;
        }

        return OvfXml.ToInt32(text) is { } count and >= 1 and <= MaximumProcessors
            ? count
            : throw OvfPackage.Invalid($"The number of processors is '{text}'.", name);
    }

    private static long ReadMemory(List<OvfItem> items, string name, List<string> warnings)
    {
        if (items.FirstOrDefault(i => i.Type == Memory) is not { VirtualQuantity: { } text } item)
        {
            warnings.Add("The OVF does not say how much memory the machine has; it gets 1 GiB.");
            return DefaultMemory;
        }

        long unit = 1 << 20;
        if (item.Units is { } units)
        {
            long? parsed = AllocationUnits.Parse(units);
            if (parsed is null)
            {
                warnings.Add($"The memory has the unknown unit '{units}'; MiB is assumed.");
            }

            unit = parsed ?? unit;
        }

        return AllocationUnits.ToBytes(text, unit) is { } bytes and > 0 ? bytes : throw OvfPackage.Invalid($"The size of the memory is '{text}'.", name);
    }

    private static CpuTopology? ReadTopology(List<OvfItem> items, int processors, bool isOverridden, List<string> warnings)
    {
        if (isOverridden || items.FirstOrDefault(i => i.Type == Processor)?.Text("CoresPerSocket") is not { } text)
        {
            return null;
        }

        if (OvfXml.ToInt32(text) is { } cores and >= 1 && processors % cores == 0)
        {
            return new CpuTopology(processors / cores, cores, 1);
        }

        // VMware writes 0 for "as the host likes".
        if (text != "0")
        {
            warnings.Add(FormattableString.Invariant($"{processors} processors cannot be put into sockets of '{text}' cores; the topology is ignored."));
        }

        return null;
    }

    private static FirmwareType ReadFirmware(OvfSettings settings, VirtualBoxMachine? virtualBox, string name)
    {
        string? text = settings.Config("firmware") ?? settings.Vmx("firmware");
        return text?.ToLowerInvariant() switch
        {
            null => virtualBox?.Firmware ?? FirmwareType.Unknown,
            "efi" or "uefi" => FirmwareType.Uefi,
            "bios" => FirmwareType.Bios,
            _ => throw V2VException.Unsupported("OvfFirmwareUnknown", $"The OVF names the unknown firmware '{text}'.", name, "Write 'bios' or 'efi' for it into the OVF."),
        };
    }

    private static SourceDisplay? ReadDisplay(OvfSettings settings) =>
        OvfXml.IsTrue(settings.Vmx("RemoteDisplay.vnc.enabled"))
            ? new SourceDisplay("vnc", settings.Vmx("RemoteDisplay.vnc.keyMap"), settings.Vmx("RemoteDisplay.vnc.password"), settings.Vmx("RemoteDisplay.vnc.ip"), OvfXml.ToInt32(settings.Vmx("RemoteDisplay.vnc.port")))
            : null;

    private static string? ReadSound(List<OvfItem> items, List<string> warnings)
    {
        if (items.FirstOrDefault(i => i.Type == Sound || (i.Type == OtherDevice && i.Model?.Contains("soundcard", StringComparison.Ordinal) == true)) is not { } item)
        {
            return null;
        }

        string model = item.Model ?? "";
        string? known = model.Contains("hdaudio", StringComparison.Ordinal) || model.Contains("hda", StringComparison.Ordinal) ? "ich6"
            : model.Contains("ensoniq", StringComparison.Ordinal) || model.Contains("es137", StringComparison.Ordinal) ? "es1370"
            : model.Contains("sb16", StringComparison.Ordinal) ? "sb16"
            : model.Contains("ac97", StringComparison.Ordinal) ? "ac97"
            : null;
        if (known is null)
        {
            warnings.Add($"The sound card '{item.Label}' of the unknown model '{model}' is left out.");
        }

        return known;
    }

    private static SourceVideo? ReadVideo(List<OvfItem> items)
    {
        if (items.FirstOrDefault(i => i.Type == Graphics) is not { } item)
        {
            return null;
        }

        return new SourceVideo(item.Model, OvfXml.ToInt32(item.Config("videoRamSizeInKB")) is { } kibibytes and >= 0 ? (long)kibibytes << 10 : null);
    }

    /// <summary>VMware's UUIDs are written as bytes: <c>56 4d … - …</c>.</summary>
    private static string? ReadUuid(string? text) =>
        text is not null && Guid.TryParseExact(string.Concat(text.Where(char.IsAsciiHexDigit)), "N", out Guid id) ? id.ToString() : null;

    private static List<string> ReadBootOrder(XElement system, OvfSettings settings)
    {
        XElement? section = system.Children("BootOrderSection").Concat(system.Child("VirtualHardwareSection").Children("BootOrderSection")).FirstOrDefault();
        string? text = section.Get("type") ?? settings.Vmx("bios.bootOrder");
        return [.. (text ?? "").Split([' ', ','], StringSplitOptions.RemoveEmptyEntries)
            .Select(w => w.ToLowerInvariant() switch { "disk" or "hdd" => "disk", "cdrom" or "cd" => "cdrom", "floppy" => "floppy", "ethernet" or "net" or "network" => "network", _ => null })
            .OfType<string>()
            .Distinct()];
    }
}
