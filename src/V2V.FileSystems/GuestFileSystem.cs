using V2V.Storage;

namespace V2V.FileSystems;

/// <summary>
/// A file system in a volume: paths in, files out. Paths are absolute within the file system and <c>/</c>-separated; symbolic links
/// are never followed here, neither on the way nor at the end (the guest's tree of mount points does that).
/// A missing file is <see langword="null"/> from <see cref="TryGetEntry"/> and the error <c>GuestFileNotFound</c> elsewhere.
/// Writers work without a journal of their own: they write through to the device and leave a file system that the
/// platform's own checker calls clean once <see cref="Flush"/> has run. Not thread-safe.
/// </summary>
public abstract class GuestFileSystem : IDisposable
{
    private bool _disposed;

    /// <summary>The kernel's name of the file system: <c>ext4</c>, <c>vfat</c>, <c>xfs</c>, …</summary>
    public abstract string Type { get; }

    /// <summary>Volume label; empty if there is none.</summary>
    public abstract string Label { get; }

    /// <summary>UUID as blkid prints it (for FAT the serial number as <c>XXXX-XXXX</c>); null if there is none.</summary>
    public abstract string? Uuid { get; }

    /// <summary>The volume that holds the file system.</summary>
    public abstract BlockDevice Device { get; }

    /// <summary>Size of the unit of allocation in bytes.</summary>
    public abstract int BlockSize { get; }

    /// <summary>Size of the file system in bytes.</summary>
    public abstract long TotalBytes { get; }

    /// <summary>Bytes that an ordinary write can still use.</summary>
    public abstract long FreeBytes { get; }

    /// <summary>Number of inodes; 0 where the format has no fixed number.</summary>
    public abstract long TotalInodes { get; }

    /// <summary>Number of free inodes; <see cref="long.MaxValue"/> where the format has no fixed number.</summary>
    public abstract long FreeInodes { get; }

    /// <summary>True if the file system was opened for writing.</summary>
    public abstract bool CanWrite { get; }

    /// <summary>The entry at a path, or null if no such file exists.</summary>
    public abstract FileEntry? TryGetEntry(string path);

    /// <summary>The names in a directory in stored order, without <c>.</c> and <c>..</c>.</summary>
    public abstract IEnumerable<DirectoryEntry> EnumerateDirectory(string path);

    /// <summary>Opens a regular file: a seekable stream; holes read as zero.</summary>
    public abstract Stream OpenRead(string path);

    /// <summary>The target of a symbolic link, as stored.</summary>
    public abstract string ReadLink(string path);

    /// <summary>Names of the extended attributes with their prefix (<c>security.selinux</c>).</summary>
    public virtual IReadOnlyList<string> ListExtendedAttributes(string path) => [];

    /// <summary>The value of an extended attribute, or null.</summary>
    public virtual byte[]? GetExtendedAttribute(string path, string name) => null;

    /// <summary>
    /// Ranges of <see cref="Device"/> in bytes that hold nothing: what a trim would discard. Ascending, not overlapping.
    /// </summary>
    public abstract IEnumerable<(long Offset, long Length)> GetFreeExtents();

    /// <summary>The same for another device of a file system that spans several; nothing for a device that is not one of them.</summary>
    public virtual IEnumerable<(long Offset, long Length)> GetFreeExtents(BlockDevice device) => device == Device ? GetFreeExtents() : [];

    /// <summary>
    /// What a mount with options from fstab shows: for Btrfs a subvolume (<c>subvol=</c>, <c>subvolid=</c>), else the file system itself.
    /// It shares everything with this one, which stays its owner.
    /// </summary>
    /// <exception cref="V2VException"><c>BtrfsSubvolumeMissing</c>.</exception>
    public virtual GuestFileSystem GetMount(string options) => this;

    /// <summary>
    /// Mount options under which the root of a system may be found, the likeliest first; the empty string stands for none. Snapshots,
    /// which hold earlier states of a system, are not among them.
    /// </summary>
    public virtual IReadOnlyList<string> GetRootCandidates() => [""];

    /// <summary>Opens an existing regular file for reading and writing: seekable, and <see cref="Stream.SetLength"/> grows and
    /// shrinks. Owner, mode and extended attributes stay.</summary>
    public virtual Stream OpenWrite(string path) => throw ReadOnly();

    /// <summary>Creates an empty regular file. The parent must exist and the name must not.</summary>
    public virtual void CreateFile(string path, FileMetadata metadata) => throw ReadOnly();

    /// <summary>Creates an empty directory. The parent must exist and the name must not.</summary>
    public virtual void CreateDirectory(string path, FileMetadata metadata) => throw ReadOnly();

    /// <summary>Creates a symbolic link.</summary>
    public virtual void CreateSymbolicLink(string path, string target, FileMetadata metadata) => throw ReadOnly();

    /// <summary>Creates a further name for an existing file that is not a directory.</summary>
    public virtual void CreateHardLink(string existingPath, string newPath) => throw ReadOnly();

    /// <summary>Deletes a file, a link or an empty directory.</summary>
    public virtual void Delete(string path) => throw ReadOnly();

    /// <summary>Renames within the file system as rename(2) does: an existing target of the same kind is replaced.</summary>
    public virtual void Rename(string fromPath, string toPath) => throw ReadOnly();

    /// <summary>Sets permission bits, owner and modification time.</summary>
    public virtual void SetMetadata(string path, FileMetadata metadata) => throw ReadOnly();

    /// <summary>Sets or replaces an extended attribute.</summary>
    public virtual void SetExtendedAttribute(string path, string name, ReadOnlySpan<byte> value) => throw ReadOnly();

    /// <summary>Removes an extended attribute; nothing happens if it is not there.</summary>
    public virtual void RemoveExtendedAttribute(string path, string name) => throw ReadOnly();

    /// <summary>Writes everything that is still in memory to <see cref="Device"/>.</summary>
    public virtual void Flush()
    {
    }

    /// <summary>Reads a whole regular file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maxBytes">A larger file is refused with <c>GuestFileTooLarge</c>: guest content is hostile.</param>
    public byte[] ReadAllBytes(string path, int maxBytes = 64 << 20)
    {
        using Stream stream = OpenRead(path);
        if (stream.Length > maxBytes)
        {
            throw new V2VException("GuestFileTooLarge", V2VErrorKind.Limit, $"The guest's file {path} is larger than {maxBytes} bytes.", path);
        }

        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }

    /// <summary>Replaces the content of a file in place, or creates it with <paramref name="metadata"/> if it does not exist.</summary>
    public void WriteAllBytes(string path, ReadOnlySpan<byte> content, FileMetadata metadata)
    {
        if (TryGetEntry(path) is null)
        {
            CreateFile(path, metadata);
        }

        using Stream stream = OpenWrite(path);
        stream.SetLength(content.Length);
        stream.Write(content);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Flushes and releases memory; the device stays open, it belongs to the caller.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing && !_disposed)
        {
            _disposed = true;
            Flush();
        }
    }

    /// <summary>The error for a write to a file system that is open for reading only.</summary>
    protected V2VException ReadOnly() =>
        new("FileSystemReadOnly", V2VErrorKind.InvalidState, $"The {Type} file system is open for reading only.");

    /// <summary>The error for a path that does not exist.</summary>
    protected static V2VException NotFound(string path) =>
        new("GuestFileNotFound", V2VErrorKind.NotFound, $"The guest has no file {path}.", path);
}
