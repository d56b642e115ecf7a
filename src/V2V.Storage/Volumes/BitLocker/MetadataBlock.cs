using System.Buffers.Binary;
using System.IO.Hashing;
using System.Security.Cryptography;

namespace V2V.Storage.Volumes.BitLocker;

/// <summary>
/// A copy of the metadata: state of the volume, keys, and where its first sectors lie (libbde, FVE metadata block). It is followed by its CRC-32, and by its
/// SHA-256 in a box that the master key opens.
/// </summary>
internal sealed record MetadataBlock
{
    /// <summary>State of a volume that holds plain data.</summary>
    internal const int Decrypted = 1;

    private const int Encrypted = 4;
    private const int LastState = 5;
    private const int MaxSize = 64 << 10;
    private const int HeaderSize = 64;
    private const int DatasetSize = 48;
    private const int MaxRelocated = 1 << 20;
    private const int HashAlgorithm = 0x2005;

    private byte[] _bytes = [];

    /// <summary>1 for Vista, 2 for Windows 7 and later.</summary>
    internal required int Version { get; init; }

    /// <summary>What the volume is now: 1 plain, 2 to 3 and 5 being converted, 4 encrypted.</summary>
    internal required int State { get; init; }

    /// <summary>First byte behind what is encrypted; 0 for all.</summary>
    internal required long EncryptedLength { get; init; }

    /// <summary>True if a step of an unfinished conversion must be undone first.</summary>
    internal required bool IsDirty { get; init; }

    /// <summary>Sectors at the volume's begin that lie elsewhere; 0 in Vista.</summary>
    internal required int RelocatedSectors { get; init; }

    /// <summary>Where they lie, as a byte; in Vista the cluster of the file system's $MFTMirr.</summary>
    internal required long RelocatedOffset { get; init; }

    /// <summary>First bytes of all copies of the metadata.</summary>
    internal required long[] Offsets { get; init; }

    /// <summary>Identity of the volume, as manage-bde and blkid print it.</summary>
    internal required Guid Id { get; init; }

    /// <summary>The entries.</summary>
    internal required IReadOnlyList<Datum> Entries { get; init; }

    /// <summary>The box with the block's own hash; empty if there is none.</summary>
    internal ReadOnlyMemory<byte> Seal { get; init; }

    /// <summary>Finds the first copy in order.</summary>
    /// <exception cref="V2VException"><c>BitLockerMetadataDamaged</c> or <c>BitLockerVersionUnsupported</c>.</exception>
    internal static MetadataBlock Read(BlockDevice device, VolumeHeader header, string target)
    {
        V2VException? first = null;
        foreach (long offset in header.MetadataOffsets)
        {
            try
            {
                if (TryRead(device, offset, target) is { } block)
                {
                    return block;
                }
            }
            catch (V2VException e) when (e.ErrorId is "BitLockerMetadataDamaged" or "BitLockerVersionUnsupported")
            {
                first ??= e;
            }
        }

        throw first ?? BitLockerErrors.Damaged("none of its copies has the right checksum", target);
    }

    /// <summary>True if the block is what Windows sealed with the master key; a volume without a seal passes.</summary>
    internal bool IsSealedBy(ReadOnlySpan<byte> masterKey)
    {
        if (Seal.IsEmpty)
        {
            return true;
        }

        return KeyBox.Open(masterKey, Seal.Span) is { Algorithm: HashAlgorithm } hash && hash.Bytes.AsSpan().SequenceEqual(SHA256.HashData(_bytes));
    }

    private static MetadataBlock? TryRead(BlockDevice device, long offset, string target)
    {
        if (offset <= 0 || offset > device.Length - HeaderSize - DatasetSize)
        {
            return null;
        }

        var bytes = new byte[(int)Math.Min(MaxSize, device.Length - offset)];
        device.Read(offset, bytes);
        if (!bytes.AsSpan().StartsWith("-FVE-FS-"u8))
        {
            return null;
        }

        int version = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(10));
        if (version is not (1 or 2))
        {
            throw BitLockerErrors.Unsupported("BitLockerVersionUnsupported", FormattableString.Invariant($"The BitLocker metadata of {target} has version {version}, which V2V does not know."), target);
        }

        int size = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8)) << (version == 1 ? 0 : 4);
        return size >= HeaderSize + DatasetSize && size <= bytes.Length - 8 && Crc32.HashToUInt32(bytes.AsSpan(0, size)) == BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(size + 4))
            ? Parse(bytes, size, version, target)
            : null;
    }

    private static MetadataBlock Parse(byte[] bytes, int size, int version, string target)
    {
        ReadOnlySpan<byte> block = bytes, dataset = block[HeaderSize..];
        uint start = BinaryPrimitives.ReadUInt32LittleEndian(dataset[8..]), end = BinaryPrimitives.ReadUInt32LittleEndian(dataset[12..]);
        uint relocated = BinaryPrimitives.ReadUInt32LittleEndian(block[28..]);
        long encrypted = BinaryPrimitives.ReadInt64LittleEndian(block[16..]);
        if (start < DatasetSize || end < start || end > size - HeaderSize || relocated > MaxRelocated || (relocated == 0 && version > 1) || encrypted < 0)
        {
            throw BitLockerErrors.Damaged("its header contradicts itself", target);
        }

        int sealSize = BinaryPrimitives.ReadUInt16LittleEndian(block[size..]);
        ReadOnlyMemory<byte> trailer = sealSize > 8 && size + sealSize <= bytes.Length ? bytes.AsMemory(size + 8, sealSize - 8) : default;
        var offsets = new long[3];
        for (int i = 0; i < offsets.Length; i++)
        {
            offsets[i] = BinaryPrimitives.ReadInt64LittleEndian(block[(32 + (i * 8))..]);
        }

        int state = BinaryPrimitives.ReadUInt16LittleEndian(block[12..]);
        if (state is < Decrypted or > LastState)
        {
            throw BitLockerErrors.Unsupported("BitLockerVersionUnsupported", FormattableString.Invariant($"The BitLocker volume {target} is in state {state}, which V2V does not know."), target);
        }

        return new MetadataBlock
        {
            Version = version,
            State = state,
            EncryptedLength = encrypted,
            IsDirty = state is not (Decrypted or Encrypted) && BinaryPrimitives.ReadUInt32LittleEndian(block[24..]) != 0,
            RelocatedSectors = version == 1 ? 0 : (int)relocated,
            RelocatedOffset = BinaryPrimitives.ReadInt64LittleEndian(block[56..]),
            Offsets = offsets,
            Id = new Guid(dataset.Slice(16, 16)),
            Entries = Datum.ReadAll(bytes.AsMemory(HeaderSize + (int)start, (int)(end - start)), target),
            Seal = trailer.IsEmpty ? default : Datum.ReadAll(trailer, target).FirstOrDefault(d => d.Type == DatumType.EncryptedKey).Data,
            _bytes = bytes[..size],
        };
    }
}
