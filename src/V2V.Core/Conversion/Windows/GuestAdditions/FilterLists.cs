using V2V.Registry;

namespace V2V.Core.Conversion.Windows.GuestAdditions;

/// <summary>
/// The lists of drivers over and under others (UpperFilters, LowerFilters), of device classes and of single devices. A name that cannot start
/// stops every device of the class, the system disk among them, so what is switched off must leave the lists too. Other names keep their order.
/// </summary>
internal static class FilterLists
{
    private const int MaxKeys = 200_000;

    private static readonly string[] s_values = ["UpperFilters", "LowerFilters"];

    /// <summary>Takes names out of every list of a control set.</summary>
    internal static void Remove(RegistryEditor registry, string controlSet, IReadOnlyCollection<string> services, string reason)
    {
        string classes = $@"SYSTEM\{controlSet}\Control\Class";
        foreach (RegistryKey key in registry.Find(classes)?.Subkeys.Take(MaxKeys).ToList() ?? [])
        {
            Edit(registry, classes + '\\' + key.Name, key, services, reason);
        }

        // Enum\<bus>\<device>\<instance>
        string bus = $@"SYSTEM\{controlSet}\Enum";
        foreach ((string path, RegistryKey key) in Below(Below(Below(registry, bus))).Take(MaxKeys).ToList())
        {
            Edit(registry, path, key, services, reason);
        }
    }

    private static IEnumerable<(string Path, RegistryKey Key)> Below(RegistryEditor registry, string path) =>
        registry.Find(path) is { } key ? key.Subkeys.Select(k => (path + '\\' + k.Name, k)) : [];

    private static IEnumerable<(string Path, RegistryKey Key)> Below(IEnumerable<(string Path, RegistryKey Key)> keys) =>
        keys.SelectMany(p => p.Key.Subkeys.Select(k => (p.Path + '\\' + k.Name, k)));

    private static void Edit(RegistryEditor registry, string path, RegistryKey key, IReadOnlyCollection<string> services, string reason)
    {
        foreach (string name in s_values)
        {
            if (key.GetValue(name) is not { Type: RegistryValueType.MultiString } value)
            {
                continue;
            }

            IReadOnlyList<string> before = value.Texts;
            List<string> after = [.. before.Where(t => !services.Contains(t, StringComparer.OrdinalIgnoreCase))];
            if (after.Count == before.Count)
            {
                continue;
            }

            if (after.Count == 0)
            {
                registry.DeleteValue(path, name, reason);
            }
            else
            {
                registry.SetTexts(path, name, after, reason);
            }
        }
    }
}
