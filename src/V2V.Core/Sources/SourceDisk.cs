using V2V.Storage;
using V2V.Storage.Images;

namespace V2V.Core.Sources;

/// <summary>A disk of a source: where its bytes are, not yet opened.</summary>
public sealed class SourceDisk
{
    /// <summary>Format of a disk that has no file: it reads as zero.</summary>
    public const string BlankFormat = "blank";

    /// <summary>Position in <see cref="V2VSource.Disks"/>, from 0.</summary>
    public required int Index { get; init; }

    /// <summary>Name in the metadata (OVF's diskId), or null.</summary>
    public string? Id { get; init; }

    /// <summary>Its bus.</summary>
    public DiskController Controller { get; init; }

    /// <summary>The hypervisor's model of the controller in lower case (<c>lsilogic</c>, <c>virtualscsi</c>), or null.</summary>
    public string? ControllerModel { get; init; }

    /// <summary>Number of the controller among those of its kind, or null.</summary>
    public int? ControllerNumber { get; init; }

    /// <summary>Address on the controller, or null.</summary>
    public int? Unit { get; init; }

    /// <summary>The hypervisor's disk mode (<c>persistent</c>, <c>independent_persistent</c>), or null.</summary>
    public string? Mode { get; init; }

    /// <summary>Serial number that the guest sees, or null if the hypervisor makes one up.</summary>
    public string? Serial { get; init; }

    /// <summary>Size that the guest sees, in bytes.</summary>
    public long VirtualSize { get; init; }

    /// <summary>Format of the stored image: <c>vmdk</c>, <c>qcow2</c>, <c>raw</c>, or <c>blank</c> for a disk with no file.</summary>
    public required string Format { get; init; }

    /// <summary>The host's file that holds the image: the image itself or the archive that contains it; empty for a blank disk.</summary>
    public string Path { get; init; } = "";

    /// <summary>Name inside the archive, or null if <see cref="Path"/> is the image itself.</summary>
    public string? Member { get; init; }

    /// <summary>First byte of the image in <see cref="Path"/>.</summary>
    public long Offset { get; init; }

    /// <summary>Length of the stored image in bytes.</summary>
    public long StoredSize { get; init; }

    /// <summary>What the host's file was when the source was imported; a stage refuses a file that has changed since.</summary>
    public SourceFileStamp? Stamp { get; init; }

    /// <summary>Further host files that the image is made of (extents, parents), with their stamps. Empty if all is in <see cref="Path"/>.</summary>
    public IReadOnlyDictionary<string, SourceFileStamp> ReferencedFiles { get; init; } = new Dictionary<string, SourceFileStamp>();

    /// <summary>Opens the files that the image refers to; null: those beside <see cref="Path"/>.</summary>
    internal IImageFileResolver? Resolver { get; init; }

    /// <summary>Opens the disk for reading as the guest sees it.</summary>
    /// <exception cref="V2VException"><c>SourceChanged</c> if a file is no longer what was imported; the image's own errors.</exception>
    public BlockDevice Open()
    {
        if (Format == BlankFormat)
        {
            return new ZeroDevice(VirtualSize);
        }

        CheckStamp(Path, Stamp);
        foreach ((string path, SourceFileStamp stamp) in ReferencedFiles)
        {
            CheckStamp(path, stamp);
        }

        string folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;
        return DiskImage.Open(
            FileDevice.Open(Path, offset: Offset, length: StoredSize),
            Member ?? System.IO.Path.GetFullPath(Path),
            Resolver ?? new HostFileResolver(folder, allowAbsolute: true),
            Format);
    }

    /// <summary>What a host file is now; null if it does not exist.</summary>
    internal static SourceFileStamp? StampOf(string path)
    {
        var file = new FileInfo(path);
        return file.Exists ? new SourceFileStamp(file.Length, file.LastWriteTimeUtc) : null;
    }

    private void CheckStamp(string path, SourceFileStamp? stamp)
    {
        if (stamp is not null && StampOf(path) != stamp)
        {
            throw new V2VException(
                "SourceChanged",
                V2VErrorKind.InvalidState,
                FormattableString.Invariant($"The file of disk {Index} has changed or gone since the machine was imported."),
                path,
                "Import the machine again, and keep other programs from writing to its files.");
        }
    }
}
