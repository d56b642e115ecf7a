using System.Buffers.Binary;
using V2V.Core.Inspection.Windows.Network;
using V2V.Registry;

namespace V2V.Core.Conversion.Windows.Settings;

/// <summary>
/// Removes network cards that are no longer there, as Device Manager's "Uninstall device" would: hidden devices would hold their connection's name and
/// address. Removed are the keys that Windows itself makes for one device and deletes with it: the device, its driver's key, its interfaces, its connection, and the
/// settings of that connection, which the first boot gives to the new card. Nothing that other devices share is touched: driver packages and services stay, and so do
/// the protocols' lists of bindings, which Windows writes anew when it binds the new card and in which it skips what is not there.
/// </summary>
internal static class OldCards
{
    private const int MaxKeys = 100_000;
    private const string Reason = "The old machine's network card is gone; its hidden connection would keep the name and the address.";

    private static readonly string[] s_connectionKeys =
    [
        $@"Control\Network\{NetworkCard.Class}\", @"Control\NetworkSetup2\Interfaces\", @"Services\Tcpip\Parameters\Interfaces\", @"Services\Tcpip\Parameters\Adapters\",
        @"Services\Tcpip6\Parameters\Interfaces\", @"Services\NetBT\Parameters\Interfaces\Tcpip_", @"Services\NetBT\Parameters\Interfaces\Tcpip6_", @"Services\",
    ];

    /// <summary>IPv4's and IPv6's part of the network store.</summary>
    private static readonly string[] s_storeModules = ["{eb004a00-9b1a-11d4-9123-0050047759bc}", "{eb004a01-9b1a-11d4-9123-0050047759bc}"];

    /// <summary>Removes cards from a control set.</summary>
    internal static void Remove(RegistryEditor registry, string controlSet, IReadOnlyList<NetworkCard> cards)
    {
        string root = $@"SYSTEM\{controlSet}\";
        foreach (NetworkCard card in cards)
        {
            string classKey = $@"{root}Control\Class\{NetworkCard.Class}\{card.ClassKey}";
            if (!string.Equals(registry.Find(classKey)?.GetText("NetCfgInstanceId"), card.Interface, StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            RemoveInterfaces(registry, root, card);
            RemoveFromContainer(registry, root, card);
            RemoveFromStore(registry, root, card);
            foreach (string key in s_connectionKeys)
            {
                registry.DeleteKey(root + key + card.Interface, Reason);
            }

            registry.DeleteKey(classKey, Reason);
            RemoveDevice(registry, $@"{root}Enum\{card.Device}");
        }
    }

    private static void RemoveDevice(RegistryEditor registry, string path)
    {
        registry.DeleteKey(path, Reason);
        string parent = path[..path.LastIndexOf('\\')];
        if (registry.Find(parent) is { } key && !key.Subkeys.Any())
        {
            registry.DeleteKey(parent, Reason);
        }
    }

    /// <summary>DeviceClasses\{class}\##?#PCI#VEN_…#instance#{class}.</summary>
    private static void RemoveInterfaces(RegistryEditor registry, string root, NetworkCard card)
    {
        string classes = root + @"Control\DeviceClasses";
        string prefix = "##?#" + card.Device.Replace('\\', '#') + "#";
        foreach (string name in registry.Find(classes)?.Subkeys.Take(MaxKeys).Select(k => k.Name).ToList() ?? [])
        {
            registry.DeleteKey($@"{classes}\{name}\{prefix}{name}", Reason);
        }
    }

    /// <summary>A container lists its devices as the names of values; that of a card alone has no other and goes too.</summary>
    private static void RemoveFromContainer(RegistryEditor registry, string root, NetworkCard card)
    {
        if (registry.Find($@"{root}Enum\{card.Device}")?.GetText("ContainerID") is not { } id || !Guid.TryParseExact(id, "B", out _))
        {
            return;
        }

        string path = $@"{root}Control\DeviceContainers\{id}";
        string list = $@"{path}\BaseContainers\{id}";
        registry.DeleteValue(list, card.Device, Reason);
        if (registry.Find(list) is { } key && !key.Values.Any())
        {
            registry.DeleteKey(path, Reason);
        }
    }

    /// <summary>The store's entries name the interface by its LUID, first of all or, in routes, in the middle; the next card may be given the same LUID.</summary>
    private static void RemoveFromStore(RegistryEditor registry, string root, NetworkCard card)
    {
        if (card.Luid << 16 == 0)
        {
            return;
        }

        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, card.Luid);
        string luid = Convert.ToHexString(bytes);
        foreach (string module in s_storeModules)
        {
            string path = $@"{root}Control\Nsi\{module}";
            foreach (RegistryKey table in registry.Find(path)?.Subkeys.Take(MaxKeys).ToList() ?? [])
            {
                foreach (RegistryValue entry in table.Values.Where(v => Names(v.Name, luid)).ToList())
                {
                    registry.DeleteValue($@"{path}\{table.Name}", entry.Name, Reason);
                }
            }
        }
    }

    private static bool Names(string key, string luid)
    {
        for (int at = key.IndexOf(luid, StringComparison.OrdinalIgnoreCase); at >= 0; at = key.IndexOf(luid, at + 1, StringComparison.OrdinalIgnoreCase))
        {
            if (at % 2 == 0)
            {
                return true;
            }
        }

        return false;
    }
}
