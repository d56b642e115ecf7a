using System.Xml.Linq;

namespace V2V.Core.Sources.Ovf;

/// <summary>VMware's settings of a machine: <c>vmw:Config</c> (what the OVF's schema lacks) and <c>vmw:ExtraConfig</c> (lines of the .vmx).</summary>
internal sealed class OvfSettings
{
    private readonly Dictionary<string, string> _config;
    private readonly Dictionary<string, string> _extra;

    public OvfSettings(XElement system, XElement? hardware)
    {
        _config = Read([hardware], "Config");
        _extra = Read([hardware, system], "ExtraConfig");
    }

    /// <summary>The lines of the .vmx. Keys are compared without case.</summary>
    public IReadOnlyDictionary<string, string> Extra => _extra;

    /// <summary>A setting by its key in <c>vmw:Config</c>, or null.</summary>
    public string? Config(string key) => _config.GetValueOrDefault(key);

    /// <summary>A setting by its key in the .vmx, or null.</summary>
    public string? Vmx(string key) => _extra.GetValueOrDefault(key);

    private static Dictionary<string, string> Read(XElement?[] parents, string localName)
    {
        var settings = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (XElement element in parents.SelectMany(p => p.Children(localName)))
        {
            if (element.Get("key") is { } key)
            {
                settings.TryAdd(key, element.Get("value") ?? "");
            }
        }

        return settings;
    }
}
