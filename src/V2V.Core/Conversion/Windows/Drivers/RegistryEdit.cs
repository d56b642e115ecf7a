using V2V.Registry;

namespace V2V.Core.Conversion.Windows.Drivers;

/// <summary>A line of an add-registry section ("INF AddReg Directive").</summary>
/// <param name="Root">HKR (the key of the device, service or class at hand), HKLM, HKCR, HKCU or HKU; capitals.</param>
/// <param name="Subkey">Key below it; may be empty.</param>
/// <param name="Name">Name of the value; empty for the default value.</param>
/// <param name="Flags">FLG_ADDREG_* bits as written.</param>
/// <param name="Type">Type of the data.</param>
/// <param name="Data">The data as the registry stores it; null if only the key is to be made.</param>
/// <param name="Texts">The text or texts that the data was made of; empty for other types.</param>
internal sealed record RegistryEdit(string Root, string Subkey, string Name, uint Flags, RegistryValueType Type, byte[]? Data, IReadOnlyList<string> Texts)
{
    /// <summary>True if only the key is made.</summary>
    internal bool IsKeyOnly => Data is null;

    /// <summary>True if an existing value stays (FLG_ADDREG_NOCLOBBER).</summary>
    internal bool KeepsExisting => (Flags & 0x2) != 0;

    /// <summary>True if the value is deleted (FLG_ADDREG_DELVAL), or the key if it has no name.</summary>
    internal bool IsDeletion => (Flags & 0x4) != 0;

    /// <summary>True if the texts are added to those that the value has (FLG_ADDREG_APPEND).</summary>
    internal bool Appends => (Flags & 0x8) != 0 && Type == RegistryValueType.MultiString;

    /// <summary>True if the value is set only where it exists (FLG_ADDREG_OVERWRITEONLY).</summary>
    internal bool NeedsExisting => (Flags & 0x20) != 0;
}

/// <summary>A line of a delete-registry section ("INF DelReg Directive").</summary>
/// <param name="Root">As in <see cref="RegistryEdit"/>.</param>
/// <param name="Subkey">Key below it.</param>
/// <param name="Name">Name of the value, or null to delete the key.</param>
/// <param name="Flags">FLG_DELREG_* bits as written.</param>
/// <param name="Texts">Further fields: the texts to take out of a list.</param>
internal sealed record RegistryDeletion(string Root, string Subkey, string? Name, uint Flags, IReadOnlyList<string> Texts);
