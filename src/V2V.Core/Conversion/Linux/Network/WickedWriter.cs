using System.Xml;
using V2V.Core.Inspection.Network;

namespace V2V.Core.Conversion.Linux.Network;

/// <summary>
/// Writes a card's addresses into wicked's own XML files (wicked-config(5)): <c>ipv4:static</c> and <c>ipv6:static</c> take the place of what the
/// <c>interface</c> element had of both and of DHCP; everything else in the file stays as it is, comments and blanks too.
/// </summary>
internal static class WickedWriter
{
    private const int MaxDepth = 64;

    /// <summary>Stands for the colon in names of new elements, which a document takes for a namespace's.</summary>
    private const char Colon = '\u02d0';

    private static readonly string[] s_replaced = ["ipv4:static", "ipv6:static", "ipv4:dhcp", "ipv6:dhcp", "ipv4:auto", "ipv6:auto"];

    /// <summary>Changes the first interface of the file that is meant for the card.</summary>
    /// <returns>False if the file has none that can be told, or is not XML.</returns>
    internal static bool Write(ConversionContext context, CardAddresses card, string name, string path)
    {
        string text = context.Editor.ReadText(path) ?? "";
        if (Edit(text, card, name) is not { } edited)
        {
            return false;
        }

        context.Editor.WriteText(path, edited, StaticAddressesStep.Reason);
        IfcfgWriter.WriteSuseServers(context, card.Dns);
        return true;
    }

    /// <summary>The text with the card's addresses, or null.</summary>
    internal static string? Edit(string text, CardAddresses card, string name)
    {
        // Such a file has no root element of its own, and prefixes that it declares nowhere.
        int start = text.StartsWith("<?xml", StringComparison.Ordinal) ? text.IndexOf("?>", StringComparison.Ordinal) + 2 : 0;
        if (start == 1 || !IsShallow(text[start..]))
        {
            return null;
        }

        var document = new XmlDocument { PreserveWhitespace = true, XmlResolver = null };
        using (XmlTextReader reader = Open(text[start..]))
        {
            document.Load(reader);
        }

        XmlElement[] interfaces = [.. document.DocumentElement!.GetElementsByTagName("interface").OfType<XmlElement>()];
        XmlElement? own = interfaces.FirstOrDefault(i => IsNamed(i, name)) ?? interfaces.FirstOrDefault(i => HasMac(i, card.Mac)) ?? (interfaces.Length == 1 && Name(interfaces[0]) is null ? interfaces[0] : null);
        if (own is null)
        {
            return null;
        }

        XmlElement[] old = [.. own.ChildNodes.OfType<XmlElement>().Where(e => s_replaced.Contains(e.Name))];
        List<XmlNode> routes = [.. old.Where(e => e.Name.EndsWith(":static", StringComparison.Ordinal)).SelectMany(e => e.ChildNodes.OfType<XmlElement>()).Where(e => e.Name == "route" && !IsDefault(e))];
        XmlNode? at = own.LastChild is XmlWhitespace or XmlSignificantWhitespace ? own.LastChild.PreviousSibling : own.LastChild;
        foreach (string family in (string[])["ipv4", "ipv6"])
        {
            bool isV6 = family == "ipv6";
            CardAddresses.Item[] items = [.. isV6 ? card.V6 : card.V4];
            XmlNode[] kept = [.. routes.Where(r => r.ParentNode!.Name == family + ":static")];
            if (items.Length == 0 && kept.Length == 0)
            {
                continue;
            }

            XmlElement settings = Element(document, family + Colon + "static");
            foreach (CardAddresses.Item item in items)
            {
                Add(settings, "    ", Element(document, "address", Element(document, "local", item.ToString())));
            }

            if ((isV6 ? card.Gateway6 : card.Gateway4) is { } gateway)
            {
                Add(settings, "    ", Element(document, "route", Element(document, "nexthop", Element(document, "gateway", gateway))));
            }

            foreach (XmlNode route in kept)
            {
                Add(settings, "    ", route.CloneNode(deep: true));
            }

            settings.AppendChild(document.CreateTextNode("\n  "));
            at = own.InsertAfter(document.CreateTextNode("\n  "), at);
            at = own.InsertAfter(settings, at);
        }

        foreach (XmlElement element in old)
        {
            // The blanks in front of it go with it.
            if (element.PreviousSibling is XmlWhitespace or XmlSignificantWhitespace)
            {
                own.RemoveChild(element.PreviousSibling);
            }

            own.RemoveChild(element);
        }

        return text[..start] + document.DocumentElement.InnerXml.Replace($"ipv4{Colon}static", "ipv4:static", StringComparison.Ordinal).Replace($"ipv6{Colon}static", "ipv6:static", StringComparison.Ordinal);
    }

    private static XmlTextReader Open(string text) => new(new StringReader("<all>" + text + "</all>")) { Namespaces = false, DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null };

    /// <summary>True if the text is XML that nests no deeper than such files do.</summary>
    private static bool IsShallow(string text)
    {
        try
        {
            using XmlTextReader reader = Open(text);
            int deepest = 0;
            while (reader.Read())
            {
                deepest = Math.Max(deepest, reader.Depth);
            }

            return deepest <= MaxDepth;
        }
        catch (XmlException)
        {
            return false;
        }
    }

    private static string? Name(XmlElement element) => element["name"] is { } name && !name.HasAttribute("namespace") && name.InnerText.Trim() is { Length: > 0 } text ? text : null;

    private static bool IsNamed(XmlElement element, string name) => Name(element) == name;

    private static bool HasMac(XmlElement element, string mac) =>
        element["name"]?.GetElementsByTagName("*").OfType<XmlElement>().Any(e => e.Name is "permanent-address" or "mac-address" && MacText.Normalize(e.InnerText.Trim()) == mac) == true;

    private static bool IsDefault(XmlElement route) => AddressText.IsDefaultRoute(route["destination"]?.InnerText.Trim());

    private static XmlElement Element(XmlDocument document, string name, XmlNode? child = null)
    {
        XmlElement element = document.CreateElement(name);
        if (child is not null)
        {
            element.AppendChild(child);
        }

        return element;
    }

    private static XmlElement Element(XmlDocument document, string name, string text) => Element(document, name, document.CreateTextNode(text));

    private static void Add(XmlElement parent, string indent, XmlNode child)
    {
        parent.AppendChild(parent.OwnerDocument.CreateTextNode("\n" + indent));
        parent.AppendChild(child);
    }
}
