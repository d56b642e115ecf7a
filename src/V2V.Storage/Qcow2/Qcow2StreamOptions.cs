namespace V2V.Storage.Qcow2;

/// <summary>How <see cref="Qcow2StreamWriter"/> stores clusters.</summary>
public enum Qcow2StreamLayout
{
    /// <summary>Clusters that are not all zero are stored as they are, in the order in which they are written.</summary>
    Sparse,

    /// <summary>Every cluster of the disk has its place in the file; those that are never written read as zero from it.</summary>
    Preallocated,

    /// <summary>Deflate, compression type 0.</summary>
    Zlib,

    /// <summary>Zstandard, compression type 1.</summary>
    Zstd,
}
