namespace V2V.Storage.Qcow2;

/// <summary>Constants of the format (QEMU, docs/interop/qcow2). All numbers in the file are big-endian.</summary>
internal static class Qcow2Format
{
    /// <summary>"QFI" and 0xFB.</summary>
    public const uint Magic = 0x514649FB;

    public const int MinimumClusterBits = 9;
    public const int MaximumClusterBits = 21;

    /// <summary>Most bytes of an L1 table and of a refcount table that are read, as in QEMU.</summary>
    public const int MaximumL1Bytes = 32 << 20;
    public const int MaximumRefcountTableBytes = 8 << 20;

    public const int MaximumBackingFileName = 1023;

    /// <summary>Bits 9 to 55 of an L1 or L2 entry: a host offset.</summary>
    public const ulong OffsetMask = 0x00FFFFFFFFFFFE00;

    /// <summary>The refcount of what the entry points to is exactly one, so it may be written in place.</summary>
    public const ulong Copied = 1UL << 63;

    public const ulong Compressed = 1UL << 62;

    /// <summary>The cluster reads as zero, version 3 without extended L2 entries.</summary>
    public const ulong ZeroCluster = 1;

    /// <summary>Subclusters in a cluster with extended L2 entries.</summary>
    public const int Subclusters = 32;

    public const ulong IncompatibleDirty = 1 << 0;
    public const ulong IncompatibleCorrupt = 1 << 1;
    public const ulong IncompatibleDataFile = 1 << 2;
    public const ulong IncompatibleCompressionType = 1 << 3;
    public const ulong IncompatibleExtendedL2 = 1 << 4;
    public const ulong IncompatibleKnown =
        IncompatibleDirty | IncompatibleCorrupt | IncompatibleDataFile | IncompatibleCompressionType | IncompatibleExtendedL2;

    public const uint ExtensionEnd = 0;
    public const uint ExtensionBackingFormat = 0xE2792ACA;
    public const uint ExtensionFeatureNames = 0x6803F857;
    public const uint ExtensionDataFile = 0x44415441;
}

/// <summary>How compressed clusters are compressed.</summary>
public enum Qcow2Compression
{
    /// <summary>Deflate (RFC 1951).</summary>
    Deflate = 0,

    /// <summary>Zstandard (RFC 8878).</summary>
    Zstandard = 1,
}
