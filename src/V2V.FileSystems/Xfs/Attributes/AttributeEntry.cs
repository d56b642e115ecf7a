namespace V2V.FileSystems.Xfs.Attributes;

/// <summary>An extended attribute as it is stored.</summary>
/// <param name="Flags">Namespace and state, see the constants.</param>
/// <param name="Name">Bytes of the name without its prefix.</param>
/// <param name="Value">The value; null if it is stored apart from its name.</param>
/// <param name="ValueBlock">First block in the attribute fork of a value that is stored apart.</param>
/// <param name="ValueLength">Its length in bytes.</param>
internal readonly record struct AttributeEntry(byte Flags, byte[] Name, byte[]? Value, uint ValueBlock = 0, int ValueLength = 0)
{
    public const byte Local = 1;

    /// <summary>trusted.*, and the access control lists.</summary>
    public const byte Root = 2;

    /// <summary>security.*.</summary>
    public const byte Secure = 4;

    /// <summary>A parent pointer; no attribute that users see.</summary>
    public const byte Parent = 8;

    /// <summary>A change of the attribute was under way when the machine crashed.</summary>
    public const byte Incomplete = 0x80;

    public const int SpaceMask = Root | Secure | Parent;

    public bool IsVisible => (Flags & (Incomplete | Parent)) == 0;

    public bool Is(byte space, ReadOnlySpan<byte> name) => IsVisible && (Flags & SpaceMask) == space && Name.AsSpan().SequenceEqual(name);
}
