namespace V2V.Core.Conversion.Windows.Drivers;

/// <summary>What installing a device means: an install section with its companions ("INF DDInstall Section").</summary>
internal sealed record DriverInstall
{
    /// <summary>The section with the ending that suits the Windows best: <c>rhelscsi_inst.NT</c>. Windows notes it as InfSection and InfSectionExt.</summary>
    internal required string Section { get; init; }

    /// <summary>The ending alone, with its dot; empty if there is none.</summary>
    internal required string SectionExtension { get; init; }

    /// <summary>The files that are copied.</summary>
    internal IReadOnlyList<DriverFile> Files { get; init; } = [];

    /// <summary>Values below the driver's own key (Control\Class\GUID\NNNN).</summary>
    internal IReadOnlyList<RegistryEdit> AddReg { get; init; } = [];

    /// <summary>What is deleted below the driver's own key.</summary>
    internal IReadOnlyList<RegistryDeletion> DelReg { get; init; } = [];

    /// <summary>Values below the device's key (Enum\…): the .HW section. <c>Security</c> is written as SDDL there.</summary>
    internal IReadOnlyList<RegistryEdit> HardwareAddReg { get; init; } = [];

    /// <summary>What is deleted below the device's key.</summary>
    internal IReadOnlyList<RegistryDeletion> HardwareDelReg { get; init; } = [];

    /// <summary>The services: the .Services section.</summary>
    internal IReadOnlyList<ServiceInstall> Services { get; init; } = [];

    /// <summary>Values below the driver's own key that name co-installers: the .CoInstallers section.</summary>
    internal IReadOnlyList<RegistryEdit> CoInstallers { get; init; } = [];

    /// <summary>INF files of Windows' own that the section or its companions need.</summary>
    internal IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>Sections of those files that are carried out as well.</summary>
    internal IReadOnlyList<string> Needs { get; init; } = [];

    /// <summary>Version of the kernel-mode driver framework that it was built with; empty if none.</summary>
    internal string KmdfVersion { get; init; } = "";

    /// <summary>The bits that network cards have (NCF_*); null for anything else.</summary>
    internal uint? Characteristics { get; init; }

    /// <summary>*IfType, *MediaType and *PhysicalMediaType of a network card and all else that stands in the section as key and value.</summary>
    internal IReadOnlyDictionary<string, string> Directives { get; init; } = new Dictionary<string, string>();

    /// <summary>The device's own service, or null.</summary>
    internal ServiceInstall? DeviceService => Services.FirstOrDefault(s => s.IsDeviceService && s.Name.Length > 0);
}
