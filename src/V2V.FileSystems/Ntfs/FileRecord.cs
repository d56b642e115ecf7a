using V2V.Storage;

namespace V2V.FileSystems.Ntfs;

/// <summary>A file: its base record and the attributes of all its records.</summary>
internal sealed class FileRecord(long number, ushort sequence)
{
    public const ushort InUseFlag = 1;
    public const ushort DirectoryFlag = 2;

    /// <summary>Number of the base record in <c>$MFT</c>.</summary>
    public long Number { get; } = number;

    /// <summary>Grows each time the record is used anew.</summary>
    public ushort Sequence { get; } = sequence;

    /// <summary>In use, directory, view index.</summary>
    public ushort Flags { get; set; }

    /// <summary>Number of $FILE_NAME attributes, short names counted apart.</summary>
    public ushort LinkCount { get; set; }

    /// <summary>The attributes in stored order.</summary>
    public List<NtfsAttribute> Attributes { get; } = [];

    /// <summary>Numbers of the records that hold attributes for which the base record has no room.</summary>
    public List<long> Extensions { get; } = [];

    /// <summary>The attribute list's clusters, if it has any; the list itself is made anew with each save.</summary>
    public NtfsAttribute? List { get; set; }

    /// <summary>True once the file is deleted: open streams must not write it again.</summary>
    public bool Deleted { get; set; }

    /// <summary>How directories and extension records refer to the file.</summary>
    public ulong Reference => (ulong)Number | ((ulong)Sequence << 48);

    public bool IsDirectory => (Flags & DirectoryFlag) != 0;

    /// <summary>The first attribute of a type and name, or null.</summary>
    public NtfsAttribute? Find(uint type, string name = "")
    {
        foreach (NtfsAttribute attribute in Attributes)
        {
            if (attribute.Is(type, name))
            {
                return attribute;
            }
        }

        return null;
    }

    /// <summary>The attribute, which must be there.</summary>
    /// <exception cref="V2VException"><c>NtfsRecordCorrupt</c>.</exception>
    public NtfsAttribute Get(uint type, string name = "") =>
        Find(type, name) ?? throw NtfsErrors.Record(Number, FormattableString.Invariant($"it has no attribute 0x{type:X} '{name}'"));

    /// <summary>The value of a resident attribute with a least length.</summary>
    /// <exception cref="V2VException"><c>NtfsRecordCorrupt</c>.</exception>
    public byte[] GetValue(uint type, string name, int leastLength) =>
        Get(type, name).Value is { } value && value.Length >= leastLength
            ? value
            : throw NtfsErrors.Record(Number, FormattableString.Invariant($"its attribute 0x{type:X} '{name}' is too short or not resident"));
}
