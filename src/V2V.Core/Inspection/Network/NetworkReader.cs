using V2V.Core.Sources;

namespace V2V.Core.Inspection.Network;

/// <summary>The guest's network configuration, by every system that may hold it, and the card that each interface belongs to.</summary>
internal static class NetworkReader
{
    /// <summary>Gives the interfaces, and the source's cards, each with a MAC.</summary>
    internal static (List<NetworkInfo> Networks, IReadOnlyList<SourceNic> Nics) Read(InspectionContext context, V2VSource source)
    {
        List<InterfaceConfig> configs =
        [
            .. IfupdownReader.Read(context), .. NetplanReader.Read(context), .. NetworkdReader.Read(context),
            .. NetworkManagerReader.Read(context), .. IfcfgReader.Read(context), .. WickedReader.Read(context), .. EtcnetReader.Read(context), .. NetifrcReader.Read(context),
        ];
        AddPorts(configs);
        Dictionary<string, string> bindings = NameBindings.Read(context);
        IReadOnlyList<SourceNic> nics = CardMacs.Complete(source, configs, bindings);
        IReadOnlyList<string?> macs = new NicCorrelation(source, nics, bindings).Correlate(configs);
        var networks = new List<NetworkInfo>();
        foreach ((InterfaceConfig config, string? mac) in configs.Zip(macs))
        {
            if (config.MacAddress is { } wanted && mac is null && !config.IsVirtual)
            {
                context.Warn($"{config.Path} is for a card with the MAC {wanted}, which the source does not have.");
            }

            string name = config.Name.Length > 0 ? config.Name : bindings.FirstOrDefault(b => b.Value == mac && mac is not null).Key ?? "";
            networks.Add(new NetworkInfo(name, mac, config.System, config.Path, config.Method, config.Addresses, config.Gateway, config.DnsServers));
        }

        return (networks, nics);
    }

    /// <summary>A card that only a bridge, bond or VLAN mentions is configured all the same: its name matters.</summary>
    private static void AddPorts(List<InterfaceConfig> configs)
    {
        HashSet<string> known = [.. configs.Select(c => c.Name)];
        foreach (InterfaceConfig parent in configs.Where(c => c.Ports.Count > 0).ToArray())
        {
            foreach (string port in parent.Ports.Where(p => configs.Count < InterfaceConfig.MaxItems && known.Add(p)))
            {
                configs.Add(new InterfaceConfig { Name = port, System = parent.System, Path = parent.Path, IsVirtual = port.Contains('.', StringComparison.Ordinal) });
            }
        }
    }
}
