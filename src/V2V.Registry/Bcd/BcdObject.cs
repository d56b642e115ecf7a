using System.Globalization;

namespace V2V.Registry.Bcd;

/// <summary>An object of a boot configuration store.</summary>
public sealed class BcdObject
{
    private readonly RegistryKey _key;

    internal BcdObject(RegistryKey key) => _key = key;

    /// <summary>Its GUID, in braces.</summary>
    public string Id => _key.Name;

    /// <summary>bcdedit's name for it (<c>{bootmgr}</c>), or its GUID.</summary>
    public string Name => BcdNames.NameOf(Id);

    /// <summary>
    /// Its type: 0x1… an application (its image in the next digits: 1 firmware, 2 Windows boot, 3 legacy loader, 4 real mode; then the application), 0x2…
    /// settings that are inherited, 0x3… a device. 0 if it says none.
    /// </summary>
    public uint Type => (uint)(_key.Open("Description")?.GetNumber("Type") ?? 0);

    /// <summary>What a menu shows, or null.</summary>
    public string? Description => Find(BcdNames.Description)?.Text;

    /// <summary>Its elements; what is not named by a number is none.</summary>
    public IEnumerable<BcdElement> Elements =>
        _key.Open("Elements")?.Subkeys
            .Select(k => uint.TryParse(k.Name, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint number) ? new BcdElement(number, k.GetValue("Element"), Type) : null)
            .OfType<BcdElement>() ?? [];

    /// <summary>The element with a number, or null.</summary>
    public BcdElement? Find(uint number) => _key.Open("Elements")?.Open(Key(number)) is { } key ? new BcdElement(number, key.GetValue("Element"), Type) : null;

    /// <summary>Deletes an element; false if it is not there.</summary>
    public bool Delete(uint number) => _key.Open("Elements")?.Delete(Key(number)) == true;

    /// <inheritdoc/>
    public override string ToString() => Description is { } text ? $"{Name} {text}" : Name;

    private static string Key(uint number) => number.ToString("x8", CultureInfo.InvariantCulture);
}
