using System.Buffers.Binary;
using V2V.Storage;

namespace V2V.Registry;

/// <summary>
/// The first 4096 bytes of a hive (regf, "base block"), of which 512 carry data and a checksum. A log begins with a copy of it.
/// </summary>
internal sealed class BaseBlock
{
    /// <summary>Bytes before the first bin.</summary>
    public const int Size = 4096;

    /// <summary>Bytes that the checksum covers, and those of a log's copy.</summary>
    public const int Sector = 512;

    private const int ChecksumOffset = 508;
    private readonly byte[] _bytes;

    private BaseBlock(byte[] bytes) => _bytes = bytes;

    /// <summary>Increased before a write to the hive begins.</summary>
    public uint PrimarySequence
    {
        get => U32(4);
        set => Set(4, value);
    }

    /// <summary>Set to the primary number when the write is complete.</summary>
    public uint SecondarySequence
    {
        get => U32(8);
        set => Set(8, value);
    }

    /// <summary>Minor version: 3 to 6.</summary>
    public uint Minor => U32(24);

    /// <summary>Major version: 1.</summary>
    public uint Major => U32(20);

    /// <summary>0 for a hive, 1, 2 or 6 for a log.</summary>
    public uint FileType => U32(28);

    /// <summary>The root key's cell.</summary>
    public uint RootCell => U32(36);

    /// <summary>Bytes of all bins.</summary>
    public uint BinsSize
    {
        get => U32(40);
        set => Set(40, value);
    }

    /// <summary>True if the signature and the checksum are right.</summary>
    public bool IsValid => HasSignature(_bytes) && U32(ChecksumOffset) == Checksum(_bytes);

    /// <summary>True if no write was interrupted.</summary>
    public bool IsClean => IsValid && PrimarySequence == SecondarySequence;

    /// <summary>Takes the first sector of a hive or log; null if it is too short.</summary>
    public static BaseBlock? Read(Stream stream)
    {
        byte[] bytes = new byte[Sector];
        stream.Position = 0;
        return stream.ReadAtLeast(bytes, Sector, throwOnEndOfStream: false) == Sector ? new BaseBlock(bytes) : null;
    }

    /// <summary>True if the bytes begin like a hive.</summary>
    public static bool HasSignature(ReadOnlySpan<byte> bytes) => bytes.StartsWith("regf"u8);

    /// <summary>Checks what everything else relies on.</summary>
    /// <exception cref="V2VException">The hive is damaged or of an unknown version.</exception>
    public void Validate(string name)
    {
        if (Major != 1 || Minor is < 3 or > 6)
        {
            throw HiveErrors.Version(Major, Minor, name);
        }

        if (BinsSize is 0 or > int.MaxValue || BinsSize % Size != 0 || U32(32) != 1)
        {
            throw HiveErrors.BaseBlock("The base block of the hive contradicts itself.", name);
        }
    }

    /// <summary>Marks the end of a write: sequence numbers, time and checksum.</summary>
    /// <returns>The sector to store at offset 0.</returns>
    public ReadOnlySpan<byte> Seal(DateTime time)
    {
        uint next = Math.Max(PrimarySequence, SecondarySequence) + 1;
        PrimarySequence = next;
        SecondarySequence = next;
        BinaryPrimitives.WriteInt64LittleEndian(_bytes.AsSpan(12), time.ToFileTimeUtc());
        Set(28, 0);
        Set(ChecksumOffset, Checksum(_bytes));
        return _bytes;
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i < ChecksumOffset; i += 4)
        {
            sum ^= BinaryPrimitives.ReadUInt32LittleEndian(bytes[i..]);
        }

        return sum switch
        {
            0 => 1,
            uint.MaxValue => uint.MaxValue - 1,
            _ => sum,
        };
    }

    private uint U32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(offset));

    private void Set(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(offset), value);
}
