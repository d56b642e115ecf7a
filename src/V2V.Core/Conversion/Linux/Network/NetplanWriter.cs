using System.Net;
using System.Net.Sockets;
using V2V.Core.Guest;
using V2V.Core.Inspection.Network;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace V2V.Core.Conversion.Linux.Network;

/// <summary>
/// Writes a card's addresses for netplan (netplan-yaml(5)). netplan adds the lists of all files together, so every file that knows the card loses
/// its addresses, and the last one gets the new ones.
/// </summary>
internal static class NetplanWriter
{
    private static readonly string[] s_keys = ["dhcp4", "dhcp6", "addresses", "gateway4", "gateway6", "dhcp4-overrides", "dhcp6-overrides"];

    internal static void Write(ConversionContext context, CardAddresses card, string name)
    {
        string[] files = [.. context.Tree.Glob("/etc/netplan/*.yaml").Where(context.Tree.FileExists).Where(p => Find(context, p, card, name) is not null).OrderBy(GuestPath.GetName, StringComparer.Ordinal)];
        foreach (string path in files)
        {
            context.Editor.EditText(path, text => Edit(text, path == files[^1] ? card : null, card.Mac, name), StaticAddressesStep.Reason);
        }

        if (files.Length == 0)
        {
            var match = new YamlMappingNode { { "macaddress", Quoted(card.Mac) } };
            var settings = new YamlMappingNode { { "match", match }, { "set-name", name } };
            Add(settings, card);
            var root = new YamlMappingNode { { "network", new YamlMappingNode { { "version", "2" }, { "ethernets", new YamlMappingNode { { name, settings } } } } } };
            context.Editor.WriteText($"/etc/netplan/90-v2v-{name}.yaml", "# By V2V: the address of a network card.\n" + Save(new YamlStream(new YamlDocument(root))), StaticAddressesStep.Reason, GuestMode.Private);
        }
    }

    private static string? Find(ConversionContext context, string path, CardAddresses card, string name) =>
        context.Editor.ReadText(path) is { } text && Settings(Load(text), card.Mac, name).Any() ? path : null;

    private static string Edit(string text, CardAddresses? card, string mac, string name)
    {
        YamlStream stream = Load(text);
        foreach (YamlMappingNode settings in Settings(stream, mac, name).ToArray())
        {
            foreach (string key in s_keys)
            {
                settings.Children.Remove(new YamlScalarNode(key));
            }

            if (Get(settings, "routes") is YamlSequenceNode routes)
            {
                foreach (YamlNode route in routes.Children.Where(r => AddressText.IsDefaultRoute((Get(r, "to") as YamlScalarNode)?.Value)).ToArray())
                {
                    routes.Children.Remove(route);
                }

                if (routes.Children.Count == 0)
                {
                    settings.Children.Remove(new YamlScalarNode("routes"));
                }
            }

            if (Get(settings, "nameservers") is YamlMappingNode servers && card is { Dns.Count: > 0 })
            {
                servers.Children.Remove(new YamlScalarNode("addresses"));
            }

            if (card is not null)
            {
                Add(settings, card);
                card = null;
            }
        }

        return Save(stream);
    }

    private static void Add(YamlMappingNode settings, CardAddresses card)
    {
        settings.Add("dhcp4", "false");
        settings.Add("dhcp6", "false");
        settings.Add("addresses", new YamlSequenceNode(card.Addresses.Select(a => Quoted(a.ToString()))));
        YamlSequenceNode routes = Get(settings, "routes") as YamlSequenceNode ?? [];
        foreach (string gateway in new[] { card.Gateway4, card.Gateway6 }.OfType<string>())
        {
            // "default" came later than the two numbers.
            routes.Add(new YamlMappingNode { { "to", Quoted(IPAddress.Parse(gateway).AddressFamily == AddressFamily.InterNetwork ? "0.0.0.0/0" : "::/0") }, { "via", Quoted(gateway) } });
        }

        if (routes.Children.Count > 0)
        {
            settings.Children[new YamlScalarNode("routes")] = routes;
        }

        if (card.Dns.Count > 0)
        {
            YamlMappingNode servers = Get(settings, "nameservers") as YamlMappingNode ?? [];
            servers.Add("addresses", new YamlSequenceNode(card.Dns.Select(Quoted)));
            settings.Children[new YamlScalarNode("nameservers")] = servers;
        }
    }

    /// <summary>The settings of a card, by its MAC, the name that it gets, or its key.</summary>
    private static IEnumerable<YamlMappingNode> Settings(YamlStream stream, string mac, string name)
    {
        if (stream.Documents.Count == 0 || Get(Get(stream.Documents[0].RootNode, "network"), "ethernets") is not YamlMappingNode cards)
        {
            yield break;
        }

        foreach ((YamlNode key, YamlNode value) in cards.Children)
        {
            YamlNode? match = Get(value, "match");
            string? bound = (Get(match, "macaddress") as YamlScalarNode)?.Value;
            string? named = (Get(value, "set-name") as YamlScalarNode)?.Value ?? (Get(match, "name") as YamlScalarNode)?.Value ?? (match is null ? (key as YamlScalarNode)?.Value : null);
            if (value is YamlMappingNode settings && (MacText.Normalize(bound) == mac || (bound is null && named == name)))
            {
                yield return settings;
            }
        }
    }

    /// <summary>The inspection has read the same file, so it is YAML and not too deep.</summary>
    private static YamlStream Load(string text)
    {
        var stream = new YamlStream();
        try
        {
            NetplanReader.CheckDepth(text);
            stream.Load(new StringReader(text));
            return stream;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return [];
        }
    }

    private static string Save(YamlStream stream)
    {
        using var writer = new StringWriter(System.Globalization.CultureInfo.InvariantCulture) { NewLine = "\n" };
        stream.Save(writer, assignAnchors: false);
        string text = writer.ToString();
        return text.EndsWith("...\n", StringComparison.Ordinal) ? text[..^4] : text;
    }

    private static YamlNode? Get(YamlNode? node, string key) => node is YamlMappingNode map && map.Children.TryGetValue(new YamlScalarNode(key), out YamlNode? value) ? value : null;

    private static YamlScalarNode Quoted(string text) => new(text) { Style = ScalarStyle.DoubleQuoted };
}
