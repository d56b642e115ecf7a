using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using V2V.Core.Guest;
using V2V.Core.Sources;

namespace V2V.Core.Inspection.Network;

/// <summary>
/// Gives every network card a MAC. A plain disk says nothing of its machine's cards, and an OVF file may leave a MAC out; but the guest's configuration
/// may go by it, and an interface's name can only be bound to a MAC that the exported machine will have.
/// </summary>
internal static class CardMacs
{
    /// <summary>The source's cards in their order: those without a MAC have one that the guest itself names, else one that is made up.</summary>
    internal static IReadOnlyList<SourceNic> Complete(V2VSource source, IReadOnlyList<InterfaceConfig> configs, IReadOnlyDictionary<string, string> bindings)
    {
        int open = source.Nics.Count(n => n.MacAddress is null);
        if (open == 0)
        {
            return source.Nics;
        }

        HashSet<string> taken = [.. source.Nics.Select(n => MacText.Normalize(n.MacAddress)).OfType<string>()];
        Queue<string> named = new(NamedByGuest(configs, bindings, taken, open));
        return [.. source.Nics.Select((nic, i) => nic.MacAddress is not null ? nic : nic with { MacAddress = named.TryDequeue(out string? mac) ? mac : MakeUp(source, i, taken) })];
    }

    /// <summary>
    /// MACs of the guest's configuration that no card of the source has, in the order of the interfaces' names. Rules of udev remember every card that a
    /// guest ever had: where there are more than cards, only those count whose interfaces are configured, and none if it is still not clear which.
    /// </summary>
    private static List<string> NamedByGuest(IReadOnlyList<InterfaceConfig> configs, IReadOnlyDictionary<string, string> bindings, HashSet<string> taken, int open)
    {
        HashSet<string> configured = [.. configs.Where(c => !c.IsVirtual).Select(c => c.Name)];
        List<(string Name, string Mac, bool IsConfigured)> all =
        [
            .. configs.Where(c => !c.IsVirtual && c.MacAddress is not null).Select(c => (c.Name, c.MacAddress!, true)),
            .. bindings.Select(b => (b.Key, b.Value, configured.Contains(b.Key))),
        ];
        List<string> Distinct(Func<(string Name, string Mac, bool IsConfigured), bool> counts) =>
            [.. all.Where(n => counts(n) && IsUnicast(n.Mac) && !taken.Contains(n.Mac)).OrderBy(n => n.Name, Comparer<string>.Create((a, b) => PackageVersion.Compare(a, b))).Select(n => n.Mac).Distinct()];
        List<string> macs = Distinct(_ => true);
        if (macs.Count > open)
        {
            macs = Distinct(n => n.IsConfigured);
        }

        return macs.Count <= open ? macs : [];
    }

    /// <summary>The same for the same machine whenever it is converted; QEMU's own prefix.</summary>
    private static string MakeUp(V2VSource source, int index, HashSet<string> taken)
    {
        for (int attempt = 0; ; attempt++)
        {
            byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{source.Path}\0{source.Name}\0{index}\0{attempt}")));
            string mac = string.Create(CultureInfo.InvariantCulture, $"52:54:00:{hash[0]:x2}:{hash[1]:x2}:{hash[2]:x2}");
            if (taken.Add(mac))
            {
                return mac;
            }
        }
    }

    private static bool IsUnicast(string mac) => (Convert.ToByte(mac[..2], 16) & 1) == 0 && mac != "00:00:00:00:00:00";
}
