namespace V2V.Storage.Qcow2;

/// <summary>Where a range of the guest's disk is stored.</summary>
internal enum Qcow2MappingKind
{
    /// <summary>Nowhere in this image: the backing file decides.</summary>
    Absent,

    /// <summary>Reads as zero.</summary>
    Zero,

    /// <summary>At a host offset, as it is.</summary>
    Data,

    /// <summary>In a compressed cluster.</summary>
    Compressed,
}

/// <summary>A range of the guest's disk that is stored in one way, in one piece.</summary>
/// <param name="Kind">How.</param>
/// <param name="Length">Bytes from the offset that was asked for.</param>
/// <param name="Host">Host offset of the first byte (data), or the L2 entry (compressed).</param>
internal readonly record struct Qcow2Mapping(Qcow2MappingKind Kind, long Length, long Host);
