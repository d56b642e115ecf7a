using V2V.Storage;

namespace V2V.FileSystems;

/// <summary>What a volume holds, by its signatures alone; nothing is opened.</summary>
/// <param name="Type">blkid's name: <c>ext4</c>, <c>vfat</c>, <c>xfs</c>, <c>btrfs</c>, <c>ntfs</c>, <c>swap</c>, <c>LVM2_member</c>, <c>linux_raid_member</c>, <c>crypto_LUKS</c>, <c>BitLocker</c>, <c>iso9660</c>, or null if unknown.</param>
/// <param name="Uuid">UUID as blkid prints it, or null.</param>
/// <param name="Label">Label, or null.</param>
public readonly record struct VolumeSignature(string? Type, string? Uuid, string? Label);

/// <summary>Recognises what a volume holds and opens the file systems that V2V knows.</summary>
public static class FileSystemProbe
{
    /// <summary>Reads the signatures of a volume.</summary>
    public static VolumeSignature Identify(BlockDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return default;
    }

    /// <summary>
    /// Opens the file system in a volume. With <paramref name="writable"/> a dirty journal is replayed into the device first;
    /// without it, it is replayed in memory, so that reading sees what the guest would see.
    /// </summary>
    /// <exception cref="V2VException"><c>FileSystemUnknown</c> or <c>FileSystemUnsupported</c>, or the format's own error.</exception>
    public static GuestFileSystem Open(BlockDevice device, bool writable)
    {
        VolumeSignature signature = Identify(device);
        throw V2VException.Unsupported("FileSystemUnsupported", $"A volume of type {signature.Type ?? "unknown"} cannot be opened as a file system.");
    }
}
