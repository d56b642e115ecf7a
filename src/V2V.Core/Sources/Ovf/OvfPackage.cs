using System.Xml.Linq;
using V2V.Storage;

namespace V2V.Core.Sources.Ovf;

/// <summary>A file that an OVF refers to.</summary>
internal sealed record OvfFile(string Id, string Href, long? Size, string? Compression, long? ChunkSize);

/// <summary>A disk that an OVF describes; <see cref="FileId"/> is null for a blank one.</summary>
internal sealed record OvfDisk(string Id, string? FileId, string? ParentId, string? Capacity, string? CapacityUnits);

/// <summary>An OVF as a whole: what its virtual systems share (DSP0243 section 7). Read the systems with <see cref="OvfSystemReader"/>.</summary>
internal sealed class OvfPackage
{
    private const string Dmtf1 = "http://schemas.dmtf.org/ovf/envelope/1";
    private const string Dmtf2 = "http://schemas.dmtf.org/ovf/envelope/2";
    private const string VMware09 = "http://www.vmware.com/schema/ovf/1/envelope";

    private readonly XElement _root;
    private readonly Dictionary<string, string> _strings;

    private OvfPackage(XElement root, string name)
    {
        _root = root;
        Name = name;
        Files = ReadFiles(root, name);
        Disks = ReadDisks(root, name);
        Systems = [.. root.DescendantsAndSelf().Where(e => e.Is("VirtualSystem") && !e.Ancestors().Any(a => a.Is("VirtualSystem")))];
        _strings = ReadStrings(root);
    }

    /// <summary>Name of the OVF for messages.</summary>
    public string Name { get; }

    /// <summary>Files by their ID.</summary>
    public IReadOnlyDictionary<string, OvfFile> Files { get; }

    /// <summary>Disks by their ID.</summary>
    public IReadOnlyDictionary<string, OvfDisk> Disks { get; }

    /// <summary>The virtual systems, also those in (nested) collections, in order.</summary>
    public IReadOnlyList<XElement> Systems { get; }

    /// <summary>Reads an OVF.</summary>
    /// <exception cref="V2VException"><c>OvfXmlInvalid</c>, <c>OvfXmlUnsafe</c>, <c>OvfVersionUnsupported</c>, <c>OvfInvalid</c>.</exception>
    public static OvfPackage Parse(byte[] bytes, string name)
    {
        XElement root = OvfXml.Parse(bytes, name);
        if (root.Name.LocalName != "Envelope")
        {
            throw V2VException.Corrupt("OvfInvalid", $"The file is not an OVF: its root element is '{root.Name.LocalName}'.", name);
        }

        if (root.Name.NamespaceName is not (Dmtf1 or Dmtf2 or VMware09))
        {
            throw V2VException.Unsupported(
                "OvfVersionUnsupported", $"The OVF has the unknown version '{root.Name.NamespaceName}'.", name, "Export the machine as OVF 1.x or 2.x.");
        }

        var package = new OvfPackage(root, name);
        return package.Systems.Count > 0 ? package : throw V2VException.Corrupt("OvfInvalid", "The OVF describes no virtual system.", name);
    }

    /// <summary>The deployment option to take: the one asked for, else the default one, else the first; null if there are none.</summary>
    /// <exception cref="V2VException"><c>OvfOptionUnknown</c>.</exception>
    public string? ChooseOption(string? wanted)
    {
        List<XElement> options = [.. _root.Descendants().Where(e => e.Is("DeploymentOptionSection")).SelectMany(s => s.Children("Configuration"))];
        if (wanted is null)
        {
            return (options.FirstOrDefault(o => OvfXml.IsTrue(o.Get("default"))) ?? options.FirstOrDefault()).Get("id");
        }

        string[] ids = [.. options.Select(o => o.Get("id")).OfType<string>()];
        return ids.Contains(wanted) ? wanted : throw new V2VException(
            "OvfOptionUnknown",
            V2VErrorKind.InvalidArgument,
            $"The OVF has no deployment option '{wanted}'.",
            Name,
            ids.Length == 0 ? "It has none at all." : "It has: " + string.Join(", ", ids) + ".");
    }

    /// <summary>Text of an element, in the OVF's default language if the text is in its table of strings.</summary>
    public string? TextOf(XElement? element)
    {
        if (element is null)
        {
            return null;
        }

        string text = element.Value.Trim();
        if (text.Length == 0 && element.Get("msgid") is { } id)
        {
            _strings.TryGetValue(id, out string? message);
            return message;
        }

        return text.Length == 0 ? null : text;
    }

    /// <summary>Size of a disk in bytes: a number in units, or <c>${property}</c>; null if the OVF does not say.</summary>
    /// <exception cref="V2VException"><c>OvfValueInvalid</c>.</exception>
    public long? CapacityOf(OvfDisk disk, XElement system, string? option)
    {
        if (disk.Capacity is not { } text)
        {
            return null;
        }

        if (text.StartsWith("${", StringComparison.Ordinal) && text.EndsWith('}'))
        {
            text = FindProperty(text[2..^1], system, option)
                ?? throw Invalid($"The capacity of disk '{disk.Id}' is the property '{text}', which has no value.", Name);
        }

        long unit = disk.CapacityUnits is { } units
            ? AllocationUnits.Parse(units) ?? throw Invalid($"The capacity of disk '{disk.Id}' has the unknown unit '{units}'.", Name)
            : 1;
        return AllocationUnits.ToBytes(text, unit) ?? throw Invalid($"The capacity of disk '{disk.Id}' is '{text}', which is not a size.", Name);
    }

    /// <summary>The error for a value that cannot be used.</summary>
    public static V2VException Invalid(string message, string name) =>
        new("OvfValueInvalid", V2VErrorKind.Corrupt, message, name, "Correct the OVF or export the machine again.");

    private string? FindProperty(string key, XElement system, string? option)
    {
        IEnumerable<XElement> sections = system.Children("ProductSection").Concat(_root.Descendants().Where(e => e.Is("ProductSection")));
        foreach (XElement section in sections)
        {
            string prefix = section.Get("class") is { } type ? type + "." : "";
            string suffix = section.Get("instance") is { } instance ? "." + instance : "";
            foreach (XElement property in section.Children("Property"))
            {
                string name = property.Get("key") ?? "";
                string[] options = property.Get("configuration")?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
                if ((name == key || prefix + name + suffix == key) && (options.Length == 0 || options.Contains(option)))
                {
                    XElement? value = property.Children("Value").FirstOrDefault(v => v.Get("configuration") is not { } c || c == option);
                    return value.Get("value") ?? property.Get("value");
                }
            }
        }

        return null;
    }

    private static Dictionary<string, OvfFile> ReadFiles(XElement root, string name)
    {
        var files = new Dictionary<string, OvfFile>(StringComparer.Ordinal);
        foreach (XElement element in root.Child("References").Children("File"))
        {
            string id = element.Get("id") ?? throw V2VException.Corrupt("OvfInvalid", "The OVF refers to a file without an ID.", name);
            string href = element.Get("href") ?? throw V2VException.Corrupt("OvfInvalid", $"The OVF does not say where its file '{id}' is.", name);
            var file = new OvfFile(id, href, ToSize(element.Get("size")), element.Get("compression")?.ToLowerInvariant(), ToSize(element.Get("chunkSize")));
            if (!files.TryAdd(id, file))
            {
                throw V2VException.Corrupt("OvfInvalid", $"The OVF has two files with the ID '{id}'.", name);
            }
        }

        return files;
    }

    private static Dictionary<string, OvfDisk> ReadDisks(XElement root, string name)
    {
        var disks = new Dictionary<string, OvfDisk>(StringComparer.Ordinal);
        foreach (XElement element in root.Children("DiskSection").Concat(root.Children("VirtualSystemCollection").SelectMany(c => c.Children("DiskSection"))).SelectMany(s => s.Children("Disk")))
        {
            string id = element.Get("diskId") ?? throw V2VException.Corrupt("OvfInvalid", "The OVF has a disk without an ID.", name);
            var disk = new OvfDisk(id, element.Get("fileRef"), element.Get("parentRef"), element.Get("capacity"), element.Get("capacityAllocationUnits"));
            if (!disks.TryAdd(id, disk))
            {
                throw V2VException.Corrupt("OvfInvalid", $"The OVF has two disks with the ID '{id}'.", name);
            }
        }

        return disks;
    }

    private static Dictionary<string, string> ReadStrings(XElement root)
    {
        var strings = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (XElement message in root.Children("Strings").SelectMany(s => s.Children("Msg")))
        {
            if (message.Get("msgid") is { } id)
            {
                strings.TryAdd(id, message.Value.Trim());
            }
        }

        return strings;
    }

    private static long? ToSize(string? text) =>
        long.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out long size) ? size : null;
}
