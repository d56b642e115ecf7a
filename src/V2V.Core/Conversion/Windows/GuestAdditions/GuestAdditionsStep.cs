using V2V.Registry;

namespace V2V.Core.Conversion.Windows.GuestAdditions;

/// <summary>
/// Switches the old hypervisor's guest additions off, so that the first boot is quiet: services and drivers do not start, nothing of them stands in the
/// lists of filters, no tray program starts. Nothing is deleted here but their entries in such lists; the first boot removes
/// what <see cref="WindowsGuest.Additions"/> names. Services that come with Windows, Hyper-V's among them, stay as they are.
/// </summary>
internal sealed class GuestAdditionsStep : ConversionStep
{
    private const uint Disabled = 4;
    private const int MaxServices = 50_000;

    private static readonly string[] s_runKeys =
    [
        @"SOFTWARE\Microsoft\Windows\CurrentVersion\Run", @"SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Run",
    ];

    /// <summary>Products for the host side that bring drivers of the same names.</summary>
    private static readonly string[] s_hostPrograms = ["VMware Workstation", "VMware Player"];

    private static readonly string[] s_hostServices = ["vmci", "vsock"];

    internal override string Name => "GuestAdditions";

    internal override int Order => 200;

    internal override void Apply(ConversionContext context)
    {
        if (context.Options.KeepGuestTools)
        {
            return;
        }

        RegistryEditor registry = context.Windows.Registry;
        bool hasHost = InstalledPrograms.Find(registry, s_hostPrograms).Count > 0;
        foreach (AdditionsProduct product in AdditionsProduct.All)
        {
            List<InstalledProgram> entries = InstalledPrograms.Find(registry, product.Programs);
            SortedSet<string> services = new(StringComparer.OrdinalIgnoreCase);
            foreach (string set in context.Windows.ControlSets)
            {
                services.UnionWith(FindServices(registry, set, product).Where(s => !hasHost || !s_hostServices.Contains(s, StringComparer.OrdinalIgnoreCase)));
            }

            IReadOnlyList<string> packages = PublishedPackages.Find(context, product, hasHost ? s_hostServices : []);
            if (entries.Count + services.Count + packages.Count == 0)
            {
                continue;
            }

            string reason = $"{product.Name}: nothing of it works on KVM, so it does not start any more.";
            SwitchOff(context, product, services, reason);
            context.Windows.Additions.Add(new AdditionsFound(product.Name, entries, [.. services], packages, FindFolders(context, product)));
        }
    }

    private static void SwitchOff(ConversionContext context, AdditionsProduct product, SortedSet<string> services, string reason)
    {
        RegistryEditor registry = context.Windows.Registry;
        foreach (string set in context.Windows.ControlSets)
        {
            foreach (string service in services.Where(s => !product.DeviceFilters.Contains(s, StringComparer.OrdinalIgnoreCase)))
            {
                string path = $@"SYSTEM\{set}\Services\{service}";
                if (registry.Find(path)?.GetNumber("Start") is { } start and not Disabled)
                {
                    registry.SetNumber(path, "Start", Disabled, start == 0 ? $"{reason} The disks start from virtio." : reason);
                }
            }

            // What a package lists below a service that has no entry of its own must leave the lists as well.
            FilterLists.Remove(registry, set, product.Services, reason);
            RemoveProviders(registry, set, product, reason);
        }

        foreach (string path in s_runKeys)
        {
            foreach (RegistryValue value in registry.Find(path)?.Values.Where(v => product.Runs(v.Text)).ToList() ?? [])
            {
                registry.DeleteValue(path, value.Name, reason);
            }
        }

        // Windows XP and 2003 log on through the library that stands there; without the value they take their own.
        const string Winlogon = @"SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon";
        if (product.Name == "VMware Tools" && registry.Find(Winlogon)?.GetText("GinaDLL")?.EndsWith("vmgina.dll", StringComparison.OrdinalIgnoreCase) == true)
        {
            registry.DeleteValue(Winlogon, "GinaDLL", reason);
        }
    }

    private static IEnumerable<string> FindServices(RegistryEditor registry, string controlSet, AdditionsProduct product)
    {
        foreach (RegistryKey key in registry.Find($@"SYSTEM\{controlSet}\Services")?.Subkeys.Take(MaxServices) ?? [])
        {
            bool isKnown = product.Services.Contains(key.Name, StringComparer.OrdinalIgnoreCase) || product.DeviceFilters.Contains(key.Name, StringComparer.OrdinalIgnoreCase);
            if (key.GetNumber("Start") is not null && (isKnown || (key.GetText("ImagePath") is { } command && product.Runs(command))))
            {
                yield return key.Name;
            }
        }
    }

    /// <summary>Takes shared folders out of the order of network providers, whose library every log-on would load.</summary>
    private static void RemoveProviders(RegistryEditor registry, string controlSet, AdditionsProduct product, string reason)
    {
        foreach (string order in (string[])["Order", "HwOrder"])
        {
            string path = $@"SYSTEM\{controlSet}\Control\NetworkProvider\{order}";
            if (registry.Find(path)?.GetValue("ProviderOrder") is { } value)
            {
                string[] before = value.Text.Split(',');
                string[] after = [.. before.Where(n => !product.NetworkProviders.Contains(n.Trim(), StringComparer.OrdinalIgnoreCase))];
                if (after.Length < before.Length)
                {
                    registry.SetText(path, "ProviderOrder", string.Join(',', after), reason, value.Type);
                }
            }
        }
    }

    private static List<string> FindFolders(ConversionContext context, AdditionsProduct product) =>
        [.. product.Folders.Where(f => context.Tree.DirectoryExists(f.Replace('\\', '/'))).Select(f => context.Windows.SystemDrive + f)];
}
