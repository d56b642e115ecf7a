using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using V2V.Storage;

namespace V2V.Core.Sources.Ovf;

/// <summary>
/// Reads the XML of an OVF, which is hostile input: no document type (so no entities and nothing fetched), bounded size, depth and
/// number of nodes. Elements and attributes are looked up by local name, because OVF 0.9, 1.x and 2.x differ in their namespaces only.
/// </summary>
internal static partial class OvfXml
{
    /// <summary>Most bytes of an OVF. VMware's largest appliances have 1 MiB.</summary>
    public const int MaximumSize = 32 << 20;

    private const int MaximumDepth = 128;
    private const int MaximumNodes = 2_000_000;

    /// <summary>Parses an OVF.</summary>
    /// <exception cref="V2VException"><c>OvfXmlInvalid</c>, <c>OvfXmlUnsafe</c>.</exception>
    public static XElement Parse(byte[] bytes, string name)
    {
        try
        {
            using (XmlReader reader = Open(bytes))
            {
                CheckLimits(reader, name);
            }

            using XmlReader second = Open(bytes);
            return XElement.Load(second);
        }
        catch (XmlException e)
        {
            throw HasDocumentType(bytes)
                ? Unsafe("a document type declaration, which can hide entity bombs and references to other files", name)
                : V2VException.Corrupt("OvfXmlInvalid", $"The OVF is not well-formed XML: {e.Message}", name, e);
        }
        catch (Exception e) when (e is DecoderFallbackException or ArgumentException or IOException or InvalidOperationException)
        {
            throw V2VException.Corrupt("OvfXmlInvalid", $"The OVF is not well-formed XML: {e.Message}", name, e);
        }
    }

    /// <summary>Child elements with a local name, in any namespace; OVF 0.9's <c>Section</c> and <c>Content</c> go by their xsi:type.</summary>
    public static IEnumerable<XElement> Children(this XElement? element, string localName) =>
        element is null ? [] : element.Elements().Where(e => e.Is(localName));

    /// <summary>The first child with a local name, or null.</summary>
    public static XElement? Child(this XElement? element, string localName) => element.Children(localName).FirstOrDefault();

    /// <summary>True if an element has a local name, or stands for it in OVF 0.9's way.</summary>
    public static bool Is(this XElement element, string localName)
    {
        if (element.Name.LocalName == localName)
        {
            return true;
        }

        return element.Name.LocalName is "Section" or "Content"
            && element.Attributes().FirstOrDefault(a => a.Name.LocalName == "type") is { } type
            && type.Value.EndsWith(localName + "_Type", StringComparison.Ordinal)
            && (type.Value.Length == localName.Length + 5 || type.Value[^(localName.Length + 6)] == ':');
    }

    /// <summary>An attribute by local name, trimmed; null if it is missing or empty.</summary>
    public static string? Get(this XElement? element, string localName) =>
        element?.Attributes().FirstOrDefault(a => a.Name.LocalName.Equals(localName, StringComparison.OrdinalIgnoreCase))?.Value.Trim() is { Length: > 0 } value ? value : null;

    /// <summary>Text of a child, trimmed; null if it is missing or empty. Names are compared without case: 0.9 has InstanceId, 1.0 InstanceID.</summary>
    public static string? Text(this XElement? element, string localName) =>
        element?.Elements().FirstOrDefault(e => e.Name.LocalName.Equals(localName, StringComparison.OrdinalIgnoreCase))?.Value.Trim() is { Length: > 0 } value ? value : null;

    /// <summary>True for the words and numbers that mean yes.</summary>
    public static bool IsTrue(string? value) => value is not null && (value.Equals("true", StringComparison.OrdinalIgnoreCase) || value is "1");

    /// <summary>An integer, or null if the text is none.</summary>
    public static int? ToInt32(string? text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out int value) ? value : null;

    private static XmlReader Open(byte[] bytes)
    {
        var settings = new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            MaxCharactersInDocument = MaximumSize,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
            CloseInput = true,
        };

        // .NET knows the Unicode encodings by itself; VMware's tools on Windows wrote windows-1252 and the like.
        string start = Encoding.Latin1.GetString(bytes, 0, Math.Min(bytes.Length, 256));
        Match declared = DeclaredEncoding().Match(start);
        if (declared.Success && CodePagesEncodingProvider.Instance.GetEncoding(declared.Groups[1].Value) is { } encoding)
        {
            return XmlReader.Create(new StreamReader(new MemoryStream(bytes), encoding), settings);
        }

        return XmlReader.Create(new MemoryStream(bytes), settings);
    }

    private static void CheckLimits(XmlReader reader, string name)
    {
        int nodes = 0;
        while (reader.Read())
        {
            nodes += 1 + (reader.NodeType == XmlNodeType.Element ? reader.AttributeCount : 0);
            if (nodes > MaximumNodes)
            {
                throw Unsafe(FormattableString.Invariant($"more than {MaximumNodes} nodes"), name);
            }

            if (reader.Depth > MaximumDepth)
            {
                throw Unsafe(FormattableString.Invariant($"elements nested more than {MaximumDepth} deep"), name);
            }
        }
    }

    private static bool HasDocumentType(byte[] bytes) =>
        bytes.AsSpan().IndexOf("<!DOCTYPE"u8) >= 0
        || bytes.AsSpan().IndexOf(Encoding.Unicode.GetBytes("<!DOCTYPE")) >= 0
        || bytes.AsSpan().IndexOf(Encoding.BigEndianUnicode.GetBytes("<!DOCTYPE")) >= 0;

    private static V2VException Unsafe(string what, string name) =>
        new("OvfXmlUnsafe", V2VErrorKind.Limit, $"The OVF has {what}; it is not read any further.", name, "No hypervisor writes such a file: ask where it comes from.");

    [GeneratedRegex("""^<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""", RegexOptions.CultureInvariant)]
    private static partial Regex DeclaredEncoding();
}
