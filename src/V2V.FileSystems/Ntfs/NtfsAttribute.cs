namespace V2V.FileSystems.Ntfs;

/// <summary>One attribute of a file, put together from all its headers. A stream of bytes: resident in the file record, or in clusters.</summary>
internal sealed class NtfsAttribute(uint type, string name)
{
    public const ushort CompressedFlag = 0x0001;
    public const ushort EncryptedFlag = 0x4000;
    public const ushort SparseFlag = 0x8000;

    /// <summary>A value of <see cref="AttributeType"/>.</summary>
    public uint Type { get; } = type;

    /// <summary>Name of the attribute; empty for most.</summary>
    public string Name { get; } = name;

    /// <summary>Compressed, encrypted, sparse.</summary>
    public ushort Flags { get; set; }

    /// <summary>The content of a resident attribute, else null.</summary>
    public byte[]? Value { get; set; }

    /// <summary>1 for a resident attribute that an index refers to ($FILE_NAME).</summary>
    public byte IndexedFlag { get; set; }

    /// <summary>The clusters of a non-resident attribute.</summary>
    public RunList Runs { get; set; } = new();

    /// <summary>Length in bytes as stored for a non-resident attribute; see <see cref="Length"/>.</summary>
    public long DataSize { get; set; }

    /// <summary>Bytes that have been written; what follows reads as zero.</summary>
    public long InitializedSize { get; set; }

    /// <summary>Log2 of the clusters in a compression unit; 0 if the attribute was never compressed.</summary>
    public byte CompressionUnit { get; set; }

    public bool IsResident => Value is not null;

    public bool IsCompressed => (Flags & CompressedFlag) != 0;

    public bool IsEncrypted => (Flags & EncryptedFlag) != 0;

    public bool IsSparse => (Flags & SparseFlag) != 0;

    /// <summary>Length in bytes.</summary>
    public long Length => Value is null ? DataSize : Value.Length;

    /// <summary>Names of attributes compare ignoring case, by $UpCase; ASCII is what occurs in system names.</summary>
    public bool Is(uint type, string name) => Type == type && string.Equals(Name, name, StringComparison.OrdinalIgnoreCase);
}
