using V2V.Core.Conversion.Windows.Drivers;
using V2V.Core.Conversion.Windows.Drivers.Inf;
using V2V.Registry;

namespace V2V.Core.Conversion.Windows.DriverStore;

/// <summary>The services of boot drivers, in every control set that may be booted; every value is the INF file's.</summary>
internal static class BootServices
{
    private const string Root = @"%SystemRoot%\";

    /// <summary>Writes the services of an install section.</summary>
    /// <param name="context">The guest.</param>
    /// <param name="package">The package.</param>
    /// <param name="published">Its INF file in Windows\INF; null before Windows 8, where the package is not published yet.</param>
    /// <param name="folder">Its folder in the driver store, below that of Windows; empty if there is none.</param>
    /// <param name="install">What is installed.</param>
    /// <param name="reason">Why.</param>
    internal static void Write(ConversionContext context, DriverPackage package, string? published, string folder, DriverInstall install, string reason)
    {
        RegistryEditor registry = context.Windows.Registry;
        var strings = new StringTokens(package.Inf);
        foreach (ServiceInstall service in install.Services.Where(s => s.Name.Length > 0))
        {
            foreach (string set in context.Windows.ControlSets)
            {
                string key = $@"SYSTEM\{set}\Services\{service.Name}";
                registry.SetNumber(key, "Type", service.ServiceType, reason);
                registry.SetNumber(key, "Start", service.StartType, reason);
                registry.SetNumber(key, "ErrorControl", service.ErrorControl, reason);
                registry.SetText(key, "ImagePath", Program(service, folder), reason, RegistryValueType.ExpandString);
                if (service.DisplayName.Length > 0)
                {
                    registry.SetText(key, "DisplayName", published is null ? service.DisplayName : strings.Reference(service.DisplayName, published), reason);
                }

                if (service.LoadOrderGroup.Length > 0)
                {
                    registry.SetText(key, "Group", service.LoadOrderGroup, reason);
                }

                if (service.Dependencies.Count > 0)
                {
                    registry.SetTexts(key, "DependOnService", service.Dependencies, reason);
                }

                if (published is not null)
                {
                    registry.SetTexts(key, "Owners", [published], reason);
                }

                Apply(registry, key, service.AddReg, reason);
                if (install.KmdfVersion.Length > 0)
                {
                    registry.SetText(key + @"\Parameters\Wdf", "KmdfLibraryVersion", install.KmdfVersion, reason);
                }

                foreach (RegistryValue value in registry.Find(key + @"\StartOverride")?.Values.ToList() ?? [])
                {
                    registry.DeleteValue(key + @"\StartOverride", value.Name, reason);
                }

                if (service.EventLog is { } log)
                {
                    Apply(registry, $@"SYSTEM\{set}\Services\EventLog\{log}\{service.EventSource}", service.EventLogAddReg, reason);
                }
            }
        }
    }

    /// <summary>True for what stands below the key at hand, sets something and needs no other form: a device's security is a program's matter.</summary>
    internal static bool IsApplicable(RegistryEdit edit) => edit.Root == "HKR" && !edit.IsDeletion && !(edit.Name.Equals("Security", StringComparison.OrdinalIgnoreCase) && edit.Subkey.Length == 0);

    private static void Apply(RegistryEditor registry, string key, IReadOnlyList<RegistryEdit> edits, string reason)
    {
        foreach (RegistryEdit edit in edits.Where(IsApplicable))
        {
            string at = edit.Subkey.Length == 0 ? key : key + '\\' + edit.Subkey;
            RegistryValue? before = registry.Find(at)?.GetValue(edit.Name);
            if (edit.Data is null)
            {
                registry.CreateKey(at, reason);
            }
            else if (edit.Appends && before is { Type: RegistryValueType.MultiString })
            {
                registry.SetTexts(at, edit.Name, before.Texts.Union(edit.Texts, StringComparer.OrdinalIgnoreCase), reason);
            }
            else if (!(edit.KeepsExisting && before is not null) && !(edit.NeedsExisting && before is null))
            {
                registry.Set(at, edit.Name, edit.Type, edit.Data, reason);
            }
        }
    }

    /// <summary>The boot loader takes paths below the folder of Windows; for what starts later the path begins with \SystemRoot.</summary>
    private static string Program(ServiceInstall service, string folder)
    {
        string path = InfDirectory.Expand(service.ServiceBinary, Root + folder);
        return !path.StartsWith(Root, StringComparison.OrdinalIgnoreCase) ? path
            : service.StartType == 0 ? path[Root.Length..]
            : @"\SystemRoot\" + path[Root.Length..];
    }
}
