using V2V.Storage;

namespace V2V.FileSystems.Ntfs;

/// <summary>Errors that several parts of NTFS raise.</summary>
internal static class NtfsErrors
{
    private const string RunChkdsk = "Run chkdsk /f on the volume in the guest, shut it down and try again.";

    public static V2VException BootSector(string what) =>
        V2VException.Corrupt("NtfsBootSectorInvalid", $"The boot sector of the NTFS volume is damaged: {what}.");

    public static V2VException Record(long number, string what) => new(
        "NtfsRecordCorrupt",
        V2VErrorKind.Corrupt,
        FormattableString.Invariant($"The file record {number} is damaged: {what}."),
        FormattableString.Invariant($"record {number}"),
        RunChkdsk);

    public static V2VException Runs(string what) =>
        new("NtfsRunsCorrupt", V2VErrorKind.Corrupt, $"The cluster runs of an attribute are damaged: {what}.", null, RunChkdsk);

    public static V2VException Index(string what) =>
        new("NtfsIndexCorrupt", V2VErrorKind.Corrupt, $"An index (directory) is damaged: {what}.", null, RunChkdsk);

    public static V2VException Compressed(string what) =>
        new("NtfsCompressedDataCorrupt", V2VErrorKind.Corrupt, $"Compressed data is damaged: {what}.", null, RunChkdsk);

    public static V2VException Reparse(string what) =>
        new("NtfsReparseCorrupt", V2VErrorKind.Corrupt, $"A reparse point is damaged: {what}.", null, RunChkdsk);

    public static V2VException Bitmap(string what) =>
        new("NtfsBitmapCorrupt", V2VErrorKind.Corrupt, $"The allocation bitmap is damaged: {what}.", null, RunChkdsk);

    public static V2VException Security(string what) =>
        new("NtfsSecurityCorrupt", V2VErrorKind.Corrupt, $"The security descriptors of the volume are damaged: {what}.", null, RunChkdsk);

    public static V2VException NoSpace(long wanted, long free) => new(
        "NtfsNoSpace",
        V2VErrorKind.NoSpace,
        FormattableString.Invariant($"The NTFS volume has {free} free clusters; {wanted} are needed."),
        null,
        "Free some space in the guest, or extend the volume, and try again.");

    public static V2VException TooManyAttributes(long number) => new(
        "NtfsRecordFull",
        V2VErrorKind.Limit,
        FormattableString.Invariant($"The attributes of file record {number} need a list of more than 256 KiB, the most that NTFS allows."),
        FormattableString.Invariant($"record {number}"),
        "Defragment the file in the guest and try again.");

    public static V2VException TooLarge(string path) =>
        new("NtfsFileTooLarge", V2VErrorKind.NoSpace, $"The file {path} would be larger than NTFS allows.", path);

    public static V2VException Encrypted(string path) => V2VException.Unsupported(
        "NtfsEncrypted", $"The file {path} is encrypted by EFS; its content cannot be had without its owner's key.", path, "Decrypt it in the guest first (cipher /d).");

    public static V2VException ReparseUnsupported(string path, string name) => V2VException.Unsupported(
        "NtfsReparseUnsupported", $"The file {path} is a reparse point of the kind {name}, whose content is kept elsewhere.", path, "Make it an ordinary file in the guest first.");

    public static V2VException Name(string name) => new(
        "NtfsNameInvalid",
        V2VErrorKind.InvalidArgument,
        $"Windows cannot use the name '{name}'.",
        name,
        "Use 1 to 255 characters, none of \" * / : < > ? \\ |, and no dot or space at the end.");

    public static V2VException System(string path) => V2VException.Unsupported(
        "NtfsSystemFile", $"The file {path} belongs to NTFS itself and is not changed.", path);

    public static V2VException Attribute(string name) => V2VException.Unsupported(
        "NtfsAttributeUnsupported", $"NTFS cannot store the extended attribute {name}.", name, "Use user.NAME (an alternate stream), system.ntfs_attrib or system.ntfs_acl.");

    public static V2VException NoOwners(string path) => V2VException.Unsupported(
        "NtfsNoOwners", "NTFS has no Unix owners; a file that is made belongs to whom its directory's permissions say.", path);
}
