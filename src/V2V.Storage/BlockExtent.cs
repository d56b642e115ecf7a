namespace V2V.Storage;

/// <summary>What is known of a range of a device without reading it.</summary>
public enum BlockExtentKind
{
    /// <summary>Stored data; must be read to be known.</summary>
    Data,

    /// <summary>Known to read as zero.</summary>
    Zero,

    /// <summary>Not stored in this layer; reads as zero, or as the backing device where there is one.</summary>
    Absent,
}

/// <summary>A range of a device and what is known of it.</summary>
/// <param name="Offset">First byte, relative to the device.</param>
/// <param name="Length">Length in bytes, never 0.</param>
/// <param name="Kind">What is known of the range.</param>
public readonly record struct BlockExtent(long Offset, long Length, BlockExtentKind Kind)
{
    /// <summary>First byte after the range.</summary>
    public long End => Offset + Length;
}
