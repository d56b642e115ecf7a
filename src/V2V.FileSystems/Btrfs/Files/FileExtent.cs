namespace V2V.FileSystems.Btrfs.Files;

/// <summary>A piece of a file (On-disk Format, "EXTENT_DATA"); a copy of its item's fields.</summary>
/// <param name="Start">First byte in the file.</param>
/// <param name="Length">Bytes of the file that it holds.</param>
/// <param name="Kind">0 inline, 1 regular, 2 preallocated.</param>
/// <param name="Compression">0 none, 1 zlib, 2 LZO, 3 zstd.</param>
/// <param name="RamBytes">Bytes of the whole extent, decompressed.</param>
/// <param name="DiskAddress">Logical address of the whole extent; 0 for a hole.</param>
/// <param name="DiskBytes">Bytes that the whole extent takes.</param>
/// <param name="Offset">Where in the decompressed extent the piece begins.</param>
/// <param name="InlineBytes">Stored bytes of an inline extent.</param>
internal readonly record struct FileExtent(
    long Start, long Length, byte Kind, byte Compression, long RamBytes, long DiskAddress, long DiskBytes, long Offset, int InlineBytes)
{
    public const int InlineHeaderSize = 21;
    public const int Size = 53;
    public const byte Inline = 0;
    public const byte Regular = 1;
    public const byte Preallocated = 2;
    public const int MaxCompressed = 128 << 10;

    public long End => Start + Length;

    public bool IsHole => Kind != Inline && DiskAddress == 0;

    /// <summary>True if it reads as zero.</summary>
    public bool ReadsAsZero => IsHole || Kind == Preallocated;

    /// <summary>Bytes that it adds to the inode's count.</summary>
    public long CountedBytes => IsHole ? 0 : Kind == Inline ? RamBytes : Length;

    /// <summary>Offset of the reference to the data extent: where the file would begin in it.</summary>
    public ulong ReferenceOffset => unchecked((ulong)(Start - Offset));

    public static FileExtent Read(BtrfsKey key, ReadOnlySpan<byte> raw, int sectorSize)
    {
        const ulong Limit = 1UL << 62;
        if (raw.Length < InlineHeaderSize || key.Offset > Limit || raw[16] > 3 || raw[20] > Preallocated)
        {
            throw BtrfsErrors.Item(key, "its values are out of range");
        }

        if (raw[17] != 0 || raw[18] != 0 || raw[19] != 0)
        {
            throw BtrfsErrors.Feature("encrypted or encoded files");
        }

        ulong ram = Le.U64(raw, 8);
        if (raw[20] == Inline)
        {
            int stored = raw.Length - InlineHeaderSize;
            if (key.Offset != 0 || ram > 65536 || (raw[16] == 0 && (ulong)stored < ram))
            {
                throw BtrfsErrors.Item(key, "its inline data is out of range");
            }

            return new FileExtent(0, (long)ram, Inline, raw[16], (long)ram, 0, 0, 0, stored);
        }

        if (raw.Length < Size)
        {
            throw BtrfsErrors.Item(key, "it is too short");
        }

        ulong address = Le.U64(raw, 21), bytes = Le.U64(raw, 29), offset = Le.U64(raw, 37), length = Le.U64(raw, 45);
        bool isHole = address == 0;
        if (length == 0 || length > Limit || offset > Limit || address > Limit || bytes > Limit || (!isHole && ram > Limit)
            || ((key.Offset | length | address | bytes | offset) % (ulong)sectorSize) != 0
            || (!isHole && (raw[16] == 0 ? offset + length > bytes : ram > MaxCompressed || bytes > MaxCompressed || offset + length > ((ram + (ulong)sectorSize - 1) / (ulong)sectorSize * (ulong)sectorSize))))
        {
            throw BtrfsErrors.Item(key, "its values are out of range");
        }

        return new FileExtent((long)key.Offset, (long)length, raw[20], raw[16], (long)Math.Min(ram, Limit), (long)address, (long)bytes, (long)offset, 0);
    }

    /// <summary>The bytes of the item; not for inline extents.</summary>
    public byte[] Make(ulong generation)
    {
        var raw = new byte[Size];
        Le.Set64(raw, 0, generation);
        Le.Set64(raw, 8, (ulong)RamBytes);
        raw[16] = Compression;
        raw[20] = Kind;
        Le.Set64(raw, 21, (ulong)DiskAddress);
        Le.Set64(raw, 29, (ulong)DiskBytes);
        Le.Set64(raw, 37, (ulong)Offset);
        Le.Set64(raw, 45, (ulong)Length);
        return raw;
    }

    /// <summary>The bytes of an inline extent that is not compressed.</summary>
    public static byte[] MakeInline(ulong generation, ReadOnlySpan<byte> content)
    {
        var raw = new byte[InlineHeaderSize + content.Length];
        Le.Set64(raw, 0, generation);
        Le.Set64(raw, 8, (ulong)content.Length);
        content.CopyTo(raw.AsSpan(InlineHeaderSize));
        return raw;
    }
}
