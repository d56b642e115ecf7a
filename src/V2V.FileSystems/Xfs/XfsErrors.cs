using V2V.Storage;

namespace V2V.FileSystems.Xfs;

/// <summary>Errors that several parts of XFS raise.</summary>
internal static class XfsErrors
{
    public static V2VException Superblock(string what, string? target = null) =>
        V2VException.Corrupt("XfsSuperblockInvalid", $"The superblock is damaged: {what}.", target);

    public static V2VException Group(int group, string what) =>
        V2VException.Corrupt("XfsGroupCorrupt", FormattableString.Invariant($"Allocation group {group}: {what}."), FormattableString.Invariant($"allocation group {group}"));

    public static V2VException Inode(ulong number, string what) =>
        V2VException.Corrupt("XfsInodeCorrupt", FormattableString.Invariant($"Inode {number}: {what}."), Name(number));

    public static V2VException Mapping(ulong number, string what) =>
        V2VException.Corrupt("XfsMappingCorrupt", FormattableString.Invariant($"The block map of inode {number} is damaged: {what}."), Name(number));

    public static V2VException Directory(ulong number, string what) =>
        V2VException.Corrupt("XfsDirectoryCorrupt", FormattableString.Invariant($"The directory in inode {number} is damaged: {what}."), Name(number));

    public static V2VException Attributes(ulong number, string what) =>
        V2VException.Corrupt("XfsAttributeCorrupt", FormattableString.Invariant($"The extended attributes of inode {number} are damaged: {what}."), Name(number));

    public static V2VException Checksum(string structure) =>
        V2VException.Corrupt("XfsChecksumMismatch", $"The checksum of {structure} does not match its content.", structure);

    public static V2VException NoSpace(string what) => new(
        "XfsNoSpace", V2VErrorKind.NoSpace, $"The file system has no free {what} left.", null, "Free some space in the guest, or grow the file system, and try again.");

    private static string Name(ulong number) => FormattableString.Invariant($"inode {number}");
}
