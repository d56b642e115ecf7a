using V2V.Core.Conversion.Windows.Drivers;

namespace V2V.Core.Conversion.Windows.DriverStore;

/// <summary>
/// CriticalDeviceDatabase, up to Windows 7 and Server 2008 R2: which service the kernel starts for a device that it has never seen, before any program can
/// look into driver packages. Names of keys are ids with # for the backslash.
/// </summary>
internal static class CriticalDevices
{
    /// <summary>Writes the devices of a package's boot drivers.</summary>
    internal static void Write(ConversionContext context, DriverPackage package, TargetSystem target, IReadOnlyList<DriverModel> models, string reason)
    {
        RegistryEditor registry = context.Windows.Registry;
        foreach (DriverModel model in models)
        {
            if (package.Install(model, target).DeviceService is not { } service)
            {
                continue;
            }

            foreach (string id in model.Ids.Concat(DriverDatabase.ShortIds(model)).Distinct(StringComparer.OrdinalIgnoreCase))
            {
                foreach (string set in context.Windows.ControlSets)
                {
                    string key = $@"SYSTEM\{set}\Control\CriticalDeviceDatabase\{id.Replace('\\', '#')}";
                    registry.SetText(key, "ClassGUID", package.ClassGuid.ToString("B").ToUpperInvariant(), reason);
                    registry.SetText(key, "Service", service.Name, reason);
                }
            }
        }
    }
}
