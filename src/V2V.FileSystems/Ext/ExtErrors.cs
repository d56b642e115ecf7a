using V2V.Storage;

namespace V2V.FileSystems.Ext;

/// <summary>Errors that several parts of ext4 raise.</summary>
internal static class ExtErrors
{
    public static V2VException Inode(uint number, string what) =>
        V2VException.Corrupt("ExtInodeCorrupt", FormattableString.Invariant($"Inode {number}: {what}."), Name(number));

    public static V2VException Mapping(uint number, string what) =>
        V2VException.Corrupt("ExtMappingCorrupt", FormattableString.Invariant($"The block map of inode {number} is damaged: {what}."), Name(number));

    public static V2VException Directory(uint number, string what) =>
        V2VException.Corrupt("ExtDirectoryCorrupt", FormattableString.Invariant($"The directory in inode {number} is damaged: {what}."), Name(number));

    public static V2VException Attributes(uint number, string what) =>
        V2VException.Corrupt("ExtAttributeCorrupt", FormattableString.Invariant($"The extended attributes of inode {number} are damaged: {what}."), Name(number));

    public static V2VException Checksum(string structure) =>
        V2VException.Corrupt("ExtChecksumMismatch", $"The checksum of {structure} does not match its content.", structure);

    public static V2VException Group(int group, string what) =>
        V2VException.Corrupt("ExtGroupCorrupt", FormattableString.Invariant($"Block group {group}: {what}."), FormattableString.Invariant($"group {group}"));

    public static V2VException NoSpace(string what) => new(
        "ExtNoSpace", V2VErrorKind.NoSpace, $"The file system has no free {what} left.", null, "Free some space in the guest, or grow the file system, and try again.");

    public static V2VException TooLarge(long length) => new(
        "ExtFileTooLarge",
        V2VErrorKind.NoSpace,
        FormattableString.Invariant($"A file of {length} bytes is larger than this file system can map."));

    public static V2VException Encrypted(uint number) => V2VException.Unsupported(
        "ExtEncrypted",
        FormattableString.Invariant($"Inode {number} is encrypted by fscrypt; its names and content cannot be read without the key."),
        Name(number),
        "Decrypt the directory inside the guest first.");

    private static string Name(uint number) => FormattableString.Invariant($"inode {number}");
}
