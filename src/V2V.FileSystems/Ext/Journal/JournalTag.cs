using System.Buffers.Binary;

namespace V2V.FileSystems.Ext.Journal;

/// <summary>One entry of a descriptor block: a block of the file system whose new content is in the log.</summary>
/// <param name="Block">Number of the block in the file system.</param>
/// <param name="Flags">1 escaped, 2 same UUID as the entry before, 4 deleted, 8 last.</param>
/// <param name="Checksum">Checksum of the content: 32 bits in version 3, 16 in version 2.</param>
internal readonly record struct JournalTag(ulong Block, uint Flags, uint Checksum)
{
    /// <summary>Where the first tag of a descriptor block lies.</summary>
    public const int First = 12;

    private const uint SameUuid = 2;
    private const uint Last = 8;
    private const int Ended = int.MaxValue;

    /// <summary>Reads the tag at <paramref name="position"/> and moves on to the next.</summary>
    public static bool TryRead(ReadOnlySpan<byte> block, JournalSuperblock super, ref int position, out JournalTag tag)
    {
        int size = super.TagSize;
        if (position == Ended || position > block.Length - super.TailSize - size)
        {
            tag = default;
            return false;
        }

        ReadOnlySpan<byte> raw = block.Slice(position, size);
        ulong number = BinaryPrimitives.ReadUInt32BigEndian(raw);
        uint flags;
        uint checksum;
        if (super.HasTag3)
        {
            flags = BinaryPrimitives.ReadUInt32BigEndian(raw[4..]);
            checksum = BinaryPrimitives.ReadUInt32BigEndian(raw[12..]);
        }
        else
        {
            checksum = BinaryPrimitives.ReadUInt16BigEndian(raw[4..]);
            flags = BinaryPrimitives.ReadUInt16BigEndian(raw[6..]);
        }

        if (super.Is64Bit)
        {
            number |= (ulong)BinaryPrimitives.ReadUInt32BigEndian(raw[8..]) << 32;
        }

        tag = new JournalTag(number, flags, checksum);
        position = (flags & Last) != 0 ? Ended : position + size + ((flags & SameUuid) != 0 ? 0 : 16);
        return true;
    }

    /// <summary>Number of tags in a descriptor block.</summary>
    public static int Count(ReadOnlySpan<byte> block, JournalSuperblock super)
    {
        int count = 0;
        int position = First;
        while (TryRead(block, super, ref position, out _))
        {
            count++;
        }

        return count;
    }
}
