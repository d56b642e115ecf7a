using V2V.Storage;

namespace V2V.FileSystems.Fat;

/// <summary>Errors that several parts of FAT raise.</summary>
internal static class FatErrors
{
    public static V2VException BootSector(string what) =>
        V2VException.Corrupt("FatBootSectorInvalid", $"The boot sector of the FAT volume is damaged: {what}.");

    public static V2VException Chain(string what) => new(
        "FatChainCorrupt", V2VErrorKind.Corrupt, $"The allocation table is damaged: {what}.", null, "Run fsck.fat or chkdsk on the volume and try again.");

    public static V2VException Directory(string path, string what) => new(
        "FatDirectoryCorrupt", V2VErrorKind.Corrupt, $"The directory {path} is damaged: {what}.", path, "Run fsck.fat or chkdsk on the volume and try again.");

    public static V2VException NoSpace(long wanted, long free) => new(
        "FatNoSpace",
        V2VErrorKind.NoSpace,
        FormattableString.Invariant($"The FAT volume has {free} free clusters; {wanted} are needed."),
        null,
        "Free some space in the guest and try again.");

    public static V2VException RootFull() => new(
        "FatRootDirectoryFull",
        V2VErrorKind.NoSpace,
        "The root directory of the FAT12 or FAT16 volume has a fixed size and no room for another name.",
        "/",
        "Delete or move some files of the root directory in the guest.");

    public static V2VException DirectoryFull(string path) => new(
        "FatDirectoryFull", V2VErrorKind.NoSpace, $"The directory {path} has 65536 entries, the most that FAT allows.", path);

    public static V2VException TooLarge(string path) => new(
        "FatFileTooLarge", V2VErrorKind.NoSpace, $"The file {path} would be larger than 4 GiB less one byte, the most that FAT allows.", path);

    public static V2VException Name(string name) => new(
        "FatNameInvalid",
        V2VErrorKind.InvalidArgument,
        $"FAT cannot store the name '{name}'.",
        name,
        "Use 1 to 255 characters, none of \" * / : < > ? \\ |, and no dot or space at the end.");

    public static V2VException NoFeature(string errorId, string what, string path) =>
        V2VException.Unsupported(errorId, $"FAT has no {what}.", path);
}
