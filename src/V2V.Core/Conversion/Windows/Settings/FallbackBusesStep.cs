using V2V.Registry;

namespace V2V.Core.Conversion.Windows.Settings;

/// <summary>
/// Lets the guest boot from SATA, IDE and NVMe too, should it be put there: Windows stops starting such drivers early when the machine that it was
/// installed on had none. Only drivers that are there are touched, in every control set that may be booted. On Windows Vista and 7 and before, the kernel also needs
/// to know which driver a controller has (CriticalDeviceDatabase) before it can look into driver packages.
/// </summary>
internal sealed class FallbackBusesStep : ConversionStep
{
    private const string Reason = "The guest can also boot from SATA, IDE or NVMe.";
    private const string StorageClass = "{4D36E96A-E325-11CE-BFC1-08002BE10318}";

    private static readonly string[] s_drivers = ["storahci", "msahci", "intelide", "pciide", "atapi", "stornvme"];

    /// <summary>Ids of the controllers and channels that QEMU has, and their drivers in Windows.</summary>
    private static readonly (string Id, string Driver)[] s_critical =
    [
        ("PCI#CC_0101", "pciide"), ("PCI#VEN_8086&DEV_7010", "intelide"), ("PCI#VEN_8086&DEV_7111", "intelide"), ("PCI#CC_010601", "msahci"),
        ("Primary_IDE_Channel", "atapi"), ("Secondary_IDE_Channel", "atapi"), ("*PNP0600", "atapi"),
    ];

    internal override string Name => "FallbackBuses";

    internal override int Order => 400;

    internal override void Apply(ConversionContext context)
    {
        RegistryEditor registry = context.Windows.Registry;
        foreach (string set in context.Windows.ControlSets)
        {
            foreach (string driver in s_drivers)
            {
                StartEarly(registry, $@"SYSTEM\{set}\Services\{driver}");
            }

            if (registry.System.Find("DriverDatabase") is null)
            {
                AddCritical(context, set);
            }
        }
    }

    private static void StartEarly(RegistryEditor registry, string path)
    {
        if (registry.Find(path)?.GetNumber("Start") is null)
        {
            return;
        }

        registry.SetNumber(path, "Start", 0, Reason);
        string overrides = path + @"\StartOverride";
        foreach (RegistryValue value in registry.Find(overrides)?.Values.ToList() ?? [])
        {
            registry.DeleteValue(overrides, value.Name, Reason);
        }
    }

    private static void AddCritical(ConversionContext context, string set)
    {
        RegistryEditor registry = context.Windows.Registry;
        foreach ((string id, string driver) in s_critical)
        {
            string path = $@"SYSTEM\{set}\Control\CriticalDeviceDatabase\{id}";
            if (registry.Find(path) is null && registry.Find($@"SYSTEM\{set}\Services\{driver}")?.GetNumber("Start") is not null && context.Windows.HasFile($"System32/drivers/{driver}.sys"))
            {
                registry.SetText(path, "Service", driver, Reason);
                registry.SetText(path, "ClassGUID", StorageClass, Reason);
            }
        }
    }
}
