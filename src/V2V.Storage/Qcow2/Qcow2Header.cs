using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace V2V.Storage.Qcow2;

/// <summary>The header of a qcow2 image of version 2 (72 bytes) or 3 (from 104 bytes), with its extensions.</summary>
internal sealed record Qcow2Header
{
    public const int Version2Length = 72;
    public const int Version3Length = 104;

    /// <summary>Offsets of the fields that change while an image is written.</summary>
    public const int RefcountTableField = 48;
    public const int AutoclearField = 88;

    private const int FullLength = 112;

    public int Version { get; init; } = 3;

    public int ClusterBits { get; init; } = 16;

    public int ClusterSize => 1 << ClusterBits;

    /// <summary>Size in bytes that the guest sees.</summary>
    public long VirtualSize { get; init; }

    /// <summary>0, or a method of encryption.</summary>
    public uint CryptMethod { get; init; }

    public int L1Entries { get; init; }

    public long L1Offset { get; init; }

    public long RefcountTableOffset { get; init; }

    public int RefcountTableClusters { get; init; }

    public uint SnapshotCount { get; init; }

    public ulong Incompatible { get; init; }

    public ulong Autoclear { get; init; }

    /// <summary>Width of a refcount is 1 &lt;&lt; order bits; order 0 to 6.</summary>
    public int RefcountOrder { get; init; } = 4;

    public Qcow2Compression Compression { get; init; }

    public string? BackingFile { get; init; }

    public string? BackingFormat { get; init; }

    /// <summary>Name of the external data file, or null.</summary>
    public string? DataFile { get; init; }

    public bool HasDataFile => (Incompatible & Qcow2Format.IncompatibleDataFile) != 0;

    public bool HasExtendedL2 => (Incompatible & Qcow2Format.IncompatibleExtendedL2) != 0;

    /// <summary>Bytes in an L2 entry.</summary>
    public int L2EntrySize => HasExtendedL2 ? 16 : 8;

    /// <summary>Entries in an L2 table, which fills a cluster.</summary>
    public int L2Entries => ClusterSize / L2EntrySize;

    /// <summary>Guest bytes that one L2 table covers.</summary>
    public long L2Coverage => (long)L2Entries << ClusterBits;

    /// <summary>Number of L1 entries that the virtual size takes.</summary>
    public static long CountL1Entries(long virtualSize, long l2Coverage) => (virtualSize / l2Coverage) + (virtualSize % l2Coverage == 0 ? 0 : 1);

    /// <summary>Reads and checks the header of an image.</summary>
    public static Qcow2Header Read(BlockDevice file, string name)
    {
        if (file.Length < Version2Length)
        {
            throw Invalid(name, "the file ends within it");
        }

        Span<byte> fixedPart = stackalloc byte[FullLength];
        fixedPart.Clear();
        file.Read(0, fixedPart[..(int)Math.Min(FullLength, file.Length)]);
        if (BinaryPrimitives.ReadUInt32BigEndian(fixedPart) != Qcow2Format.Magic)
        {
            throw Invalid(name, "the signature is missing");
        }

        uint version = UInt32(fixedPart, 4);
        if (version is not (2 or 3))
        {
            throw V2VException.Unsupported("Qcow2VersionUnsupported", FormattableString.Invariant($"qcow2 version {version} is not known."), name);
        }

        uint clusterBits = UInt32(fixedPart, 20);
        if (clusterBits is < Qcow2Format.MinimumClusterBits or > Qcow2Format.MaximumClusterBits)
        {
            throw Invalid(name, FormattableString.Invariant($"a cluster of 2^{clusterBits} bytes is not allowed"));
        }

        uint headerLength = version == 2 ? Version2Length : UInt32(fixedPart, 100);
        if (headerLength < (version == 2 ? Version2Length : Version3Length) || headerLength > 1 << (int)clusterBits || headerLength % 8 != 0)
        {
            throw Invalid(name, "the header length");
        }

        var first = new byte[(int)Math.Min(1 << (int)clusterBits, file.Length)];
        file.Read(0, first);
        Qcow2Extensions extensions = Qcow2Extensions.Parse(first, (int)headerLength, name);
        Qcow2Header header = new()
        {
            Version = (int)version,
            ClusterBits = (int)clusterBits,
            VirtualSize = Offset(fixedPart, 24, name, "the virtual size"),
            CryptMethod = UInt32(fixedPart, 32),
            L1Entries = Count(fixedPart, 36, Qcow2Format.MaximumL1Bytes / 8, name, "the L1 table's size"),
            L1Offset = Offset(fixedPart, 40, name, "the L1 table's offset"),
            RefcountTableOffset = Offset(fixedPart, 48, name, "the refcount table's offset"),
            RefcountTableClusters = Count(fixedPart, 56, Math.Max(1, Qcow2Format.MaximumRefcountTableBytes >> (int)clusterBits), name, "the refcount table's size"),
            SnapshotCount = UInt32(fixedPart, 60),
            Incompatible = version == 2 ? 0 : BinaryPrimitives.ReadUInt64BigEndian(fixedPart[72..]),
            Autoclear = version == 2 ? 0 : BinaryPrimitives.ReadUInt64BigEndian(fixedPart[88..]),
            RefcountOrder = version == 2 ? 4 : Count(fixedPart, 96, 6, name, "the refcount width"),
            Compression = version == 3 && headerLength > 104 ? (Qcow2Compression)fixedPart[104] : Qcow2Compression.Deflate,
            BackingFile = ReadBackingFile(first, fixedPart, name),
            BackingFormat = extensions.BackingFormat,
            DataFile = extensions.DataFile,
        };
        header.Check(file, extensions, name);
        return header;
    }

    /// <summary>The first bytes of an image with this header: the header, its extensions and the backing file's name.</summary>
    public byte[] Serialize()
    {
        int length = Version == 2 ? Version2Length : FullLength;
        byte[] backing = Encoding.UTF8.GetBytes(BackingFile ?? "");
        byte[] extensions = Qcow2Extensions.Serialize(this);
        if (backing.Length > Qcow2Format.MaximumBackingFileName || length + extensions.Length + backing.Length > ClusterSize)
        {
            throw new V2VException(
                "Qcow2BackingNameTooLong",
                V2VErrorKind.InvalidArgument,
                FormattableString.Invariant($"The reference to the backing file takes {backing.Length} bytes, more than an image can hold."),
                BackingFile,
                "Move the source to a folder with a shorter path.");
        }

        var bytes = new byte[length + extensions.Length + backing.Length];
        Span<byte> span = bytes;
        BinaryPrimitives.WriteUInt32BigEndian(span, Qcow2Format.Magic);
        BinaryPrimitives.WriteInt32BigEndian(span[4..], Version);
        if (backing.Length > 0)
        {
            BinaryPrimitives.WriteInt64BigEndian(span[8..], length + extensions.Length);
            BinaryPrimitives.WriteInt32BigEndian(span[16..], backing.Length);
        }

        BinaryPrimitives.WriteInt32BigEndian(span[20..], ClusterBits);
        BinaryPrimitives.WriteInt64BigEndian(span[24..], VirtualSize);
        BinaryPrimitives.WriteInt32BigEndian(span[36..], L1Entries);
        BinaryPrimitives.WriteInt64BigEndian(span[40..], L1Offset);
        BinaryPrimitives.WriteInt64BigEndian(span[RefcountTableField..], RefcountTableOffset);
        BinaryPrimitives.WriteInt32BigEndian(span[56..], RefcountTableClusters);
        if (Version >= 3)
        {
            BinaryPrimitives.WriteUInt64BigEndian(span[72..], Incompatible);
            BinaryPrimitives.WriteUInt64BigEndian(span[AutoclearField..], Autoclear);
            BinaryPrimitives.WriteInt32BigEndian(span[96..], RefcountOrder);
            BinaryPrimitives.WriteInt32BigEndian(span[100..], FullLength);
            bytes[104] = (byte)Compression;
        }

        extensions.CopyTo(span[length..]);
        backing.CopyTo(span[(length + extensions.Length)..]);
        return bytes;
    }

    private void Check(BlockDevice file, Qcow2Extensions extensions, string name)
    {
        ulong unknown = Incompatible & ~Qcow2Format.IncompatibleKnown;
        if (unknown != 0)
        {
            int bit = BitOperations.TrailingZeroCount(unknown);
            string feature = extensions.IncompatibleNames.GetValueOrDefault(bit) ?? FormattableString.Invariant($"bit {bit}");
            throw V2VException.Unsupported("Qcow2FeatureUnsupported", $"The image uses the unknown feature '{feature}'.", name, "Convert the image with the program that made it.");
        }

        if (CryptMethod != 0)
        {
            throw V2VException.Unsupported("Qcow2Encrypted", "The image is encrypted.", name, "Decrypt it, for example with qemu-img convert.");
        }

        if (!Enum.IsDefined(Compression))
        {
            throw V2VException.Unsupported("Qcow2CompressionUnsupported", FormattableString.Invariant($"Compression type {(int)Compression} is not known."), name);
        }

        if (HasExtendedL2 && ClusterBits < 14)
        {
            throw Invalid(name, "extended L2 entries need clusters of 16 KiB or more");
        }

        if (CountL1Entries(VirtualSize, L2Coverage) > L1Entries)
        {
            throw Invalid(name, "the L1 table does not cover the virtual size");
        }

        if (L1Offset % ClusterSize != 0 || L1Offset > file.Length - (L1Entries * 8L))
        {
            throw Invalid(name, "the L1 table leads outside the file");
        }

        if (RefcountTableOffset % ClusterSize != 0)
        {
            throw Invalid(name, "the refcount table is not aligned");
        }
    }

    private static string? ReadBackingFile(ReadOnlySpan<byte> first, ReadOnlySpan<byte> header, string name)
    {
        ulong offset = BinaryPrimitives.ReadUInt64BigEndian(header[8..]);
        uint length = UInt32(header, 16);
        if (offset == 0)
        {
            return null;
        }

        return length is > 0 and <= Qcow2Format.MaximumBackingFileName && offset <= (ulong)first.Length && length <= (ulong)first.Length - offset
            ? Encoding.UTF8.GetString(first.Slice((int)offset, (int)length))
            : throw Invalid(name, "the backing file's name lies outside the first cluster");
    }

    private static uint UInt32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32BigEndian(bytes[offset..]);

    private static int Count(ReadOnlySpan<byte> bytes, int offset, int maximum, string name, string what)
    {
        uint value = UInt32(bytes, offset);
        return value <= maximum ? (int)value : throw Invalid(name, what);
    }

    private static long Offset(ReadOnlySpan<byte> bytes, int offset, string name, string what)
    {
        ulong value = BinaryPrimitives.ReadUInt64BigEndian(bytes[offset..]);
        return value <= long.MaxValue / 2 ? (long)value : throw Invalid(name, what);
    }

    private static V2VException Invalid(string name, string what) =>
        V2VException.Corrupt("Qcow2HeaderInvalid", $"The header of the qcow2 image is not valid: {what}.", name);
}
