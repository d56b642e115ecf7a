using V2V.Core.Sources.Containers;
using V2V.Storage;
using V2V.Storage.Images;

namespace V2V.Core.Sources;

/// <summary>Makes a machine out of plain disks, which say nothing of it but their sizes: 2 GiB, one processor, one card on libvirt's usual network.</summary>
internal static class DiskImporter
{
    private const int HeadSize = 1024;

    /// <summary>Imports disks as one machine.</summary>
    public static V2VSource Import(IReadOnlyList<string> paths, SourceOptions options)
    {
        if (paths.Count == 0)
        {
            throw new V2VException("SourceDiskMissing", V2VErrorKind.InvalidArgument, "No disk is given.", advice: "Name at least one disk.");
        }

        string first = Path.GetFullPath(paths[0]);
        string name = options.Name ?? SourceName.FromPath(first);
        var staging = new StagingArea(options);
        var disks = new List<SourceDisk>();
        try
        {
            foreach (string path in paths)
            {
                options.Observer.CancellationToken.ThrowIfCancellationRequested();
                disks.Add(Open(disks.Count, Path.GetFullPath(path), staging, options));
            }
        }
        catch
        {
            staging.Abandon();
            throw;
        }

        return new V2VSource
        {
            Name = name,
            Path = first,
            MemoryBytes = options.MemoryBytes ?? 2L << 30,
            ProcessorCount = options.ProcessorCount ?? 1,
            Disks = disks,
            Nics = [new SourceNic(null, null, "default", NetworkType.Network)],
            StagingDirectory = staging.Directory,
        };
    }

    private static SourceDisk Open(int index, string path, StagingArea staging, SourceOptions options)
    {
        if (Directory.Exists(path))
        {
            throw new V2VException("SourceDiskIsFolder", V2VErrorKind.InvalidArgument, "The disk is a folder.", path, "Import a folder with an OVF in it with -Path.");
        }

        SourceFileStamp? stamp = SourceDisk.StampOf(path);
        StoredFile file;
        using (FileDevice device = FileDevice.Open(path))
        {
            file = new StoredFile(Path.GetFileName(path), path, null, 0, device.Length);
            byte[] head = new byte[(int)Math.Min(HeadSize, device.Length)];
            device.Read(0, head);
            if (TarIndex.IsTar(head) && options.DiskFormat is null)
            {
                throw new V2VException("SourceDiskIsArchive", V2VErrorKind.InvalidArgument, "The disk is a tar archive.", path, "Import an OVA with -Path.");
            }

            CompressionKind kind = options.DiskFormat is null ? Compressions.Detect(head) : CompressionKind.None;
            if (kind != CompressionKind.None)
            {
                file = staging.Unpack(() => Compressions.Open(new DeviceStream(FileDevice.Open(path)), kind), Path.GetFileName(path), device.Length, null, path);
                stamp = SourceDisk.StampOf(file.HostPath);
            }
        }

        string format;
        using (BlockDevice stored = file.Open())
        {
            format = options.DiskFormat ?? DiskImage.Detect(stored);
        }

        var opened = new Dictionary<string, SourceFileStamp>(StringComparer.Ordinal);
        void Record(string other)
        {
            if (other != file.HostPath && SourceDisk.StampOf(other) is { } otherStamp)
            {
                opened[other] = otherStamp;
            }
        }

        // What the user names may refer to files anywhere, as snapshots of VMware do.
        var files = new HostFileResolver(Path.GetDirectoryName(path)!, allowAbsolute: true);
        using BlockDevice image = DiskImage.Open(file.Open(), file.HostPath, new OvaFileResolver(files, [], Record), format);
        return new SourceDisk
        {
            Index = index,
            VirtualSize = image.Length,
            Format = format,
            Path = file.HostPath,
            StoredSize = file.Length,
            Stamp = stamp,
            ReferencedFiles = opened,
            Resolver = files,
        };
    }
}
