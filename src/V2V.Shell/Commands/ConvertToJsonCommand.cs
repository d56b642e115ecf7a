using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace V2V.Shell.Commands;

/// <summary>ConvertTo-Json: objects with their properties, down to a depth.</summary>
[Cmdlet(VerbsData.ConvertTo, "Json")]
[OutputType(typeof(string))]
public sealed class ConvertToJsonCommand : PSCmdlet
{
    private readonly List<PSObject?> _items = [];

    /// <summary>The objects.</summary>
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true)]
    [AllowNull]
    public PSObject? InputObject { get; set; }

    /// <summary>How many levels of objects in objects are written; deeper ones become text.</summary>
    [Parameter]
    [ValidateRange(0, 100)]
    public int Depth { get; set; } = 4;

    /// <summary>On one line.</summary>
    [Parameter]
    public SwitchParameter Compress { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => _items.Add(InputObject);

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        JsonNode? root = _items.Count == 1 ? Node(_items[0], Depth) : new JsonArray([.. _items.Select(i => Node(i, Depth))]);
        var options = new JsonSerializerOptions { WriteIndented = !Compress, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        WriteObject(root?.ToJsonString(options) ?? "null");
    }

    private static JsonNode? Node(object? value, int depth)
    {
        object? plain = value is PSObject wrapped ? wrapped.BaseObject : value;
        switch (plain)
        {
            case null:
                return null;
            case string or char or Version or Uri or TimeSpan or Guid:
                return JsonValue.Create(plain.ToString());
            case Enum:
                return JsonValue.Create(plain.ToString());
            case bool flag:
                return JsonValue.Create(flag);
            case DateTime or DateTimeOffset:
                return JsonValue.Create(((IFormattable)plain).ToString("o", CultureInfo.InvariantCulture));
            case float or double or decimal or byte or sbyte or short or ushort or int or uint or long or ulong:
                return JsonNode.Parse(((IFormattable)plain).ToString(null, CultureInfo.InvariantCulture));
        }

        if (depth < 0)
        {
            return JsonValue.Create(plain.ToString());
        }

        if (plain is IDictionary dictionary)
        {
            var map = new JsonObject();
            foreach (DictionaryEntry entry in dictionary)
            {
                map[entry.Key.ToString()!] = Node(entry.Value, depth - 1);
            }

            return map;
        }

        if (plain is IEnumerable items)
        {
            return new JsonArray([.. items.Cast<object?>().Select(i => Node(i, depth - 1))]);
        }

        var properties = new JsonObject();
        foreach (PSPropertyInfo property in PSObject.AsPSObject(value!).Properties)
        {
            if (property.IsGettable)
            {
                properties[property.Name] = Node(property.Value, depth - 1);
            }
        }

        return properties;
    }
}
