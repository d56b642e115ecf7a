using System.Buffers.Binary;

namespace V2V.FileSystems.Ext.Journal;

/// <summary>
/// The blocks after the log that hold ext4's fast commits: tag, length and value, little-endian, each commit from a head to a tail
/// with a CRC-32C. They describe changes in terms of inodes and names, and only count for the transaction that would come next.
/// </summary>
internal static class FastCommitArea
{
    private const ushort TagTail = 8;
    private const ushort TagHead = 9;

    /// <summary>Refuses a journal that holds a complete fast commit for the transaction after the log.</summary>
    /// <exception cref="V2V.Storage.V2VException"><c>ExtFastCommitPending</c>.</exception>
    public static void RefuseIfPending(JournalBlocks log, JournalSuperblock super, uint expected, string? target)
    {
        long first = super.LogEnd + 1;
        uint crc = 0;
        byte[]? block = null;
        for (long number = first; number < super.LogEnd + super.FastCommitBlocks; number++)
        {
            block ??= new byte[super.BlockSize];
            log.Read(number, block);
            ReadOnlySpan<byte> rest = block;
            if (number == first && BinaryPrimitives.ReadUInt16LittleEndian(rest) != TagHead)
            {
                return;
            }

            while (rest.Length >= 4)
            {
                ushort tag = BinaryPrimitives.ReadUInt16LittleEndian(rest);
                int length = BinaryPrimitives.ReadUInt16LittleEndian(rest[2..]);
                if (tag is 0 or > TagHead || length > rest.Length - 4)
                {
                    return;
                }

                if (tag == TagHead && (length < 8 || BinaryPrimitives.ReadUInt32LittleEndian(rest[8..]) != expected))
                {
                    return;
                }

                if (tag == TagTail)
                {
                    bool complete = length >= 8
                        && BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]) == expected
                        && ExtChecksum.Crc32C(crc, rest[..8]) == BinaryPrimitives.ReadUInt32LittleEndian(rest[8..]);
                    if (complete)
                    {
                        throw JournalErrors.FastCommitPending(target);
                    }

                    return;
                }

                crc = ExtChecksum.Crc32C(crc, rest[..(4 + length)]);
                rest = rest[(4 + length)..];
            }
        }
    }
}
