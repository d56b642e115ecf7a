using V2V.Storage;

namespace V2V.FileSystems.Btrfs;

/// <summary>Errors that several parts of Btrfs raise.</summary>
internal static class BtrfsErrors
{
    private const string CheckAdvice = "Run btrfs check and btrfs scrub on it in the guest, and export it again.";

    public static V2VException Superblock(string what) => V2VException.Corrupt("BtrfsSuperblockInvalid", $"The Btrfs superblock is damaged: {what}.");

    public static V2VException Chunk(string what) => V2VException.Corrupt("BtrfsChunkCorrupt", $"The chunks of the Btrfs file system are damaged: {what}.");

    public static V2VException Tree(long address, string what) => new(
        "BtrfsTreeCorrupt", V2VErrorKind.Corrupt, FormattableString.Invariant($"The Btrfs tree block at {address} is damaged: {what}."),
        FormattableString.Invariant($"block {address}"), CheckAdvice);

    public static V2VException Item(BtrfsKey key, string what) => new(
        "BtrfsItemCorrupt", V2VErrorKind.Corrupt, $"The Btrfs item {key} is damaged: {what}.", $"item {key}", CheckAdvice);

    public static V2VException Extents(string what) => new(
        "BtrfsExtentTreeCorrupt", V2VErrorKind.Corrupt, $"The Btrfs extent tree is damaged: {what}.", null, CheckAdvice);

    public static V2VException Checksum(string what) => new(
        "BtrfsChecksumMismatch", V2VErrorKind.Corrupt, $"No copy of {what} matches its checksum.", what, CheckAdvice);

    public static V2VException Compression(ulong inode) => new(
        "BtrfsCompressedDataCorrupt", V2VErrorKind.Corrupt, FormattableString.Invariant($"Compressed data of inode {inode} cannot be decoded."),
        FormattableString.Invariant($"inode {inode}"), CheckAdvice);

    public static V2VException MissingDevice(ulong device) => new(
        "BtrfsDeviceMissing", V2VErrorKind.NotFound, FormattableString.Invariant($"Device {device} of the Btrfs file system is missing."),
        FormattableString.Invariant($"device {device}"), "Import the machine with all of its disks.");

    public static V2VException NoSpace(string what) => new(
        "BtrfsNoSpace", V2VErrorKind.NoSpace, $"The Btrfs file system has no space left for {what}.", null, "Free some space in the guest, or grow the file system, and try again.");

    public static V2VException Feature(string name) => V2VException.Unsupported(
        "BtrfsFeatureUnsupported", $"The Btrfs file system uses {name}, which V2V does not know how to handle.", name, "Export the disk as it is, or move the guest to another file system.");

    public static V2VException ReadOnlyFeature(string name) => V2VException.Unsupported(
        "BtrfsWriteUnsupported", $"The Btrfs file system can be read but not written: {name}.", name, "Resolve that in the guest and export it again.");
}
