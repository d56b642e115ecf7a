using System.Buffers.Binary;

namespace V2V.Registry.Logs;

/// <summary>
/// Logs of Windows 8.1 and later: entries "HvLE" at multiples of 512 bytes, each with its own sequence number, the ranges it changes, and two hashes
/// (of its head, and of everything from offset 40).
/// </summary>
internal static class LogEntries
{
    private const int HeadSize = 40;
    private const int HashedHead = 32;
    private const int Alignment = 512;
    private const int MaxEntry = 256 << 20;

    private sealed record Entry(uint Sequence, uint BinsSize, int Ranges, byte[] Bytes);

    public static HiveRecovery Apply(HivePages pages, BaseBlock block, IReadOnlyList<(Stream Stream, BaseBlock Block)> logs)
    {
        // Two logs are written in turn; what is older than the hive is left from before.
        Entry[] entries = [.. logs.SelectMany(l => Read(l.Stream, l.Block)).OrderBy(e => e.Sequence)];
        uint next = block.IsValid ? block.SecondarySequence : logs.Min(l => l.Block.SecondarySequence);
        int applied = 0, ranges = 0;
        foreach (Entry entry in entries.SkipWhile(e => e.Sequence < next))
        {
            if (applied > 0 && entry.Sequence != next)
            {
                break;
            }

            Apply(pages, entry);
            block.BinsSize = entry.BinsSize;
            next = entry.Sequence + 1;
            applied++;
            ranges += entry.Ranges;
        }

        if (applied == 0)
        {
            return new HiveRecovery(HiveState.Dirty, 0, 0, "the logs hold nothing that is newer than the hive.");
        }

        block.PrimarySequence = next;
        block.SecondarySequence = next;
        return new HiveRecovery(HiveState.Recovered, applied, ranges, "");
    }

    /// <summary>The entries of one log that follow each other; the first bad one ends it, as in Windows.</summary>
    private static IEnumerable<Entry> Read(Stream log, BaseBlock block)
    {
        uint expected = block.SecondarySequence;
        byte[] head = new byte[HeadSize];
        for (long offset = BaseBlock.Sector; offset + HeadSize <= log.Length; expected++)
        {
            log.Position = offset;
            log.ReadExactly(head);
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(4));
            if (!head.AsSpan().StartsWith("HvLE"u8) || size < HeadSize || size > MaxEntry || size % Alignment != 0 || size > log.Length - offset
                || BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(12)) != expected
                || Marvin32.Hash(head.AsSpan(0, HashedHead)) != BinaryPrimitives.ReadUInt64LittleEndian(head.AsSpan(HashedHead)))
            {
                yield break;
            }

            byte[] bytes = new byte[size];
            log.Position = offset;
            log.ReadExactly(bytes);
            if (Parse(bytes, expected) is not { } entry)
            {
                yield break;
            }

            yield return entry;
            offset += size;
        }
    }

    private static Entry? Parse(byte[] bytes, uint sequence)
    {
        uint binsSize = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(16));
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(20));
        if (binsSize == 0 || binsSize > int.MaxValue || binsSize % BaseBlock.Size != 0 || count > (bytes.Length - HeadSize) / 8
            || Marvin32.Hash(bytes.AsSpan(HeadSize)) != BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(24)))
        {
            return null;
        }

        long data = HeadSize + (8L * count);
        for (int i = 0; i < count; i++)
        {
            (uint offset, uint size) = Range(bytes, i);
            data += size;
            if (size == 0 || data > bytes.Length || (long)offset + size > binsSize)
            {
                return null;
            }
        }

        return new Entry(sequence, binsSize, (int)count, bytes);
    }

    private static void Apply(HivePages pages, Entry entry)
    {
        int data = HeadSize + (8 * entry.Ranges);
        for (int i = 0; i < entry.Ranges; i++)
        {
            (uint offset, uint size) = Range(entry.Bytes, i);
            pages.Write(BaseBlock.Size + (long)offset, entry.Bytes.AsSpan(data, (int)size));
            data += (int)size;
        }
    }

    private static (uint Offset, uint Size) Range(byte[] bytes, int index) => (
        BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(HeadSize + (8 * index))),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(HeadSize + (8 * index) + 4)));
}
