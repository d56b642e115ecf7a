namespace V2V.FileSystems;

/// <summary>The type of a file.</summary>
public enum GuestFileType
{
    /// <summary>Regular file.</summary>
    File,

    /// <summary>Directory.</summary>
    Directory,

    /// <summary>Symbolic link (or an NTFS reparse point that acts as one).</summary>
    SymbolicLink,

    /// <summary>Character device.</summary>
    CharacterDevice,

    /// <summary>Block device.</summary>
    BlockDevice,

    /// <summary>Named pipe.</summary>
    Fifo,

    /// <summary>Socket.</summary>
    Socket,
}

/// <summary>Ownership and permission of a file that is to be created, or the part of them that is to be changed.</summary>
/// <param name="Mode">Permission bits with set-uid, set-gid and sticky, 12 bits (octal 07777); no type bits.</param>
/// <param name="Uid">Owner.</param>
/// <param name="Gid">Group.</param>
/// <param name="ModifiedTime">Modification time; null is the time of the operation.</param>
public readonly record struct FileMetadata(int Mode, uint Uid = 0, uint Gid = 0, DateTimeOffset? ModifiedTime = null);

/// <summary>One file as its inode describes it. A snapshot; not updated by later writes.</summary>
/// <param name="Path">Absolute path in its file system, <c>/</c>-separated, decoded by <see cref="GuestName"/>.</param>
/// <param name="Type">Type of the file.</param>
/// <param name="Length">Size in bytes; for a symbolic link the length of its target.</param>
/// <param name="Mode">Permission bits, 12 bits.</param>
/// <param name="Uid">Owner.</param>
/// <param name="Gid">Group.</param>
/// <param name="FileId">Inode number, or what identifies the file in its file system (equal for hard links).</param>
/// <param name="LinkCount">Number of hard links.</param>
/// <param name="ModifiedTime">Last change of the content.</param>
/// <param name="AccessTime">Last access.</param>
/// <param name="ChangeTime">Last change of the inode.</param>
/// <param name="DeviceMajor">Major number of a device node, else 0.</param>
/// <param name="DeviceMinor">Minor number of a device node, else 0.</param>
/// <param name="AllocatedBytes">Bytes of storage that the content takes.</param>
public sealed record FileEntry(
    string Path,
    GuestFileType Type,
    long Length,
    int Mode,
    uint Uid,
    uint Gid,
    ulong FileId,
    int LinkCount,
    DateTimeOffset ModifiedTime,
    DateTimeOffset AccessTime,
    DateTimeOffset ChangeTime,
    uint DeviceMajor = 0,
    uint DeviceMinor = 0,
    long AllocatedBytes = 0)
{
    /// <summary>The last component of <see cref="Path"/>.</summary>
    public string Name => Path[(Path.LastIndexOf('/') + 1)..];

    /// <summary>True for a directory.</summary>
    public bool IsDirectory => Type == GuestFileType.Directory;
}

/// <summary>A name in a directory.</summary>
/// <param name="Name">The name, decoded by <see cref="GuestName"/>; never <c>.</c> or <c>..</c>.</param>
/// <param name="Type">The type, from the directory where it stores one, else from the inode.</param>
/// <param name="FileId">Inode number.</param>
public readonly record struct DirectoryEntry(string Name, GuestFileType Type, ulong FileId);
