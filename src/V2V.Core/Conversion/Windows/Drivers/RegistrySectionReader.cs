using System.Buffers.Binary;
using System.Globalization;
using V2V.Core.Conversion.Windows.Drivers.Inf;
using V2V.Registry;

namespace V2V.Core.Conversion.Windows.Drivers;

/// <summary>Reads the add-registry and delete-registry sections that a section's AddReg and DelReg lines name.</summary>
internal sealed class RegistrySectionReader(InfFile inf)
{
    private const uint IsBinary = 0x1;
    private const uint KeyOnly = 0x10;
    private const int DataField = 4;

    public IReadOnlyList<RegistryEdit> Additions(string section) => [.. Lines(section, "AddReg").Select(ReadAddition)];

    public IReadOnlyList<RegistryDeletion> Deletions(string section) => [.. Lines(section, "DelReg").Select(ReadDeletion)];

    private IEnumerable<InfLine> Lines(string section, string directive) =>
        inf.Values(section, directive).SelectMany(inf.Section).Where(l => l.Key is null && l.Field(0).Length > 0);

    private RegistryDeletion ReadDeletion(InfLine line) =>
        new(line.Field(0).ToUpperInvariant(), line.Field(1), line.Fields.Count > 2 ? line.Field(2) : null, InfNumber.Parse(line.Field(3)) ?? 0, [.. line.Fields.Skip(DataField)]);

    private RegistryEdit ReadAddition(InfLine line)
    {
        uint flags = InfNumber.Parse(line.Field(3)) ?? 0;
        RegistryValueType type = TypeOf(flags);
        string[] texts = type switch
        {
            RegistryValueType.MultiString => [.. line.Fields.Skip(DataField)],
            RegistryValueType.String or RegistryValueType.ExpandString => [line.Field(DataField)],
            _ => [],
        };
        bool isKeyOnly = (flags & KeyOnly) != 0 || (line.Field(2).Length == 0 && line.Fields.Count <= DataField && (flags & ~IsBinary) == 0);
        return new RegistryEdit(line.Field(0).ToUpperInvariant(), line.Field(1), line.Field(2), flags, type, isKeyOnly ? null : Data(type, texts, line), texts);
    }

    /// <summary>The type that FLG_ADDREG_TYPE_MASK's bits stand for.</summary>
    private static RegistryValueType TypeOf(uint flags) => (flags & IsBinary, flags >> 16) switch
    {
        (0, 1) => RegistryValueType.MultiString,
        (0, 2) => RegistryValueType.ExpandString,
        (0, _) => RegistryValueType.String,
        (_, 0) => RegistryValueType.Binary,
        (_, 1) => RegistryValueType.DWord,
        (_, 2) => RegistryValueType.None,
        (_, uint other) => (RegistryValueType)other,
    };

    private byte[] Data(RegistryValueType type, string[] texts, InfLine line)
    {
        if (type == RegistryValueType.MultiString)
        {
            return RegistryValue.Encode(texts);
        }

        if (type is RegistryValueType.String or RegistryValueType.ExpandString)
        {
            return RegistryValue.Encode(texts[0]);
        }

        string[] fields = [.. line.Fields.Skip(DataField)];
        if (type == RegistryValueType.DWord && fields.Length < 2)
        {
            byte[] number = new byte[4];
            BinaryPrimitives.WriteUInt32LittleEndian(number, fields is [{ Length: > 0 } text] ? InfNumber.Parse(text) ?? throw NoNumber(text) : 0);
            return number;
        }

        return [.. fields.Where(f => f.Length > 0).Select(Byte)];
    }

    private byte Byte(string text) =>
        byte.TryParse(text.AsSpan(text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? 2 : 0), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value) ? value : throw NoNumber(text);

    private Storage.V2VException NoNumber(string text) => InfErrors.Invalid(inf.Name, $"a registry value has '{(text.Length > 40 ? text[..40] : text)}' where a number is needed");
}
