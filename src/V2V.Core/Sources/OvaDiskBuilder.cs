using System.Globalization;
using V2V.Core.Sources.Containers;
using V2V.Core.Sources.Ovf;
using V2V.Storage;
using V2V.Storage.Images;

namespace V2V.Core.Sources;

/// <summary>Makes disks of a source out of what an OVF says: finds their files, unpacks those that are compressed or in pieces, looks into each once.</summary>
internal sealed class OvaDiskBuilder(OvaContainer container, OvfPackage package, string ovfName, StagingArea staging)
{
    private const int GzipProbe = 16;

    private readonly string _folder = MemberName.Folder(ovfName);
    private readonly Dictionary<string, StoredFile> _located = new(StringComparer.Ordinal);

    /// <summary>Makes one disk.</summary>
    /// <exception cref="V2VException"><c>OvaDiskMissing</c>, <c>OvfHrefOutside</c>, <c>OvfCompressionUnsupported</c>; the image's own errors.</exception>
    public SourceDisk Build(int index, OvfAttachedDisk disk, List<string> warnings)
    {
        if (disk.File is null)
        {
            return Blank(index, disk);
        }

        StoredFile file = Locate(disk.File, disk.Capacity, warnings);
        IReadOnlyList<StoredFile> parents = LocateParents(disk, warnings);
        IImageFileResolver files = container.GetResolver(MemberName.Resolve(_folder, disk.File.Href, container.Path));
        var opened = new Dictionary<string, SourceFileStamp>(StringComparer.Ordinal);
        SourceFileStamp? stamp = SourceDisk.StampOf(file.HostPath);
        string format;
        long size;
        using (BlockDevice stored = file.Open())
        {
            format = DiskImage.Detect(stored);
        }

        void Record(string path)
        {
            if (path != file.HostPath && SourceDisk.StampOf(path) is { } other)
            {
                opened[path] = other;
            }
        }

        using (BlockDevice image = DiskImage.Open(file.Open(), file.Member ?? file.HostPath, new OvaFileResolver(files, parents, Record), format))
        {
            size = image.Length;
        }

        if (disk.Capacity is { } capacity && capacity != size)
        {
            warnings.Add(string.Create(CultureInfo.InvariantCulture, $"Disk {index} ('{disk.File.Href}') has {size} bytes, the OVF says {capacity}; the disk's own size counts."));
        }

        return new SourceDisk
        {
            Index = index,
            Id = disk.Disk?.Id,
            Controller = disk.Controller,
            ControllerModel = disk.ControllerModel,
            ControllerNumber = disk.ControllerNumber,
            Unit = disk.Unit,
            Mode = disk.Mode,
            Serial = disk.Serial,
            VirtualSize = size,
            Format = format,
            Path = file.HostPath,
            Member = file.Member,
            Offset = file.Offset,
            StoredSize = file.Length,
            Stamp = stamp,
            ReferencedFiles = opened,
            Resolver = new OvaFileResolver(files, parents),
        };
    }

    private SourceDisk Blank(int index, OvfAttachedDisk disk)
    {
        // A disk is made of sectors.
        long size = disk.Capacity is > 0 and <= long.MaxValue - 511 and { } capacity ? (capacity + 511) / 512 * 512
            : throw OvfPackage.Invalid($"The blank disk '{disk.Label}' has no usable capacity.", package.Name);
        return new SourceDisk
        {
            Index = index,
            Id = disk.Disk?.Id,
            Controller = disk.Controller,
            ControllerModel = disk.ControllerModel,
            ControllerNumber = disk.ControllerNumber,
            Unit = disk.Unit,
            Mode = disk.Mode,
            Serial = disk.Serial,
            VirtualSize = size,
            Format = SourceDisk.BlankFormat,
        };
    }

    private List<StoredFile> LocateParents(OvfAttachedDisk disk, List<string> warnings)
    {
        var parents = new List<StoredFile>();
        var seen = new HashSet<string>(StringComparer.Ordinal) { disk.Disk?.Id ?? "" };
        for (string? id = disk.Disk?.ParentId; id is not null && seen.Add(id) && package.Disks.TryGetValue(id, out OvfDisk? parent); id = parent.ParentId)
        {
            if (parent.FileId is not null && package.Files.TryGetValue(parent.FileId, out OvfFile? file) && file.Id != disk.File!.Id)
            {
                parents.Add(Locate(file, disk.Capacity, warnings));
            }
        }

        return parents;
    }

    /// <summary>The stored file, unpacked and put together if need be.</summary>
    private StoredFile Locate(OvfFile file, long? capacity, List<string> warnings)
    {
        if (_located.TryGetValue(file.Id, out StoredFile? known))
        {
            return known;
        }

        StoredFile stored = Find(file, warnings);
        bool saysGzip = file.Compression == "gzip";
        bool isGzip = HasGzipHeader(stored);
        if (!isGzip && file.Compression is not (null or "gzip" or "identity" or "off"))
        {
            throw V2VException.Unsupported(
                "OvfCompressionUnsupported", $"The disk '{file.Href}' is compressed by '{file.Compression}', which is not supported.", container.Path, "Unpack the disk and take the compression out of the OVF.");
        }

        if (isGzip != saysGzip)
        {
            warnings.Add(isGzip
                ? $"The disk '{file.Href}' is compressed by gzip, which the OVF does not say."
                : $"The disk '{file.Href}' is not compressed by gzip, as the OVF says.");
        }

        if (isGzip)
        {
            // Even an image of the most unwieldy format is not much larger than the disk.
            long? limit = capacity is { } size && size < long.MaxValue / 2 ? size + (size / 32) + (64L << 20) : null;
            stored = staging.Unpack(() => Compressions.Open(stored.OpenStream(), CompressionKind.Gzip), stored.Name, stored.Length, limit, container.Path);
        }

        _located.Add(file.Id, stored);
        return stored;
    }

    private StoredFile Find(OvfFile file, List<string> warnings)
    {
        string name = MemberName.Resolve(_folder, file.Href, container.Path);
        if (file.ChunkSize > 0 && JoinChunks(file, name) is { } joined)
        {
            return joined;
        }

        if (container.FindReference(name) is { } found)
        {
            if (file.Size is { } size and > 0 && size != found.Length)
            {
                warnings.Add(string.Create(CultureInfo.InvariantCulture, $"'{file.Href}' has {found.Length} bytes, the OVF says {size}."));
            }

            return found;
        }

        // VMware exports a disk with snapshots under the name of the last of them: disk1.vmdk.000000002.
        string? snapshot = NumberedFiles(name).LastOrDefault();
        if (snapshot is not null && container.Find(snapshot) is { } last)
        {
            warnings.Add($"'{file.Href}' is not there; '{MemberName.FileName(snapshot)}', the last of its snapshots, is taken for it.");
            return last;
        }

        throw new V2VException(
            "OvaDiskMissing", V2VErrorKind.NotFound, $"The disk '{file.Href}' that the OVF names is not there.", container.Path, "Put the file beside the OVF or export the machine again.");
    }

    private List<string> NumberedFiles(string name) => [.. container.List(MemberName.Folder(name))
        .Where(n => n.Length > name.Length + 1 && n.StartsWith(name + ".", StringComparison.Ordinal) && n.AsSpan(name.Length + 1).IndexOfAnyExceptInRange('0', '9') < 0)
        .Order(StringComparer.Ordinal)];

    /// <summary>A file in pieces (DSP0243 section 7.1): name.000000000 and so on, all but the last of the chunk's size.</summary>
    private StoredFile? JoinChunks(OvfFile file, string name)
    {
        List<string> names = NumberedFiles(name);
        if (names.Count == 0)
        {
            return null;
        }

        var parts = new List<StoredFile>();
        for (int i = 0; i < names.Count; i++)
        {
            string expected = string.Create(CultureInfo.InvariantCulture, $"{name}.{i:D9}");
            StoredFile part = names[i] == expected && container.Find(expected) is { } at ? at : throw new V2VException(
                "OvaChunkMissing", V2VErrorKind.NotFound, $"The piece '{expected}' of a disk is not there.", container.Path, "Obtain the missing piece.");
            if (i < names.Count - 1 ? part.Length != file.ChunkSize : part.Length > file.ChunkSize)
            {
                throw V2VException.Corrupt("OvaChunkInvalid", $"The piece '{expected}' of a disk has {part.Length.ToString(CultureInfo.InvariantCulture)} bytes instead of {file.ChunkSize!.Value.ToString(CultureInfo.InvariantCulture)}.", container.Path);
            }

            parts.Add(part);
        }

        long total = parts.Sum(p => p.Length);
        if (file.Size is { } size and > 0 && total != size)
        {
            throw V2VException.Corrupt("OvaChunkInvalid", string.Create(CultureInfo.InvariantCulture, $"The pieces of '{file.Href}' have {total} bytes together instead of {size}."), container.Path);
        }

        return staging.Unpack(() => new ConcatenatedStream(parts), name, total, total, container.Path);
    }

    private static bool HasGzipHeader(StoredFile file)
    {
        using BlockDevice device = file.Open();
        Span<byte> start = stackalloc byte[(int)Math.Min(GzipProbe, device.Length)];
        device.Read(0, start);
        return Compressions.Detect(start) == CompressionKind.Gzip;
    }
}
