using System.Buffers.Binary;
using V2V.Registry.Cells;

namespace V2V.Registry;

/// <summary>Type of a value's data; a hive may hold any other number.</summary>
public enum RegistryValueType
{
    /// <summary>Bytes of no type.</summary>
    None = 0,

    /// <summary>Text.</summary>
    String = 1,

    /// <summary>Text with environment variables.</summary>
    ExpandString = 2,

    /// <summary>Bytes.</summary>
    Binary = 3,

    /// <summary>32-bit number.</summary>
    DWord = 4,

    /// <summary>32-bit number, the highest byte first.</summary>
    DWordBigEndian = 5,

    /// <summary>Symbolic link.</summary>
    Link = 6,

    /// <summary>Several texts.</summary>
    MultiString = 7,

    /// <summary>64-bit number.</summary>
    QWord = 11,
}

/// <summary>A value of a key.</summary>
/// <param name="Name">Its name; empty for the key's default value.</param>
/// <param name="Type">Type of the data.</param>
/// <param name="Data">The data as it is stored.</param>
public sealed record RegistryValue(string Name, RegistryValueType Type, byte[] Data)
{
    /// <summary>The data as text, up to the first NUL; an odd last byte is left out.</summary>
    public string Text
    {
        get
        {
            string text = CellText.Utf16(Data.AsSpan(0, Data.Length & ~1));
            int end = text.IndexOf('\0', StringComparison.Ordinal);
            return end < 0 ? text : text[..end];
        }
    }

    /// <summary>The data as several texts; an empty one ends them.</summary>
    public IReadOnlyList<string> Texts
    {
        get
        {
            string[] parts = CellText.Utf16(Data.AsSpan(0, Data.Length & ~1)).Split('\0');
            int end = Array.IndexOf(parts, "");
            return end < 0 ? parts : parts[..end];
        }
    }

    /// <summary>The data as a number; null if it is none of 32 or 64 bits.</summary>
    public ulong? Number => (Type, Data.Length) switch
    {
        (RegistryValueType.DWordBigEndian, >= 4) => BinaryPrimitives.ReadUInt32BigEndian(Data),
        (RegistryValueType.QWord, >= 8) => BinaryPrimitives.ReadUInt64LittleEndian(Data),
        (RegistryValueType.DWord or RegistryValueType.Binary or RegistryValueType.None, 4) => BinaryPrimitives.ReadUInt32LittleEndian(Data),
        _ => null,
    };

    /// <summary>Data of a text value, with the NUL that ends it.</summary>
    public static byte[] Encode(string text) => CellText.Utf16(text + "\0");

    /// <summary>Data of a value of several texts.</summary>
    public static byte[] Encode(IEnumerable<string> texts) => CellText.Utf16(string.Concat(texts.Select(t => t + "\0")) + "\0");

    /// <summary>Data of a 32-bit number.</summary>
    public static byte[] Encode(uint number)
    {
        byte[] data = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(data, number);
        return data;
    }
}
