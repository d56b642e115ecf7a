using System.Xml.Linq;
using V2V.Storage;

namespace V2V.Core.Sources.Ovf;

/// <summary>A device of the virtual hardware: <c>Item</c>, and OVF 2's <c>StorageItem</c> and <c>EthernetPortItem</c> (DSP0243, CIM_ResourceAllocationSettingData).</summary>
internal sealed class OvfItem
{
    private readonly XElement _element;

    private OvfItem(XElement element)
    {
        _element = element;
    }

    /// <summary>CIM's ResourceType, the numbers that OVF uses.</summary>
    public int Type { get; private init; }

    public string? InstanceId => _element.Text("InstanceID");

    public string? Parent => _element.Text("Parent");

    public string? Address => _element.Text("Address");

    public int? Bus => OvfXml.ToInt32(_element.Text("Address")) ?? OvfXml.ToInt32(_element.Text("BusNumber"));

    public int? Unit => OvfXml.ToInt32(_element.Text("AddressOnParent")) ?? OvfXml.ToInt32(_element.Text("UnitNumber"));

    public string? HostResource => _element.Text("HostResource");

    public string? Connection => _element.Text("Connection");

    public string? VirtualQuantity => _element.Text("VirtualQuantity");

    public string? Reservation => _element.Text("Reservation");

    public string? Units => _element.Text("AllocationUnits");

    /// <summary>What it is called.</summary>
    public string Label => _element.Text("ElementName") ?? _element.Text("Caption") ?? _element.Text("Description") ?? "device " + InstanceId;

    /// <summary>The first of the models that the device may be, in lower case; null if none is named.</summary>
    public string? Model => _element.Text("ResourceSubType")?.Split([' ', ',', ';'], StringSplitOptions.RemoveEmptyEntries).FirstOrDefault()?.ToLowerInvariant();

    /// <summary>Value of an attribute or child in VMware's namespace (<c>vmw:CoresPerSocket</c>).</summary>
    public string? Text(string localName) => _element.Text(localName);

    /// <summary>Value of a <c>vmw:Config</c> of the device.</summary>
    public string? Config(string key) => _element.Children("Config").FirstOrDefault(c => c.Get("key") == key).Get("value");

    /// <summary>The devices of a hardware section under a deployment option. Ranges (bound min, max) are not devices of their own.</summary>
    /// <param name="section">VirtualHardwareSection.</param>
    /// <param name="option">Chosen deployment option, or null if there are none.</param>
    /// <param name="name">Name of the OVF for messages.</param>
    public static List<OvfItem> ReadAll(XElement section, string? option, string name)
    {
        var chosen = new List<(XElement Element, int Rank)>();
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (XElement element in section.Elements().Where(e => e.Name.LocalName is "Item" or "StorageItem" or "EthernetPortItem"))
        {
            string[] options = element.Get("configuration")?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
            if (options.Length > 0 && (option is null || !options.Contains(option)))
            {
                continue;
            }

            // Of several items of one device the one for the option counts, and the normal one before its bounds.
            int rank = (options.Length > 0 ? 10 : 0) + (element.Get("bound")?.ToLowerInvariant() switch { null => 4, "normal" => 3, "min" => 2, _ => 1 });
            string key = element.Text("InstanceID") ?? "";
            if (key.Length > 0 && places.TryGetValue(key, out int place))
            {
                // Two unbounded items with one ID are a mistake of the writer, not one device.
                if (rank == chosen[place].Rank && rank % 10 == 4)
                {
                    chosen.Add((element, rank));
                }
                else if (rank > chosen[place].Rank)
                {
                    chosen[place] = (element, rank);
                }

                continue;
            }

            places[key] = chosen.Count;
            chosen.Add((element, rank));
        }

        return [.. chosen.Select(c => new OvfItem(c.Element) { Type = ReadType(c.Element, name) })];
    }

    private static int ReadType(XElement element, string name)
    {
        if (element.Text("ResourceType") is not { } text)
        {
            return 0;
        }

        return OvfXml.ToInt32(text) ?? throw new V2VException(
            "OvfValueInvalid", V2VErrorKind.Corrupt, $"The OVF has a device of the type '{text}', which is not a number.", name, "Correct the OVF or export the machine again.");
    }
}
