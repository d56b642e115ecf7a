using System.IO.Compression;
using V2V.Storage;

namespace V2V.Core.Sources.Containers;

/// <summary>
/// Opens what a machine comes in, by content and not by name: a folder, an OVF in its folder, a tar (read where it lies), a zip (stored
/// members read where they lie, others unpacked when asked for), or a tar compressed by gzip, xz, bzip2 or zstd (unpacked once as a whole).
/// </summary>
internal static class OvaOpener
{
    private const int HeadSize = 1024;

    /// <summary>Opens a container.</summary>
    /// <param name="path">Absolute path.</param>
    /// <param name="staging">Where to unpack.</param>
    /// <param name="options">Observer and limits.</param>
    /// <exception cref="V2VException"><c>OvaFormatUnsupported</c>; the errors of the archive's format.</exception>
    public static OvaContainer Open(string path, StagingArea staging, SourceOptions options)
    {
        if (Directory.Exists(path))
        {
            return new FolderContainer(path);
        }

        using FileDevice device = FileDevice.Open(path);
        byte[] head = new byte[(int)Math.Min(HeadSize, device.Length)];
        device.Read(0, head);
        if (TarIndex.IsTar(head))
        {
            return OpenTar(device, path, path, options);
        }

        if (ZipIndex.IsZip(head))
        {
            return OpenZip(device, path, staging);
        }

        CompressionKind kind = Compressions.Detect(head);
        if (kind == CompressionKind.None)
        {
            throw Unsupported(path, "is neither a folder nor an OVF, tar, zip or compressed tar");
        }

        if (!IsTarInside(path, kind))
        {
            throw Unsupported(path, "is compressed, but what it holds is no tar");
        }

        StoredFile tar = staging.Unpack(() => Compressions.Open(new DeviceStream(FileDevice.Open(path)), kind), Path.GetFileName(path), device.Length, null, path);
        using BlockDevice unpacked = tar.Open();
        return OpenTar(unpacked, path, tar.HostPath, options);
    }

    private static ArchiveContainer OpenTar(BlockDevice device, string path, string hostPath, SourceOptions options)
    {
        var warnings = new List<string>();
        List<ArchiveMember> members = TarIndex.Read(device, path, warnings, options.Observer.CancellationToken);
        var container = new ArchiveContainer(path, members, m => new StoredFile(MemberName.Normalize(m.Name), hostPath, MemberName.Normalize(m.Name), m.Offset, m.Length));
        container.Warnings.AddRange(warnings);
        return container;
    }

    private static ArchiveContainer OpenZip(BlockDevice device, string path, StagingArea staging)
    {
        var unpacked = new Dictionary<ArchiveMember, StoredFile>();
        StoredFile Resolve(ArchiveMember member)
        {
            string name = MemberName.Normalize(member.Name);
            lock (unpacked)
            {
                if (unpacked.TryGetValue(member, out StoredFile? known))
                {
                    return known;
                }

                long data;
                using (FileDevice zip = FileDevice.Open(path))
                {
                    data = ZipIndex.FindData(zip, member, path);
                }

                StoredFile file = member.Compression == ZipIndex.Stored
                    ? new StoredFile(name, path, name, data, member.StoredLength)
                    : Inflate(member, name, data);
                unpacked.Add(member, file);
                return file;
            }
        }

        StoredFile Inflate(ArchiveMember member, string name, long data)
        {
            // Deflate cannot do better than 1032 to 1.
            if (member.Length / 1100 > member.StoredLength)
            {
                throw V2VException.Corrupt("ZipInvalid", $"'{name}' in the zip archive cannot be as long as its index says.", path);
            }

            StoredFile file = staging.Unpack(
                () => new DeflateStream(new DeviceStream(FileDevice.Open(path, offset: data, length: member.StoredLength)), CompressionMode.Decompress),
                name,
                member.StoredLength,
                Math.Min(member.Length, staging.LimitFor(member.StoredLength)),
                path);
            return file.Length == member.Length ? file : throw V2VException.Corrupt("ZipInvalid", $"'{name}' in the zip archive is shorter than its index says.", path);
        }

        return new ArchiveContainer(path, ZipIndex.Read(device, path), Resolve);
    }

    private static bool IsTarInside(string path, CompressionKind kind)
    {
        try
        {
            using Stream stream = Compressions.Open(new DeviceStream(FileDevice.Open(path)), kind);
            byte[] head = new byte[TarHeader.BlockSize];
            return stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) == head.Length && TarIndex.IsTar(head);
        }
        catch (Exception e) when (e is not (V2VException or OperationCanceledException))
        {
            throw V2VException.Corrupt("CompressedDataInvalid", $"The compressed data cannot be unpacked: {e.Message}", path, e);
        }
    }

    private static V2VException Unsupported(string path, string what) => V2VException.Unsupported(
        "OvaFormatUnsupported", $"'{Path.GetFileName(path)}' {what}.", path, "Name an OVA, an OVF or the folder that holds it; import plain disks with -Disk.");
}
