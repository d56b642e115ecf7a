using V2V.Storage.Images;

namespace V2V.Storage.Qcow2;

/// <summary>
/// A qcow2 image of version 2 or 3: start here. Reads every form but encrypted ones; writes into images without internal
/// snapshots and external data files. Reads run side by side; so do writes into clusters that exist, while clusters are added one writer at a time.
/// </summary>
public sealed partial class Qcow2Image : BlockDevice
{
    private readonly BlockDevice _file;
    private readonly BlockDevice? _dataFile;
    private readonly BlockDevice? _backing;
    private readonly string _name;
    private readonly Qcow2Header _header;
    private readonly Qcow2TableCache _cache;
    private readonly Qcow2L2Map _map;
    private readonly Qcow2Refcounts? _refcounts;
    private readonly Qcow2ClusterDecoder _decoder;

    /// <summary>Protects the tables; held for moments.</summary>
    private readonly Lock _tableLock = new();

    private Qcow2Image(BlockDevice file, BlockDevice? dataFile, BlockDevice? backing, Qcow2Header header, string name, bool writable)
    {
        _file = file;
        _dataFile = dataFile;
        _backing = backing is null ? null : new BackingView(backing, 0, header.VirtualSize, ownsBacking: true);
        _header = header;
        _name = name;
        _cache = new Qcow2TableCache(file, header.ClusterSize, name);
        _map = new Qcow2L2Map(file, dataFile, header, _cache, name, checksClaims: !writable);
        _refcounts = writable ? new Qcow2Refcounts(file, header, _cache, name) : null;
        _decoder = new Qcow2ClusterDecoder(file, header, name);
    }

    /// <inheritdoc/>
    public override long Length => _header.VirtualSize;

    /// <inheritdoc/>
    public override int SectorSize => _backing?.SectorSize ?? 512;

    /// <inheritdoc/>
    public override bool CanWrite => _refcounts is not null;

    /// <summary>Version of the format: 2 or 3.</summary>
    public int Version => _header.Version;

    /// <summary>Bytes in a cluster.</summary>
    public int ClusterSize => _header.ClusterSize;

    /// <summary>Reference to the backing file as written, or null.</summary>
    public string? BackingFile => _header.BackingFile;

    /// <summary>Format of the backing file as written, or null.</summary>
    public string? BackingFormat => _header.BackingFormat;

    /// <summary>Number of internal snapshots.</summary>
    public long SnapshotCount => _header.SnapshotCount;

    /// <summary>True if the image was not closed cleanly; its tables are sound, its refcounts may not be.</summary>
    public bool IsDirty => (_header.Incompatible & Qcow2Format.IncompatibleDirty) != 0;

    /// <summary>True if the program that wrote it found it damaged.</summary>
    public bool IsMarkedCorrupt => (_header.Incompatible & Qcow2Format.IncompatibleCorrupt) != 0;

    /// <summary>Creates an empty image and opens it for writing.</summary>
    /// <param name="path">Path of the new file.</param>
    /// <param name="virtualSize">Size in bytes that the guest sees.</param>
    /// <param name="options">Cluster size and so on.</param>
    /// <param name="overwrite">True to replace an existing file.</param>
    public static Qcow2Image Create(string path, long virtualSize, Qcow2CreateOptions? options = null, bool overwrite = false) =>
        Qcow2Creator.Create(path, virtualSize, options ?? new Qcow2CreateOptions(), null, null, null, overwrite);

    /// <summary>Creates an overlay and opens it for writing.</summary>
    /// <param name="path">Path of the new file.</param>
    /// <param name="virtualSize">Size in bytes that the guest sees.</param>
    /// <param name="backingFile">Reference to the backing file as it is written into the image; see <see cref="BackingReference"/>.</param>
    /// <param name="backingFormat">Format of the backing file.</param>
    /// <param name="backing">The backing file, open; the image owns it.</param>
    /// <param name="options">Cluster size and so on.</param>
    /// <param name="overwrite">True to replace an existing file.</param>
    public static Qcow2Image CreateOverlay(
        string path, long virtualSize, string backingFile, string backingFormat, BlockDevice backing, Qcow2CreateOptions? options = null, bool overwrite = false) =>
        Qcow2Creator.Create(path, virtualSize, options ?? new Qcow2CreateOptions(), backingFile, backingFormat, backing, overwrite);

    /// <summary>Opens an image file of the host with the backing files that it names.</summary>
    /// <param name="path">Path of the image.</param>
    /// <param name="writable">True to write.</param>
    /// <param name="backing">The backing file, already open, to use instead of the one that the image names; the image owns it.</param>
    public static Qcow2Image Open(string path, bool writable = false, BlockDevice? backing = null)
    {
        string fullPath = Path.GetFullPath(path);
        FileDevice file = writable ? FileDevice.OpenGrowing(fullPath) : FileDevice.Open(fullPath);
        var context = new ImageOpenContext(fullPath, new HostFileResolver(Path.GetDirectoryName(fullPath)!, allowAbsolute: true));
        return Open(file, context, writable, backing);
    }

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        while (!buffer.IsEmpty)
        {
            Qcow2Mapping mapping;
            lock (_tableLock)
            {
                mapping = _map.Map(offset, buffer.Length);
            }

            int step = (int)mapping.Length;
            ReadMapped(offset, mapping, buffer[..step]);
            offset += step;
            buffer = buffer[step..];
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<BlockExtent> GetExtents(long offset, long length)
    {
        CheckRange(offset, length);
        long end = offset + length;
        while (offset < end)
        {
            Qcow2Mapping mapping;
            lock (_tableLock)
            {
                mapping = _map.Map(offset, end - offset);
            }

            if (mapping.Kind == Qcow2MappingKind.Absent && _backing is not null)
            {
                foreach (BlockExtent extent in _backing.GetExtents(offset, mapping.Length))
                {
                    yield return extent;
                }
            }
            else
            {
                BlockExtentKind kind = mapping.Kind switch
                {
                    Qcow2MappingKind.Absent => BlockExtentKind.Absent,
                    Qcow2MappingKind.Zero => BlockExtentKind.Zero,
                    _ => BlockExtentKind.Data,
                };
                yield return new BlockExtent(offset, mapping.Length, kind);
            }

            offset += mapping.Length;
        }
    }

    internal static Qcow2Image Open(BlockDevice file, ImageOpenContext context) => Open(file, context, writable: false, backing: null);

    internal static Qcow2Image Open(BlockDevice file, Qcow2Header header, string name, BlockDevice? backing) =>
        new(file, null, backing, header, name, writable: true);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            try
            {
                ReleaseReplaced();
                WriteTables();
            }
            finally
            {
                _file.Dispose();
                _dataFile?.Dispose();
                _backing?.Dispose();
            }
        }

        base.Dispose(disposing);
    }

    private static Qcow2Image Open(BlockDevice file, ImageOpenContext context, bool writable, BlockDevice? backing)
    {
        BlockDevice? dataFile = null;
        try
        {
            Qcow2Header header = Qcow2Header.Read(file, context.Name);
            if (writable)
            {
                CheckWritable(header, context.Name);
            }

            if (header.HasDataFile)
            {
                dataFile = OpenDataFile(header, context);
            }

            if (backing is null && header.BackingFile is not null)
            {
                backing = BackingReference.Parse(header.BackingFile, header.BackingFormat).Open(context);
            }

            var image = new Qcow2Image(file, dataFile, backing, header, context.Name, writable);
            if (writable)
            {
                image.ClearAutoclearBits();
            }

            return image;
        }
        catch
        {
            file.Dispose();
            dataFile?.Dispose();
            backing?.Dispose();
            throw;
        }
    }

    private static BlockDevice OpenDataFile(Qcow2Header header, ImageOpenContext context) =>
        header.DataFile is null
            ? throw V2VException.Corrupt("Qcow2HeaderInvalid", "The header of the qcow2 image is not valid: the data file has no name.", context.Name)
            : context.OpenReference(header.DataFile).Device;

    private static void CheckWritable(Qcow2Header header, string name)
    {
        string? reason =
            header.HasDataFile ? "it keeps its data in another file"
            : header.SnapshotCount > 0 ? "it has internal snapshots"
            : (header.Incompatible & Qcow2Format.IncompatibleCorrupt) != 0 ? "it is marked as damaged"
            : (header.Incompatible & Qcow2Format.IncompatibleDirty) != 0 ? "it was not closed cleanly"
            : null;
        if (reason is not null)
        {
            throw V2VException.Unsupported(
                "Qcow2NotWritable", $"The qcow2 image cannot be written: {reason}.", name, "Check it with qemu-img check -r, or convert it with qemu-img convert.");
        }
    }

    private void ReadMapped(long offset, Qcow2Mapping mapping, Span<byte> buffer)
    {
        switch (mapping.Kind)
        {
            case Qcow2MappingKind.Data:
                ReadData(mapping.Host, buffer);
                break;
            case Qcow2MappingKind.Compressed:
                _decoder.Read(offset / ClusterSize, (ulong)mapping.Host, (int)(offset % ClusterSize), buffer);
                break;
            case Qcow2MappingKind.Absent when _backing is not null:
                _backing.Read(offset, buffer);
                break;
            default:
                buffer.Clear();
                break;
        }
    }

    /// <summary>Reads stored clusters. The last one of a file need not be there in full.</summary>
    private void ReadData(long host, Span<byte> buffer)
    {
        BlockDevice file = _dataFile ?? _file;
        int stored = (int)Math.Clamp(file.Length - host, 0, buffer.Length);
        file.Read(host, buffer[..stored]);
        buffer[stored..].Clear();
    }
}
