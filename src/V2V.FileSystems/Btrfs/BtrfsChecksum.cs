using System.Buffers.Binary;
using System.IO.Hashing;
using System.Numerics;
using System.Security.Cryptography;

namespace V2V.FileSystems.Btrfs;

/// <summary>Algorithms of checksums (On-disk Format, "csum_type").</summary>
internal enum ChecksumType
{
    Crc32C = 0,
    XxHash64 = 1,
    Sha256 = 2,
    Blake2B = 3,
}

/// <summary>Checksums of blocks, and the CRC that names are hashed with.</summary>
internal static class BtrfsChecksum
{
    /// <summary>Bytes that a checksum takes in an item.</summary>
    public static int SizeOf(ChecksumType type) => type switch { ChecksumType.Crc32C => 4, ChecksumType.XxHash64 => 8, _ => 32 };

    /// <summary>Computes a checksum; the rest of <paramref name="sum"/> becomes zero.</summary>
    public static void Compute(ChecksumType type, ReadOnlySpan<byte> data, Span<byte> sum)
    {
        sum.Clear();
        switch (type)
        {
            case ChecksumType.Crc32C:
                BinaryPrimitives.WriteUInt32LittleEndian(sum, ~Crc32C(uint.MaxValue, data));
                break;
            case ChecksumType.XxHash64:
                BinaryPrimitives.WriteUInt64LittleEndian(sum, XxHash64.HashToUInt64(data));
                break;
            case ChecksumType.Sha256:
                SHA256.HashData(data, sum);
                break;
            default:
                Blake2B.Hash256(data, sum);
                break;
        }
    }

    /// <summary>CRC-32C without the inversions at start and end.</summary>
    public static uint Crc32C(uint seed, ReadOnlySpan<byte> data)
    {
        while (data.Length >= sizeof(ulong))
        {
            seed = BitOperations.Crc32C(seed, BinaryPrimitives.ReadUInt64LittleEndian(data));
            data = data[sizeof(ulong)..];
        }

        foreach (byte value in data)
        {
            seed = BitOperations.Crc32C(seed, value);
        }

        return seed;
    }

    /// <summary>The offset of a name's directory item or of an attribute.</summary>
    public static ulong NameHash(ReadOnlySpan<byte> name) => Crc32C(unchecked((uint)~1), name);

    /// <summary>The offset of an extended inode reference.</summary>
    public static ulong ReferenceHash(ulong parent, ReadOnlySpan<byte> name) => Crc32C((uint)parent, name);

    /// <summary>The offset of a reference to a data extent.</summary>
    public static ulong DataReferenceHash(ulong root, ulong inode, ulong offset)
    {
        Span<byte> raw = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(raw, root);
        uint high = Crc32C(uint.MaxValue, raw);
        BinaryPrimitives.WriteUInt64LittleEndian(raw, inode);
        uint low = Crc32C(uint.MaxValue, raw);
        BinaryPrimitives.WriteUInt64LittleEndian(raw, offset);
        low = Crc32C(low, raw);
        return ((ulong)high << 31) ^ low;
    }
}
