using V2V.Registry;
using V2V.Storage;

namespace V2V.Core.Conversion.Windows.Boot;

/// <summary>
/// Boot configuration data: a registry hive whose Objects hold elements, each a key named by a number in hexadecimal with one value, Element
/// (Microsoft, "BCD WMI Provider: Bcd object and element types").
/// </summary>
internal sealed class BcdStore
{
    /// <summary>The object of the boot manager.</summary>
    internal const string BootManager = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}";

    /// <summary>BcdBootMgrObject_DefaultObject: the entry that starts by itself.</summary>
    internal const uint DefaultObject = 0x23000003;

    /// <summary>BcdOSLoaderBoolean_GraphicsModeDisabled.</summary>
    internal const uint GraphicsModeDisabled = 0x16000046;

    private readonly RegistryHive _hive;

    private BcdStore(RegistryHive hive) => _hive = hive;

    /// <summary>Opens a store.</summary>
    /// <param name="hive">Its file; seekable, and open as long as the store is used.</param>
    /// <param name="name">Its name, for errors.</param>
    /// <param name="logs">Its logs.</param>
    /// <exception cref="V2VException">What is wrong with the hive.</exception>
    internal static BcdStore Open(Stream hive, string name, params IReadOnlyList<Stream> logs) => new(RegistryHive.Open(hive, name, logs));

    /// <summary>GUIDs of the objects, in braces.</summary>
    internal IEnumerable<string> Objects => _hive.Find("Objects")?.Subkeys.Select(k => k.Name) ?? [];

    /// <summary>True if something was changed.</summary>
    internal bool IsChanged => _hive.IsChanged;

    /// <summary>The entry that starts by itself; null if the store does not say.</summary>
    internal string? Default => GetText(BootManager, DefaultObject);

    /// <summary>An element that is a text or a GUID; null if it is not there.</summary>
    internal string? GetText(string entry, uint element) => Find(entry, element)?.GetText("Element");

    /// <summary>The bytes of an element; null if it is not there.</summary>
    internal byte[]? GetBytes(string entry, uint element) => Find(entry, element)?.GetValue("Element")?.Data;

    /// <summary>Numbers of an object's elements.</summary>
    internal IEnumerable<uint> Elements(string entry) =>
        _hive.Find($@"Objects\{entry}\Elements")?.Subkeys
            .Select(k => uint.TryParse(k.Name, System.Globalization.NumberStyles.AllowHexSpecifier, System.Globalization.CultureInfo.InvariantCulture, out uint number) ? number : 0).Where(n => n != 0) ?? [];

    /// <summary>Deletes an element; false if it is not there.</summary>
    internal bool Delete(string entry, uint element) => _hive.Find($@"Objects\{entry}\Elements")?.Delete(Key(element)) == true;

    /// <summary>Writes the changes.</summary>
    internal void Save(Stream target) => _hive.Save(target);

    private RegistryKey? Find(string entry, uint element) => _hive.Find($@"Objects\{entry}\Elements\{Key(element)}");

    private static string Key(uint element) => element.ToString("x8", System.Globalization.CultureInfo.InvariantCulture);
}
