using V2V.Registry;

namespace V2V.Core.Conversion.Windows.Settings;

/// <summary>
/// Lets the machine's disks come online at the first boot. To Windows they are new disks on a shared bus, which the servers' default keeps offline.
/// The policy only matters when a disk is met first, so the first boot can put the old one back once all disks are there (see
/// <see cref="WindowsGuest.SanPolicy"/>). Drive letters are not touched: they hang on the disks' MBR signatures and the partitions' GUIDs, which stay.
/// </summary>
internal sealed class SanPolicyStep : ConversionStep
{
    private const int MaxDevices = 100_000;

    internal override string Name => "SanPolicy";

    internal override int Order => 410;

    internal override void Apply(ConversionContext context)
    {
        RegistryEditor registry = context.Windows.Registry;
        foreach (string set in context.Windows.ControlSets)
        {
            // Windows XP and 2003 have no such policy: their new disks are always online.
            string partmgr = $@"SYSTEM\{set}\Services\partmgr";
            string path = $@"SYSTEM\{set}\{SanPolicy.Key}";
            if (context.Inspection.Version.Major < 6 || registry.Find(partmgr) is null)
            {
                continue;
            }

            uint? before = registry.Find(path)?.GetNumber(SanPolicy.Value) is { } number ? (uint)number : null;
            if (before == SanPolicy.OnlineAll)
            {
                continue;
            }

            registry.SetNumber(path, SanPolicy.Value, SanPolicy.OnlineAll, "The machine's disks are new to Windows on another bus; they come online.");
            if (set == context.Windows.Info.ControlSet)
            {
                context.Windows.SanPolicy = new SanPolicy(before);
                WarnOfOffline(context, set);
            }
        }
    }

    /// <summary>A disk that somebody took offline comes online with the others: the note of it hangs on the old device.</summary>
    private static void WarnOfOffline(ConversionContext context, string controlSet)
    {
        RegistryKey? disks = context.Windows.Registry.Find($@"SYSTEM\{controlSet}\Enum\SCSI");
        IEnumerable<RegistryKey> instances = disks?.Subkeys.Where(d => d.Name.StartsWith("Disk&", StringComparison.OrdinalIgnoreCase)).SelectMany(d => d.Subkeys).Take(MaxDevices) ?? [];
        if (instances.Any(i => i.Open("Device Parameters")?.Open("Partmgr")?.GetNumber("Attributes") is { } bits && (bits & 1) != 0))
        {
            context.Warn("A disk of the guest is set offline on the old machine; after the conversion every disk is online.");
        }
    }
}
