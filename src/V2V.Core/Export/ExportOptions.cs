namespace V2V.Core.Export;

/// <summary>Where an export goes.</summary>
public enum ExportTarget
{
    /// <summary>Disk files and libvirt XML in a directory.</summary>
    Local,

    /// <summary>Disk files in a directory and a script that boots them with QEMU.</summary>
    Qemu,

    /// <summary>Everything but the writing: proves that a machine can be read, and how fast.</summary>
    Null,
}

/// <summary>Format of the exported disks.</summary>
public enum ExportFormat
{
    /// <summary>qcow2 version 3.</summary>
    Qcow2,

    /// <summary>Plain bytes.</summary>
    Raw,
}

/// <summary>How the space of a disk is allocated.</summary>
public enum ExportAllocation
{
    /// <summary>Zeroes take no space.</summary>
    Sparse,

    /// <summary>The whole size is reserved on the host.</summary>
    Preallocated,
}

/// <summary>Compression of qcow2 clusters.</summary>
public enum ExportCompression
{
    /// <summary>None.</summary>
    None,

    /// <summary>Deflate: every reader of qcow2 knows it.</summary>
    Zlib,

    /// <summary>Zstandard: needs QEMU 5.1 or later.</summary>
    Zstd,
}

/// <summary>What an export is asked to do.</summary>
public sealed record ExportOptions
{
    /// <summary>Where the export goes.</summary>
    public ExportTarget Target { get; init; }

    /// <summary>Directory that receives the files, created if it does not exist; not used by the null target.</summary>
    public string Directory { get; init; } = "";

    /// <summary>Format of the disks.</summary>
    public ExportFormat Format { get; init; }

    /// <summary>Compression of the disks; qcow2 only.</summary>
    public ExportCompression Compression { get; init; }

    /// <summary>How space is allocated.</summary>
    public ExportAllocation Allocation { get; init; }

    /// <summary>True if existing files may be replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Name of the machine on the target; null keeps the source's name.</summary>
    public string? NewName { get; init; }

    /// <summary>True if the overlays stay after a successful export.</summary>
    public bool KeepOverlay { get; init; }

    /// <summary>Number of threads that copy; 0 is one for each processor.</summary>
    public int Parallelism { get; init; }

    /// <summary>
    /// Connects network cards: the key is the source's network or bridge, a MAC address, or <c>*</c> for every other; the
    /// value is a libvirt network, or a bridge of the host as <c>bridge:NAME</c>. A MAC goes before a name, a name before <c>*</c>.
    /// </summary>
    public IReadOnlyDictionary<string, string> NetworkMap { get; init; } = new Dictionary<string, string>();
}
