using V2V.FileSystems.Fat;
using V2V.FileSystems.Signatures;
using V2V.Storage;

namespace V2V.FileSystems;

/// <summary>What a volume holds, by its signatures alone; nothing is opened.</summary>
/// <param name="Type">
/// blkid's name: <c>ext2</c>, <c>ext3</c>, <c>ext4</c>, <c>jbd</c>, <c>vfat</c>, <c>exfat</c>, <c>ntfs</c>, <c>ReFS</c>, <c>BitLocker</c>,
/// <c>xfs</c>, <c>xfs_external_log</c>, <c>btrfs</c>, <c>swap</c>, <c>swsuspend</c>, <c>LVM2_member</c>, <c>linux_raid_member</c>,
/// <c>crypto_LUKS</c>, <c>zfs_member</c>, <c>iso9660</c>, <c>udf</c>, <c>squashfs</c>, <c>squashfs3</c>, <c>f2fs</c>, <c>hfsplus</c>,
/// <c>reiserfs</c>, <c>jfs</c>, <c>VMFS</c>, <c>VMFS_volume_member</c>; or null if unknown.
/// </param>
/// <param name="Uuid">UUID as blkid prints it, or null.</param>
/// <param name="Label">Label as blkid prints it, or null.</param>
public readonly record struct VolumeSignature(string? Type, string? Uuid, string? Label);

/// <summary>Recognises what a volume holds and opens the file systems that V2V knows.</summary>
public static class FileSystemProbe
{
    /// <summary>The checks in blkid's order: what holds other volumes first, then file systems, the weakest signatures last.</summary>
    private static readonly Func<SignatureReader, VolumeSignature>[] s_checks =
    [
        ContainerSignatures.LinuxRaid,
        ContainerSignatures.Lvm2,
        ContainerSignatures.Luks,
        ContainerSignatures.VmfsVolume,
        WindowsSignatures.BitLocker,
        FatSignatures.Fat,
        LinuxSignatures.Swap,
        LinuxSignatures.Xfs,
        LinuxSignatures.Ext,
        LinuxSignatures.Reiser,
        LinuxSignatures.Jfs,
        OpticalSignatures.Udf,
        OpticalSignatures.Iso9660,
        HfsPlusSignature.HfsPlus,
        WindowsSignatures.Ntfs,
        WindowsSignatures.Refs,
        LinuxSignatures.Squashfs,
        LinuxSignatures.Btrfs,
        ContainerSignatures.Vmfs,
        FatSignatures.ExFat,
        LinuxSignatures.F2fs,
        ZfsSignature.Zfs,
        LinuxSignatures.XfsExternalLog,
    ];

    /// <summary>Reads the signatures of a volume.</summary>
    /// <exception cref="V2VException">The device could not be read.</exception>
    public static VolumeSignature Identify(BlockDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        var reader = new SignatureReader(device);
        foreach (Func<SignatureReader, VolumeSignature> check in s_checks)
        {
            VolumeSignature signature = check(reader);
            if (signature.Type is not null)
            {
                return signature;
            }
        }

        return default;
    }

    /// <summary>
    /// Opens the file system in a volume. With <paramref name="writable"/> a dirty journal is replayed into the device first;
    /// without it, it is replayed in memory, so that reading sees what the guest would see.
    /// </summary>
    /// <param name="device">The volume.</param>
    /// <param name="writable">True to be able to write.</param>
    /// <param name="candidates">Other volumes that may belong to the same file system, where it can span several (Btrfs).</param>
    /// <exception cref="V2VException"><c>FileSystemUnknown</c> or <c>FileSystemUnsupported</c>, or the format's own error.</exception>
    public static GuestFileSystem Open(BlockDevice device, bool writable, IEnumerable<BlockDevice>? candidates = null)
    {
        VolumeSignature signature = Identify(device);
        return signature.Type switch
        {
            "ext2" or "ext3" or "ext4" or "ext4dev" => Ext.ExtFileSystem.Open(device, writable),
            "btrfs" => Btrfs.BtrfsFileSystem.Open(device, writable, candidates),
            "vfat" => FatFileSystem.Open(device, writable),
            "ntfs" => Ntfs.NtfsFileSystem.Open(device, writable),
            "xfs" => Xfs.XfsFileSystem.Open(device, writable),
            "iso9660" => Iso.IsoFileSystem.Open(device),
            "udf" => Udf.UdfFileSystem.Open(device),
            null => throw V2VException.Unsupported("FileSystemUnknown", "The volume holds no file system that is known."),
            _ => throw V2VException.Unsupported(
                "FileSystemUnsupported",
                $"A volume of type {signature.Type} cannot be opened as a file system.",
                signature.Label ?? signature.Uuid),
        };
    }
}
