using V2V.Storage;

namespace V2V.FileSystems.Btrfs.Storage;

/// <summary>What a chunk holds and how it is spread (On-disk Format, "Block group types").</summary>
[Flags]
internal enum ChunkType : ulong
{
    Data = 1 << 0,
    System = 1 << 1,
    Metadata = 1 << 2,
    Raid0 = 1 << 3,
    Raid1 = 1 << 4,
    Dup = 1 << 5,
    Raid10 = 1 << 6,
    Raid5 = 1 << 7,
    Raid6 = 1 << 8,
    Raid1C3 = 1 << 9,
    Raid1C4 = 1 << 10,
    Content = Data | System | Metadata,
    Profile = Raid0 | Raid1 | Dup | Raid10 | Raid5 | Raid6 | Raid1C3 | Raid1C4,
    Parity = Raid5 | Raid6,
    Striped = Raid0 | Raid10 | Raid5 | Raid6,
}

/// <summary>One stripe of a chunk: a run of a device.</summary>
internal readonly record struct Stripe(ulong DeviceId, long Offset);

/// <summary>Where some bytes of a chunk are.</summary>
/// <param name="Stripe">Index of the stripe.</param>
/// <param name="Offset">Byte on the stripe's device.</param>
/// <param name="Length">Bytes that lie there without a break.</param>
internal readonly record struct ChunkPiece(int Stripe, long Offset, int Length);

/// <summary>A run of logical addresses and the devices that hold it (On-disk Format, "CHUNK_ITEM").</summary>
internal sealed class Chunk
{
    public const int StripeLength = 65536;
    public const int HeaderSize = 48;
    public const int StripeSize = 32;

    private Chunk(long start, long length, ChunkType type, Stripe[] stripes, int subStripes) =>
        (Start, Length, Type, Stripes, SubStripes) = (start, length, type, stripes, subStripes);

    /// <summary>First logical address.</summary>
    public long Start { get; }

    public long Length { get; }

    public long End => Start + Length;

    public ChunkType Type { get; }

    public Stripe[] Stripes { get; }

    public int SubStripes { get; }

    /// <summary>Number of full copies of each byte.</summary>
    public int Copies => CopiesOf(Type, Stripes.Length);

    /// <summary>Stripes that hold different data.</summary>
    public int DataStripes => Type switch
    {
        _ when (Type & ChunkType.Raid5) != 0 => Stripes.Length - 1,
        _ when (Type & ChunkType.Raid6) != 0 => Stripes.Length - 2,
        _ => Stripes.Length / Copies,
    };

    /// <summary>Bytes that the chunk takes on each device.</summary>
    public long StripeBytes => Length / DataStripes;

    /// <summary>Number of copies that a profile keeps.</summary>
    public static int CopiesOf(ChunkType type, int stripes) => (type & ChunkType.Profile) switch
    {
        ChunkType.Raid1 or ChunkType.Dup or ChunkType.Raid10 => 2,
        ChunkType.Raid1C3 => 3,
        ChunkType.Raid1C4 => 4,
        0 or ChunkType.Raid0 or ChunkType.Raid5 or ChunkType.Raid6 => 1,
        _ => stripes,
    };

    /// <summary>Reads a chunk item.</summary>
    /// <param name="start">Its logical address, the offset of its key.</param>
    /// <param name="raw">The item, or more.</param>
    /// <param name="size">Bytes that the item takes.</param>
    public static Chunk Read(ulong start, ReadOnlySpan<byte> raw, out int size)
    {
        if (raw.Length < HeaderSize + StripeSize)
        {
            throw BtrfsErrors.Chunk("an item is too short");
        }

        int count = Le.U16(raw, 44);
        size = HeaderSize + (count * StripeSize);
        ulong length = Le.U64(raw, 0);
        if (count == 0 || raw.Length < size || Le.U64(raw, 16) != StripeLength
            || length == 0 || length > long.MaxValue / 2 || start > (long.MaxValue / 2) - length || ((start | length) & 4095) != 0)
        {
            throw BtrfsErrors.Chunk(FormattableString.Invariant($"the chunk at {start} has values out of range"));
        }

        var type = (ChunkType)Le.U64(raw, 24);
        var stripes = new Stripe[count];
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> stripe = raw[(HeaderSize + (i * StripeSize))..];
            ulong offset = Le.U64(stripe, 8);
            if (offset > (ulong)(long.MaxValue / 2))
            {
                throw BtrfsErrors.Chunk(FormattableString.Invariant($"the chunk at {start} lies outside its device"));
            }

            stripes[i] = new Stripe(Le.U64(stripe, 0), (long)offset);
        }

        var chunk = new Chunk((long)start, (long)length, type, stripes, Le.U16(raw, 46));
        chunk.Check();
        return chunk;
    }

    /// <summary>The pieces of a copy of a range; for RAID5 and RAID6 the data, without parity.</summary>
    /// <param name="within">First byte, relative to the chunk.</param>
    /// <param name="length">Bytes wanted.</param>
    /// <param name="copy">Number of the copy.</param>
    public ChunkPiece Locate(long within, int length, int copy)
    {
        if ((Type & ChunkType.Striped) == 0)
        {
            return new ChunkPiece(copy, Stripes[copy].Offset + within, (int)Math.Min(length, Length - within));
        }

        long number = within / StripeLength;
        int inside = (int)(within % StripeLength);
        int data = DataStripes;
        int index = (int)(number % data);
        long row = number / data;
        int stripe = (Type & ChunkType.Profile) switch
        {
            ChunkType.Raid10 => (index * SubStripes) + copy,
            ChunkType.Raid0 => index,
            _ => (int)((index + row) % Stripes.Length),
        };
        return new ChunkPiece(stripe, Stripes[stripe].Offset + (row * StripeLength) + inside, Math.Min(length, StripeLength - inside));
    }

    /// <summary>The logical addresses of a byte of a device in this chunk.</summary>
    public IEnumerable<long> AddressesOf(ulong device, long offset)
    {
        for (int i = 0; i < Stripes.Length; i++)
        {
            if (Stripes[i].DeviceId != device || offset < Stripes[i].Offset || offset >= Stripes[i].Offset + StripeBytes)
            {
                continue;
            }

            long within = offset - Stripes[i].Offset;
            long row = within / StripeLength;
            switch (Type & ChunkType.Profile)
            {
                case ChunkType.Raid0:
                    yield return Start + (((row * Stripes.Length) + i) * StripeLength) + (within % StripeLength);
                    break;
                case ChunkType.Raid10:
                    yield return Start + (((row * DataStripes) + (i / SubStripes)) * StripeLength) + (within % StripeLength);
                    break;
                case ChunkType.Raid5 or ChunkType.Raid6:
                    // Parity has no address; the whole row is given for it, which errs to the safe side.
                    for (int data = 0; data < DataStripes; data++)
                    {
                        yield return Start + (((row * DataStripes) + data) * StripeLength) + (within % StripeLength);
                    }

                    break;
                default:
                    yield return Start + within;
                    break;
            }
        }
    }

    private void Check()
    {
        int count = Stripes.Length;
        ChunkType profile = Type & ChunkType.Profile;
        bool valid = (Type & ~(ChunkType.Content | ChunkType.Profile)) == 0 && (Type & ChunkType.Content) != 0 && profile switch
        {
            0 => count == 1,
            ChunkType.Dup or ChunkType.Raid1 => count == 2,
            ChunkType.Raid1C3 => count == 3,
            ChunkType.Raid1C4 => count == 4,
            ChunkType.Raid0 => true,
            ChunkType.Raid10 => SubStripes == 2 && count % 2 == 0,
            ChunkType.Raid5 => count >= 2,
            ChunkType.Raid6 => count >= 3,
            _ => false,
        };
        if (!valid || Length % (DataStripes * (long)((Type & ChunkType.Striped) != 0 ? StripeLength : 4096)) != 0)
        {
            throw BtrfsErrors.Chunk(FormattableString.Invariant($"the chunk at {Start} contradicts its profile"));
        }
    }
}
