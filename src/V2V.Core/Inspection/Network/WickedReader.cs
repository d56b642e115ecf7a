using System.Xml;
using System.Xml.Linq;

namespace V2V.Core.Inspection.Network;

/// <summary>wicked's own XML files (wicked-config(5), ifxml): <c>interface</c> elements with <c>ipv4:static</c>, <c>ipv4:dhcp</c> and their like.</summary>
internal static class WickedReader
{
    private const int MaxFileBytes = 256 << 10;
    private const int MaxElements = 16384;
    private const int MaxFiles = 64;

    internal static IEnumerable<InterfaceConfig> Read(InspectionContext context)
    {
        var interfaces = new List<InterfaceConfig>();
        foreach (string path in context.FilesIn("/etc/wicked/ifconfig", "*.xml").Take(MaxFiles))
        {
            if (context.ReadText(path, MaxFileBytes) is { } text)
            {
                try
                {
                    interfaces.AddRange(Parse(path, text).Take(InterfaceConfig.MaxItems));
                }
                catch (XmlException e)
                {
                    context.Warn($"{path} was not read: {e.Message}");
                }
            }
        }

        foreach (InterfaceConfig config in interfaces.Where(c => c.Addresses.Count > 0 && !c.IsDhcp))
        {
            config.AddDns(IfcfgReader.SuseDnsServers(context));
        }

        return interfaces;
    }

    /// <summary>Parses a file. It has no root element of its own and prefixes that it declares nowhere, so both are put right on the way.</summary>
    /// <exception cref="XmlException">The file is not XML, or nests too deeply.</exception>
    internal static List<InterfaceConfig> Parse(string path, string text)
    {
        int start = text.StartsWith("<?xml", StringComparison.Ordinal) ? text.IndexOf("?>", StringComparison.Ordinal) + 2 : 0;
        XElement root = Load(text[Math.Max(start, 0)..]);
        var interfaces = new List<InterfaceConfig>();
        foreach (XElement element in root.Descendants().Where(e => e.Name.LocalName == "interface").Take(InterfaceConfig.MaxItems))
        {
            XElement? name = Child(element, "name");
            string device = name is not null && !name.HasElements && (string?)name.Attribute("namespace") is null ? name.Value.Trim() : "";
            if (device == "lo")
            {
                continue;
            }

            var config = new InterfaceConfig
            {
                Name = device,
                MacAddress = MacText.Normalize(name?.Descendants().FirstOrDefault(e => e.Name.LocalName is "permanent-address" or "mac-address")?.Value.Trim()),
                System = "wicked",
                Path = path,
                IsVirtual = element.Elements().Any(e => e.Name.LocalName is "bond" or "bridge" or "vlan" or "team" or "tunnel" or "dummy"),
                IsDhcp = element.Elements().Any(e => e.Name.LocalName is "ipv4.dhcp" or "ipv6.dhcp" or "ipv6.auto" && Child(e, "enabled")?.Value.Trim() != "false"),
            };
            config.AddPorts(element.Descendants().Where(e => e.Name.LocalName == "device" && e.Ancestors().Any(a => a.Name.LocalName is "bond" or "bridge" or "vlan" or "team")).Select(e => e.Value.Trim()));
            foreach (XElement settings in element.Elements().Where(e => e.Name.LocalName is "ipv4.static" or "ipv6.static"))
            {
                AddStatic(config, settings);
            }

            interfaces.Add(config);
        }

        return interfaces;
    }

    private static void AddStatic(InterfaceConfig config, XElement settings)
    {
        foreach (XElement address in settings.Elements().Where(e => e.Name.LocalName == "address"))
        {
            if (AddressText.Combine(Child(address, "local")?.Value.Trim(), null) is { } complete)
            {
                config.AddAddress(complete);
            }
        }

        foreach (XElement route in settings.Elements().Where(e => e.Name.LocalName == "route" && AddressText.IsDefaultRoute(Child(e, "destination")?.Value.Trim())))
        {
            config.Gateway ??= AddressText.Address(route.Descendants().FirstOrDefault(e => e.Name.LocalName == "gateway")?.Value.Trim());
        }
    }

    private static XElement? Child(XElement element, string name) => element.Elements().FirstOrDefault(e => e.Name.LocalName == name);

    /// <summary>Reads elements and text only, with <c>prefix:name</c> as the name <c>prefix.name</c>; nesting is followed without recursion.</summary>
    private static XElement Load(string text)
    {
        using var strings = new StringReader("<all>" + text + "</all>");
        using var reader = new XmlTextReader(strings) { Namespaces = false, DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null };
        var root = new XElement("root");
        XElement at = root;
        int elements = 0;
        while (reader.Read())
        {
            switch (reader.NodeType)
            {
                case XmlNodeType.Element:
                    if (++elements > MaxElements)
                    {
                        throw new XmlException($"more than {MaxElements} elements");
                    }

                    var child = new XElement(XmlConvert.EncodeLocalName(reader.Name.Replace(':', '.')));
                    at.Add(child);
                    bool isEmpty = reader.IsEmptyElement;
                    at = isEmpty ? at : child;
                    break;
                case XmlNodeType.EndElement:
                    at = at.Parent ?? root;
                    break;
                case XmlNodeType.Text or XmlNodeType.CDATA:
                    at.Add(reader.Value);
                    break;
                default:
                    break;
            }
        }

        return root;
    }
}
