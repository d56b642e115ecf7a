using System.Buffers.Binary;
using System.Globalization;

namespace V2V.Registry.Bcd;

/// <summary>An element of an object. Digit 7 of its number says for what it is (1 library, 2 application, 3 device, 4 template), digit 6 the form of its value.</summary>
public sealed class BcdElement
{
    private readonly RegistryValue? _value;
    private readonly uint _objectType;

    internal BcdElement(uint number, RegistryValue? value, uint objectType) => (Number, _value, _objectType) = (number, value, objectType);

    /// <summary>Its number.</summary>
    public uint Number { get; }

    /// <summary>bcdedit's name for it (<c>osdevice</c>), or <c>custom:</c> and its number.</summary>
    public string Name => BcdNames.ElementName(Number, _objectType);

    /// <summary>The form of its value.</summary>
    public BcdFormat Format => (BcdFormat)((Number >> 24) & 0xF);

    /// <summary>A text, or the GUID of an object; null for another form.</summary>
    public string? Text => Format is BcdFormat.Text or BcdFormat.Object ? _value?.Text : null;

    /// <summary>The GUIDs of a list of objects; none for another form.</summary>
    public IReadOnlyList<string> Objects => Format == BcdFormat.ObjectList && _value is not null ? _value.Texts : [];

    /// <summary>A number of up to eight bytes; null for another form.</summary>
    public ulong? Integer => Format == BcdFormat.Integer && _value?.Data is { Length: > 0 and <= 8 } data ? ReadNumber(data) : null;

    /// <summary>A truth value; null for another form.</summary>
    public bool? Boolean => Format == BcdFormat.Boolean && _value?.Data is { Length: > 0 } data ? data[0] != 0 : null;

    /// <summary>A device; null for another form, or one of an unknown kind.</summary>
    public BcdDevice? Device => Format == BcdFormat.Device && _value is not null ? BcdDevice.TryRead(_value.Data) : null;

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Text ?? Device?.ToString() ?? Boolean?.ToString() ?? Integer?.ToString(CultureInfo.InvariantCulture) ?? string.Join(' ', Objects)}";

    private static ulong ReadNumber(byte[] data)
    {
        Span<byte> number = stackalloc byte[8];
        number.Clear();
        data.CopyTo(number);
        return BinaryPrimitives.ReadUInt64LittleEndian(number);
    }
}

/// <summary>Form of an element's value.</summary>
public enum BcdFormat
{
    /// <summary>Not known.</summary>
    None = 0,

    /// <summary>A device.</summary>
    Device = 1,

    /// <summary>A text.</summary>
    Text = 2,

    /// <summary>The GUID of an object.</summary>
    Object = 3,

    /// <summary>GUIDs of objects.</summary>
    ObjectList = 4,

    /// <summary>A number of 64 bits.</summary>
    Integer = 5,

    /// <summary>True or false.</summary>
    Boolean = 6,

    /// <summary>Several numbers.</summary>
    IntegerList = 7,
}
