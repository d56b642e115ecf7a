using System.Globalization;
using System.Text.RegularExpressions;
using V2V.Core.Guest;
using V2V.Core.Sources;

namespace V2V.Core.Inspection.Network;

/// <summary>
/// Tells which of the source's cards an interface of the guest's configuration is. What the guest says itself (a MAC) counts first;
/// then the rules by which the source's hypervisor places its cards, and by which the guest names them.
/// </summary>
internal sealed partial class NicCorrelation(V2VSource source, IReadOnlyList<SourceNic> nics, IReadOnlyDictionary<string, string> bindings)
{
    /// <summary>PCI slots in which VirtualBox puts its adapters, in order.</summary>
    private static readonly int[] s_virtualBoxSlots = [3, 8, 9, 10, 16, 17, 18, 19];

    /// <summary>Slot numbers that VMware gives its adapters, in order; guests show them as ens160, ens192, …</summary>
    private static readonly int[] s_vmwareSlots = [160, 192, 224, 256, 161, 193, 225, 257, 162, 194];

    /// <summary>Gives the MAC of each configuration's card in the same order; null where it cannot be told.</summary>
    internal IReadOnlyList<string?> Correlate(IReadOnlyList<InterfaceConfig> configs)
    {
        string?[] macs = [.. configs.Select(ByGuest)];
        List<(string Name, string? Mac)> said = [.. configs.Zip(macs).Select(c => (c.First.Name, c.Second))];
        for (int i = 0; i < macs.Length; i++)
        {
            string name = configs[i].Name;
            string? mac = macs[i] is null && !configs[i].IsVirtual ? BySlot(name) : null;
            macs[i] ??= said.Exists(s => s.Mac == mac && s.Name != name) ? null : mac;
        }

        ByOrder(configs, macs);
        return macs;
    }

    /// <summary>A MAC in the configuration or a binding of its name, if a card of the source has it.</summary>
    private string? ByGuest(InterfaceConfig config)
    {
        string? mac = config.MacAddress ?? (config.IsVirtual ? null : bindings.GetValueOrDefault(config.Name));
        return mac is not null && nics.Any(n => n.MacAddress == mac) ? mac : null;
    }

    private string? BySlot(string name)
    {
        if (SlotName().Match(name) is { Success: true } slot)
        {
            int number = int.Parse(slot.Groups[1].Value, CultureInfo.InvariantCulture);
            for (int i = 0; i < nics.Count; i++)
            {
                if (source.ExtraConfig.TryGetValue($"ethernet{i}.pciSlotNumber", out string? text)
                    && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int pciSlot) && pciSlot == number)
                {
                    return nics[i].MacAddress;
                }
            }

            int index = source.Hypervisor == "vmware" && !source.ExtraConfig.Keys.Any(k => k.EndsWith(".pciSlotNumber", StringComparison.Ordinal))
                ? Array.IndexOf(s_vmwareSlots, number) : -1;
            return index >= 0 && index < nics.Count ? nics[index].MacAddress : null;
        }

        if (source.Hypervisor == "vbox" && PathName().Match(name) is { Success: true } path)
        {
            int index = Array.IndexOf(s_virtualBoxSlots, int.Parse(path.Groups[1].Value, CultureInfo.InvariantCulture));
            return index >= 0 && index < nics.Count ? nics[index].MacAddress : null;
        }

        return null;
    }

    /// <summary>
    /// What is left: cards that nothing claims, and names that no card answers to. They are matched in order if there are as many of
    /// either and the names are of one scheme, for then the kernel counted them in the order of their slots.
    /// </summary>
    private void ByOrder(IReadOnlyList<InterfaceConfig> configs, string?[] macs)
    {
        SourceNic[] free = [.. nics.Where(n => !macs.Contains(n.MacAddress))];
        var open = configs.Index().Where(c => macs[c.Index] is null && !c.Item.IsVirtual && c.Item.MacAddress is null && !bindings.ContainsKey(c.Item.Name)).ToList();
        List<string> names = [.. open.Where(c => !c.Item.IsPattern).Select(c => c.Item.Name).Distinct().Order(Comparer<string>.Create((a, b) => PackageVersion.Compare(a, b)))];
        if (free.Length == 1 && names.Count <= 1 && open.Select(c => c.Item.Name).Distinct().Count() == 1)
        {
            open.ForEach(c => macs[c.Index] = free[0].MacAddress);
            return;
        }

        bool isOneScheme = names.Count > 0 && names.Select(n => Digits().Replace(n, "#")).Distinct().Count() == 1;
        bool isComplete = names.Count == free.Length && free.Length == nics.Count;
        for (int i = 0; i < names.Count && isOneScheme; i++)
        {
            // eth0 … ethN count all cards, so a name stands for its number even if not every card is configured.
            Match kernelName = KernelName().Match(names[i]);
            int index = kernelName.Success ? int.Parse(kernelName.Groups[1].Value, CultureInfo.InvariantCulture) : isComplete ? i : -1;
            if (index >= 0 && index < nics.Count && free.Contains(nics[index]))
            {
                foreach ((int at, InterfaceConfig _) in open.Where(c => c.Item.Name == names[i]))
                {
                    macs[at] = nics[index].MacAddress;
                }
            }
        }
    }

    [GeneratedRegex("^ens([0-9]{1,5})$", RegexOptions.CultureInvariant)]
    private static partial Regex SlotName();

    [GeneratedRegex("^enp0s([0-9]{1,3})$", RegexOptions.CultureInvariant)]
    private static partial Regex PathName();

    [GeneratedRegex("[0-9]+", RegexOptions.CultureInvariant)]
    private static partial Regex Digits();

    [GeneratedRegex("^eth([0-9]{1,3})$", RegexOptions.CultureInvariant)]
    private static partial Regex KernelName();
}
