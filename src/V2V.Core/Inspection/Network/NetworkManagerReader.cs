namespace V2V.Core.Inspection.Network;

/// <summary>NetworkManager's keyfiles (nm-settings-keyfile(5)).</summary>
internal static class NetworkManagerReader
{
    private static readonly string[] s_directories = ["/etc/NetworkManager/system-connections", "/usr/lib/NetworkManager/system-connections"];

    internal static IEnumerable<InterfaceConfig> Read(InspectionContext context) =>
        from directory in s_directories
        from path in context.FilesIn(directory, "*").Take(InterfaceConfig.MaxItems)
        where !path.EndsWith('~')
        let config = Parse(path, context.ReadLines(path))
        where config is not null
        select config;

    /// <summary>Parses a keyfile; null if it is not of a card, bridge, bond or VLAN.</summary>
    internal static InterfaceConfig? Parse(string path, IEnumerable<string> lines)
    {
        List<IniText.Entry> file = IniText.Parse(lines);
        string type = file.Value("connection", "type") ?? "";
        string[] matched = (file.Value("match", "interface-name") ?? "").Split([';', ','], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string name = file.Value("connection", "interface-name") ?? (matched is [{ } only] && !only.StartsWith('!') ? only : "");
        if (type is not ("ethernet" or "802-3-ethernet" or "bridge" or "bond" or "vlan" or "team") || name == "lo")
        {
            return null;
        }

        string? mac = MacText.Normalize(file.Value("ethernet", "mac-address") ?? file.Value("802-3-ethernet", "mac-address"));
        string? method4 = file.Value("ipv4", "method"), method6 = file.Value("ipv6", "method");
        var config = new InterfaceConfig
        {
            Name = name,
            MacAddress = mac,
            System = "networkmanager",
            Path = path,
            IsVirtual = type is "bridge" or "bond" or "vlan" or "team",
            IsDhcp = method4 is "auto" || (method4 is null && method6 is "auto" or "dhcp"),
        };
        config.AddPorts(file.Value("vlan", "parent") is { } parent ? [parent] : []);
        foreach (IniText.Entry entry in file.Where(e => e.Section.Name is "ipv4" or "ipv6"))
        {
            if (entry.Key.StartsWith("address", StringComparison.Ordinal))
            {
                // address1=192.0.2.2/24,192.0.2.1, and the older addresses=…;…
                foreach (string[] parts in entry.Value.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(v => v.Split(',', StringSplitOptions.TrimEntries)))
                {
                    if (AddressText.Combine(parts[0], null) is { } address)
                    {
                        config.AddAddress(address);
                        config.Gateway ??= parts.Length > 1 ? AddressText.Address(parts[1]) : null;
                    }
                }
            }
            else if (entry.Key == "gateway")
            {
                config.Gateway = AddressText.Address(entry.Value) ?? config.Gateway;
            }
            else if (entry.Key == "dns")
            {
                config.AddDns(entry.Value.Split([';', ','], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
            }
        }

        return config;
    }
}
