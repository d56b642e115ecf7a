using V2V.FileSystems.Signatures;
using V2V.Storage;

namespace V2V.FileSystems.Fat;

/// <summary>
/// FAT12, FAT16 and FAT32 with long names, as Windows 95 and Linux' vfat keep them. Names are found in any case and kept as
/// given. FAT stores no owner: every file belongs to root; of the mode it keeps only whether the file may be written. Times are
/// taken as UTC and have a step of two seconds. A volume that was marked dirty stays marked.
/// </summary>
public sealed partial class FatFileSystem : GuestFileSystem
{
    private const int DirectoryMode = 0x1ED;
    private const int FileMode = 0x1ED;
    private const int WriteBits = 0x92;

    private readonly FatVolume _volume;

    private FatFileSystem(FatVolume volume, bool writable, VolumeSignature signature)
    {
        _volume = volume;
        CanWrite = writable;
        Label = signature.Label ?? "";
        Uuid = signature.Uuid;
    }

    /// <inheritdoc/>
    public override string Type => "vfat";

    /// <inheritdoc/>
    public override string Label { get; }

    /// <inheritdoc/>
    public override string? Uuid { get; }

    /// <inheritdoc/>
    public override BlockDevice Device => _volume.Device;

    /// <inheritdoc/>
    public override int BlockSize => _volume.Geometry.ClusterSize;

    /// <inheritdoc/>
    public override long TotalBytes => _volume.Geometry.TotalBytes;

    /// <inheritdoc/>
    public override long FreeBytes => _volume.Table.FreeClusters * _volume.Geometry.ClusterSize;

    /// <inheritdoc/>
    public override long TotalInodes => 0;

    /// <inheritdoc/>
    public override long FreeInodes => long.MaxValue;

    /// <inheritdoc/>
    public override bool CanWrite { get; }

    /// <summary>Width of the allocation table's entries: 12, 16 or 32 bits.</summary>
    public int FatBits => _volume.Geometry.Bits;

    /// <summary>Opens the file system in a volume.</summary>
    /// <param name="device">The volume.</param>
    /// <param name="writable">True to write.</param>
    /// <exception cref="V2VException"><c>FatBootSectorInvalid</c>, <c>FatVersionUnsupported</c>.</exception>
    public static FatFileSystem Open(BlockDevice device, bool writable) =>
        new(new FatVolume(device), writable, FatSignatures.Fat(new SignatureReader(device)));

    /// <inheritdoc/>
    public override FileEntry? TryGetEntry(string path)
    {
        string[] components = GuestName.SplitPath(path);
        if (components.Length == 0)
        {
            DateTimeOffset epoch = FatTime.Decode(0, 0);
            return new FileEntry("/", GuestFileType.Directory, 0, DirectoryMode, 0, 0, 1, 1, epoch, epoch, epoch);
        }

        return TryFindParent(components, out FatDirectory? parent) && parent!.Find(components[^1]) is { } node ? MakeEntry(path, node) : null;
    }

    /// <inheritdoc/>
    public override IEnumerable<DirectoryEntry> EnumerateDirectory(string path) =>
        OpenDirectory(path).Nodes().Select(node => new DirectoryEntry(node.Name, TypeOf(node), FileIdOf(node)));

    /// <inheritdoc/>
    public override Stream OpenRead(string path) => OpenStream(path, writable: false);

    /// <inheritdoc/>
    public override string ReadLink(string path)
    {
        _ = FindNode(path);
        throw GuestPathErrors.NotSymbolicLink(path);
    }

    /// <inheritdoc/>
    public override IEnumerable<(long Offset, long Length)> GetFreeExtents()
    {
        foreach (FatRun run in _volume.Table.FreeRuns())
        {
            yield return (_volume.Geometry.ClusterOffset(run.Start), (long)run.Count * _volume.Geometry.ClusterSize);
        }
    }

    private static GuestFileType TypeOf(FatNode node) => node.IsDirectory ? GuestFileType.Directory : GuestFileType.File;

    /// <summary>Position of the short entry in the volume, in entries; FAT has no other identity for an empty file.</summary>
    private static ulong FileIdOf(FatNode node) => (ulong)node.Offset / FatDirectory.SlotSize;

    private FileEntry MakeEntry(string path, FatNode node)
    {
        long clusterSize = _volume.Geometry.ClusterSize;
        long length = node.IsDirectory ? 0 : node.Size;
        string parent = path.TrimEnd('/');
        return new FileEntry(
            string.Concat(parent.AsSpan(0, parent.LastIndexOf('/') + 1), node.Name),
            TypeOf(node),
            length,
            (node.IsDirectory ? DirectoryMode : FileMode) & ~(node.IsReadOnly ? WriteBits : 0),
            0,
            0,
            FileIdOf(node),
            1,
            node.ModifiedTime,
            node.AccessTime,
            node.ModifiedTime,
            AllocatedBytes: (length + clusterSize - 1) / clusterSize * clusterSize);
    }

    private FatNode FindNode(string path)
    {
        string[] components = GuestName.SplitPath(path);
        if (components.Length == 0)
        {
            throw GuestPathErrors.Invalid(path);
        }

        return TryFindParent(components, out FatDirectory? parent) && parent!.Find(components[^1]) is { } node ? node : throw NotFound(path);
    }

    private FatFileStream OpenStream(string path, bool writable)
    {
        if (GuestName.SplitPath(path).Length == 0)
        {
            throw GuestPathErrors.NotFile(path);
        }

        FatNode node = FindNode(path);
        return node.IsDirectory ? throw GuestPathErrors.NotFile(path) : new FatFileStream(_volume, node, path, writable);
    }

    private FatDirectory OpenDirectory(string path)
    {
        string[] components = GuestName.SplitPath(path);
        if (!TryFindParent([.. components, ""], out FatDirectory? directory))
        {
            throw TryGetEntry(path) is null ? NotFound(path) : GuestPathErrors.NotDirectory(path);
        }

        return directory!;
    }

    /// <summary>Opens the directory that all components but the last lead to.</summary>
    private bool TryFindParent(ReadOnlySpan<string> components, out FatDirectory? directory)
    {
        directory = FatDirectory.Open(_volume, "/", 0);
        var seen = new HashSet<uint> { directory.FirstCluster };
        foreach (string component in components[..^1])
        {
            FatNode? node = directory.Find(component);
            if (node is not { IsDirectory: true })
            {
                directory = null;
                return false;
            }

            // A directory cannot lie within itself, and none but the root begins at cluster 0.
            uint cluster = node.Cluster(_volume.Geometry.Bits);
            if (cluster == 0 || !seen.Add(cluster))
            {
                throw FatErrors.Directory(component, "it leads back to a directory above it");
            }

            directory = FatDirectory.Open(_volume, component, cluster);
        }

        return true;
    }
}
