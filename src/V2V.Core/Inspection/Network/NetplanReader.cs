using V2V.Core.Guest;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace V2V.Core.Inspection.Network;

/// <summary>netplan's YAML files (netplan-yaml(5)); a later file adds to and overrides an earlier one.</summary>
internal static class NetplanReader
{
    private const int MaxFileBytes = 256 << 10;
    private const int MaxDepth = 64;

    private static readonly string[] s_directories = ["/lib/netplan", "/etc/netplan"];

    private static readonly (string Key, bool IsVirtual)[] s_kinds =
        [("ethernets", false), ("bridges", true), ("bonds", true), ("vlans", true)];

    internal static IEnumerable<InterfaceConfig> Read(InspectionContext context)
    {
        // The same name in /etc replaces the one in /lib; all are applied in order of their names.
        IEnumerable<string> paths = s_directories.SelectMany(d => context.FilesIn(d, "*.yaml"))
            .GroupBy(GuestPath.GetName, StringComparer.Ordinal).Select(g => g.Last()).OrderBy(GuestPath.GetName, StringComparer.Ordinal).Take(64);
        var interfaces = new Dictionary<string, InterfaceConfig>(StringComparer.Ordinal);
        foreach (string path in paths)
        {
            try
            {
                if (context.ReadText(path, MaxFileBytes) is { } text)
                {
                    Parse(path, text, interfaces);
                }
            }
            catch (YamlException e)
            {
                context.Warn($"{path} was not read: {e.Message}");
            }
        }

        // A port is named by its key, which for a card that is found by its MAC is only a label.
        foreach (InterfaceConfig config in interfaces.Values)
        {
            config.Ports.RemoveAll(interfaces.ContainsKey);
        }

        return interfaces.Values;
    }

    /// <summary>Parses one file into the interfaces of those before it.</summary>
    /// <exception cref="YamlException">The file is not YAML, or nests too deeply.</exception>
    internal static void Parse(string path, string text, Dictionary<string, InterfaceConfig> interfaces)
    {
        var stream = new YamlStream();
        try
        {
            CheckDepth(text);
            stream.Load(new StringReader(text));
        }
        catch (Exception e) when (e is not YamlException and not OutOfMemoryException)
        {
            // The library's scanner has further exceptions for broken text.
            throw new YamlException(e.Message);
        }

        if (stream.Documents.Count == 0 || Get(stream.Documents[0].RootNode, "network") is not YamlMappingNode network)
        {
            return;
        }

        foreach ((string kind, bool isVirtual) in s_kinds)
        {
            foreach ((YamlNode key, YamlNode value) in Get(network, kind) is YamlMappingNode map ? map.Children.Take(InterfaceConfig.MaxItems) : [])
            {
                if (key is YamlScalarNode { Value: { Length: > 0 } id } && value is YamlMappingNode settings && interfaces.Count < InterfaceConfig.MaxItems)
                {
                    if (!interfaces.TryGetValue(id, out InterfaceConfig? config))
                    {
                        config = new InterfaceConfig { Name = id, System = "netplan", Path = path, IsVirtual = isVirtual };
                        interfaces.Add(id, config);
                    }

                    Apply(config, settings);
                }
            }
        }
    }

    private static void Apply(InterfaceConfig config, YamlMappingNode settings)
    {
        YamlNode? match = Get(settings, "match");
        config.Name = Text(Get(settings, "set-name")) ?? Text(Get(match, "name")) ?? config.Name;
        config.MacAddress = MacText.Normalize(Text(Get(match, "macaddress"))) ?? config.MacAddress;
        if (match is not null && config.MacAddress is not null && Get(settings, "set-name") is null && Get(match, "name") is null)
        {
            // The key is a label of the file's author; only the MAC finds the card.
            config.Name = "";
        }

        config.AddPorts(Items(Get(settings, "interfaces")).Append(Get(settings, "link")).Select(Text).OfType<string>());
        config.IsDhcp = (IsTrue(Get(settings, "dhcp4")) ?? config.IsDhcp) || IsTrue(Get(settings, "dhcp6")) == true;
        foreach (YamlNode address in Items(Get(settings, "addresses")))
        {
            // An address may be a mapping with options: {"192.0.2.2/24": {label: …}}.
            string? text = Text(address) ?? (address is YamlMappingNode { Children.Count: > 0 } options ? Text(options.Children.First().Key) : null);
            if (AddressText.Combine(text, null) is { } complete)
            {
                config.AddAddress(complete);
            }
        }

        config.Gateway = AddressText.Address(Text(Get(settings, "gateway4"))) ?? AddressText.Address(Text(Get(settings, "gateway6"))) ?? config.Gateway;
        foreach (YamlNode route in Items(Get(settings, "routes")))
        {
            if (Text(Get(route, "to")) is { } to && AddressText.IsDefaultRoute(to))
            {
                config.Gateway ??= AddressText.Address(Text(Get(route, "via")));
            }
        }

        config.AddDns(Items(Get(Get(settings, "nameservers"), "addresses")).Select(Text).OfType<string>());
    }

    /// <summary>The loader follows nesting by recursion, so depth is checked on the events first, which are not nested.</summary>
    internal static void CheckDepth(string text)
    {
        var parser = new Parser(new StringReader(text));
        int depth = 0;
        while (parser.MoveNext())
        {
            depth += parser.Current!.NestingIncrease;
            if (depth > MaxDepth)
            {
                throw new YamlException(parser.Current.Start, parser.Current.End, $"more than {MaxDepth} levels");
            }

            if (parser.Current is AnchorAlias)
            {
                throw new YamlException(parser.Current.Start, parser.Current.End, "an alias, which netplan does not know");
            }
        }
    }

    private static YamlNode? Get(YamlNode? node, string key) =>
        node is YamlMappingNode map && map.Children.TryGetValue(new YamlScalarNode(key), out YamlNode? value) ? value : null;

    private static string? Text(YamlNode? node) => (node as YamlScalarNode)?.Value;

    private static IEnumerable<YamlNode> Items(YamlNode? node) => node is YamlSequenceNode list ? list.Children.Take(InterfaceConfig.MaxItems) : [];

    private static bool? IsTrue(YamlNode? node) => Text(node)?.ToLowerInvariant() switch
    {
        "true" or "yes" or "on" or "y" => true,
        null => null,
        _ => false,
    };
}
