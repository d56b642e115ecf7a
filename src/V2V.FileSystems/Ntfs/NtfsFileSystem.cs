using V2V.FileSystems.Signatures;
using V2V.Storage;

namespace V2V.FileSystems.Ntfs;

/// <summary>
/// NTFS 1.2 to 3.1, as Windows NT 4 to 11 keep it. Names are found in any case, short names too, and kept as given. Every file belongs to
/// root and may be executed; of the mode only the right to write is kept (the read-only attribute). An alternate stream is
/// <c>/path:stream</c>, and the extended attribute <c>user.stream</c>; <c>system.ntfs_attrib</c>, <c>system.ntfs_acl</c> and
/// <c>system.ntfs_reparse_data</c> are the file attributes, the security descriptor and the reparse point, as ntfs-3g names them.
/// Files of NTFS itself (<c>$MFT</c>, …) are not listed, and can be read but not changed.
/// </summary>
public sealed partial class NtfsFileSystem : GuestFileSystem
{
    private const int Mode = 0x1ED;
    private const int WriteBits = 0x92;

    private readonly NtfsVolume _volume;
    private readonly LogFile _log;

    private NtfsFileSystem(NtfsVolume volume, bool writable, VolumeSignature signature)
    {
        _volume = volume;
        _log = new LogFile(volume);
        CanWrite = writable;
        Label = signature.Label ?? "";
        Uuid = signature.Uuid;
    }

    /// <inheritdoc/>
    public override string Type => "ntfs";

    /// <inheritdoc/>
    public override string Label { get; }

    /// <inheritdoc/>
    public override string? Uuid { get; }

    /// <inheritdoc/>
    public override BlockDevice Device => _volume.Device;

    /// <inheritdoc/>
    public override int BlockSize => _volume.Geometry.ClusterSize;

    /// <inheritdoc/>
    public override long TotalBytes => _volume.Geometry.ClusterCount * _volume.Geometry.ClusterSize;

    /// <inheritdoc/>
    public override long FreeBytes => _volume.Bitmap.FreeClusters * _volume.Geometry.ClusterSize;

    /// <inheritdoc/>
    public override long TotalInodes => 0;

    /// <inheritdoc/>
    public override long FreeInodes => long.MaxValue;

    /// <inheritdoc/>
    public override bool CanWrite { get; }

    /// <summary>Version of the format: 1.2, 3.0 or 3.1.</summary>
    public Version Version => new(_volume.Version.Major, _volume.Version.Minor);

    /// <summary>True if the volume is marked so that Windows checks it at the next start.</summary>
    public bool IsDirty => _volume.IsDirty;

    /// <summary>True if Windows would resume from a hibernation file on this volume.</summary>
    public bool IsHibernated => Hibernation.IsHibernated(_volume);

    /// <summary>False if Windows did not close the volume: what is read may lack the last changes.</summary>
    public bool IsLogClean => _log.FindReasonNotToWrite() is null;

    /// <summary>Opens the file system in a volume.</summary>
    /// <param name="device">The volume.</param>
    /// <param name="writable">True to write.</param>
    /// <exception cref="V2VException"><c>NtfsBootSectorInvalid</c>, <c>NtfsHibernated</c>, <c>NtfsLogDirty</c>, and others.</exception>
    public static NtfsFileSystem Open(BlockDevice device, bool writable)
    {
        ArgumentNullException.ThrowIfNull(device);
        var volume = new NtfsVolume(device);
        if (writable)
        {
            Hibernation.Check(volume);
            if (new LogFile(volume).Replay())
            {
                volume = new NtfsVolume(device);
            }
        }

        return new(volume, writable, WindowsSignatures.Ntfs(new SignatureReader(device)));
    }

    /// <inheritdoc/>
    public override FileEntry? TryGetEntry(string path)
    {
        if (Find(path) is { } node)
        {
            return MakeEntry(node);
        }

        return FindStream(path) is (var file, _, { } attribute)
            ? MakeEntry(file) with { Path = path, Type = GuestFileType.File, Length = attribute.Length }
            : null;
    }

    /// <inheritdoc/>
    public override IEnumerable<DirectoryEntry> EnumerateDirectory(string path)
    {
        FileRecord directory = GetDirectory(path);
        foreach (IndexEntry entry in _volume.OpenDirectory(directory).Entries())
        {
            if (!FileName.IsValid(entry.Key))
            {
                throw NtfsErrors.Index("a name is shorter than it says");
            }

            long number = (long)(entry.Reference & 0xFFFFFFFFFFFF);
            if (FileName.Namespace(entry.Key) == FileNamespace.Dos || (number < NtfsVolume.FirstUserRecord && directory.Number == NtfsVolume.RootNumber))
            {
                continue;
            }

            string name = FileName.Name(entry.Key);
            if (name.Length == 0 || name.Contains('/', StringComparison.Ordinal) || name.Contains('\0', StringComparison.Ordinal))
            {
                throw NtfsErrors.Index("a name has characters that no name may have");
            }

            FileAttributes attributes = FileName.Attributes(entry.Key);
            bool link = (attributes & FileAttributes.ReparsePoint) != 0 && ReparsePoint.IsLink(FileName.ReparseTag(entry.Key));
            GuestFileType type = link ? GuestFileType.SymbolicLink : (attributes & FileAttributes.Directory) != 0 ? GuestFileType.Directory : GuestFileType.File;
            yield return new DirectoryEntry(name, type, (ulong)number);
        }
    }

    /// <inheritdoc/>
    public override Stream OpenRead(string path)
    {
        (FileRecord file, NtfsAttribute attribute) = GetStream(path);
        return new NtfsFileStream(attribute, OpenContent(file, attribute, path), null);
    }

    /// <inheritdoc/>
    public override string ReadLink(string path)
    {
        Node node = Get(path);
        return ReparsePoint.Read(_volume, node.File) is { } point && ReparsePoint.IsLink(point.Tag) ? point.ReadTarget() : throw GuestPathErrors.NotSymbolicLink(path);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ListExtendedAttributes(string path)
    {
        FileRecord file = Get(path).File;
        List<string> names = ["system.ntfs_attrib", "system.ntfs_acl"];
        if (file.Find(AttributeType.ReparsePoint) is not null)
        {
            names.Add("system.ntfs_reparse_data");
        }

        names.AddRange(file.Attributes.Where(a => a.Type == AttributeType.Data && a.Name.Length > 0).Select(a => "user." + a.Name));
        return names;
    }

    /// <inheritdoc/>
    public override byte[]? GetExtendedAttribute(string path, string name)
    {
        FileRecord file = Get(path).File;
        switch (name)
        {
            case "system.ntfs_attrib":
                return BitConverter.GetBytes((uint)StandardInformation.Of(file).Attributes & ~(uint)(FileAttributes.Directory | FileAttributes.IndexView));
            case "system.ntfs_acl":
                return Security.Read(file);
            case "system.ntfs_reparse_data":
                return ReparsePoint.Read(_volume, file)?.Bytes;
            default:
                return name.StartsWith("user.", StringComparison.Ordinal) && name.Length > 5 && FindData(file, name[5..]) is { } attribute
                    ? ReadStream(file, attribute, path)
                    : null;
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<(long Offset, long Length)> GetFreeExtents()
    {
        foreach ((long lcn, long count) in _volume.Bitmap.FreeRuns())
        {
            yield return (lcn * _volume.Geometry.ClusterSize, count * _volume.Geometry.ClusterSize);
        }
    }

    private byte[] ReadStream(FileRecord file, NtfsAttribute attribute, string path)
    {
        if (attribute.Length > 64 << 20)
        {
            throw new V2VException("GuestFileTooLarge", V2VErrorKind.Limit, $"A stream of {path} is larger than 64 MiB; open it as a file.", path);
        }

        var content = new byte[attribute.Length];
        OpenContent(file, attribute, path).Read(0, content);
        return content;
    }

    private ContentReader OpenContent(FileRecord file, NtfsAttribute attribute, string path)
    {
        if (attribute.IsEncrypted)
        {
            throw NtfsErrors.Encrypted(path);
        }

        if (attribute.Name.Length == 0 && ReparsePoint.Read(_volume, file) is { } point)
        {
            return point.Tag == ReparsePoint.OverlayFilter
                ? new OverlayReader(_volume, file, point.Data, path)
                : throw (ReparsePoint.IsLink(point.Tag) ? GuestPathErrors.NotFile(path) : NtfsErrors.ReparseUnsupported(path, ReparsePoint.Name(point.Tag)));
        }

        return attribute is { IsCompressed: true, IsResident: false } ? new CompressionUnitReader(_volume, attribute) : new PlainReader(_volume, attribute);
    }

    private FileEntry MakeEntry(Node node)
    {
        FileRecord file = node.File;
        StandardInformation information = StandardInformation.Of(file);
        uint tag = (information.Attributes & FileAttributes.ReparsePoint) != 0 ? ReparsePoint.Read(_volume, file)?.Tag ?? 0 : 0;
        GuestFileType type = ReparsePoint.IsLink(tag) ? GuestFileType.SymbolicLink : file.IsDirectory ? GuestFileType.Directory : GuestFileType.File;
        long length = type switch
        {
            GuestFileType.File => FindData(file, "")?.Length ?? 0,
            GuestFileType.SymbolicLink => ReparsePoint.Read(_volume, file)!.Value.ReadTarget().Length,
            _ => 0,
        };
        bool readOnly = type == GuestFileType.File && (information.Attributes & FileAttributes.ReadOnly) != 0;
        long clusters = file.Attributes.Where(a => a.Type == AttributeType.Data).Sum(a => a.Runs.AllocatedClusters);
        return new FileEntry(
            node.Path,
            type,
            length,
            Mode & ~(readOnly ? WriteBits : 0),
            0,
            0,
            (ulong)file.Number,
            Math.Max(1, file.Attributes.Count(a => a is { Type: AttributeType.FileName, Value.Length: >= FileName.HeaderSize } && FileName.Namespace(a.Value) != FileNamespace.Dos)),
            StandardInformation.ToTime(information.Modified),
            StandardInformation.ToTime(information.Accessed),
            StandardInformation.ToTime(information.Changed),
            AllocatedBytes: clusters * _volume.Geometry.ClusterSize);
    }
}
