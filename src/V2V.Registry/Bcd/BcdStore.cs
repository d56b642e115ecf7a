using V2V.Storage;

namespace V2V.Registry.Bcd;

/// <summary>
/// Boot configuration data: a registry hive whose Objects (applications, settings they inherit, devices) hold elements, each a key named by a number in
/// hexadecimal with one value, Element (Microsoft, "BCD WMI Provider: object and element types").
/// </summary>
public sealed class BcdStore
{
    private readonly RegistryHive _hive;

    private BcdStore(RegistryHive hive) => _hive = hive;

    /// <summary>The objects, in the hive's order.</summary>
    public IEnumerable<BcdObject> Objects => _hive.Find("Objects")?.Subkeys.Select(k => new BcdObject(k)) ?? [];

    /// <summary>True if something was changed.</summary>
    public bool IsChanged => _hive.IsChanged;

    /// <summary>The entry that starts by itself; null if the store does not say, or it is not there.</summary>
    public BcdObject? Default => Find(BcdNames.BootManager)?.Find(BcdNames.DefaultObject)?.Text is { } id ? Find(id) : null;

    /// <summary>Opens a store.</summary>
    /// <param name="hive">Its file; seekable, and open as long as the store is used.</param>
    /// <param name="name">Its name, for errors.</param>
    /// <param name="logs">Its logs.</param>
    /// <exception cref="V2VException">What is wrong with the hive.</exception>
    public static BcdStore Open(Stream hive, string name, params IReadOnlyList<Stream> logs) => new(RegistryHive.Open(hive, name, logs));

    /// <summary>The object with a GUID, in braces, or with one of bcdedit's names for it (<c>{bootmgr}</c>, <c>{default}</c>); null if it is not there.</summary>
    public BcdObject? Find(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        return id == "{default}" ? Default : _hive.Find($@"Objects\{BcdNames.IdOf(id)}") is { } key ? new BcdObject(key) : null;
    }

    /// <summary>Writes the changes.</summary>
    public void Save(Stream target) => _hive.Save(target);
}
