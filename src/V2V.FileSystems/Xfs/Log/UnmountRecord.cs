using System.Buffers.Binary;

namespace V2V.FileSystems.Xfs.Log;

/// <summary>
/// Makes the log clean: a record that says "unmounted" at its head. Nothing that was replayed has to stay, and no log sequence number
/// in the metadata exceeds that of the record.
/// </summary>
internal static class UnmountRecord
{
    private const byte ClientLog = 0xAA;
    private const byte UnmountFlag = 0x20;
    private const ushort Signature = 0x556E;
    private const int BodySize = 8;

    /// <summary>Bytes of the largest content that the header speaks of.</summary>
    private const int StatedSize = 32 << 10;

    /// <summary>Writes the record.</summary>
    /// <returns>Its log sequence number.</returns>
    public static ulong Write(LogBlocks log, LogPosition position)
    {
        int blocks = Math.Max(2, log.RoundOff);
        int size = Math.Max(StatedSize, (blocks - 1) * LogBlocks.BlockSize);
        if (log.IsV2 && size > StatedSize)
        {
            // More header blocks leave less for the content: what matters is that both together fill the stripe unit.
            size = (size + StatedSize - 1) / StatedSize * StatedSize;
        }

        int headerBlocks = log.IsV2 ? (size + StatedSize - 1) / StatedSize : 1;
        int length = (blocks - headerBlocks) * LogBlocks.BlockSize;
        int end = position.Head + blocks;
        uint endCycle = position.Cycle + (end >= log.Count ? 1u : 0);
        var search = new StaleBlocks(log, position);
        search.Clear(log.Wrap(end), endCycle, blocks);

        var record = new byte[blocks * LogBlocks.BlockSize];
        ulong lsn = ((ulong)position.Cycle << 32) | (uint)position.Head;
        WriteHeader(record, log, position.Cycle, lsn, lsn);
        Be.Set32(record, 12, (uint)length);
        Be.Set32(record, 36, (uint)position.LastRecord);
        Be.Set32(record, 40, 1);
        Be.Set32(record, 320, log.IsV2 ? (uint)size : 0);

        Span<byte> operation = record.AsSpan(headerBlocks * LogBlocks.BlockSize);
        Be.Set32(operation, 0, 0xB0C0D0D0);
        Be.Set32(operation, 4, BodySize);
        operation[8] = ClientLog;
        operation[9] = UnmountFlag;
        BinaryPrimitives.WriteUInt16LittleEndian(operation[12..], Signature);
        Pack(record, headerBlocks, position.Cycle);

        // Past the end of the ring a new cycle begins, in header extensions and content alike.
        for (int i = log.Count - position.Head; i < blocks; i++)
        {
            Be.Set32(record, i * LogBlocks.BlockSize, position.Cycle + 1);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(
            record.AsSpan(RecordHeader.CrcOffset), RecordChecksum.Compute(record, RecordHeader.ChecksumSize, headerBlocks, length));
        log.Write(position.Head, record);
        return lsn;
    }

    /// <summary>The fields that every header has.</summary>
    public static void WriteHeader(Span<byte> block, LogBlocks log, uint cycle, ulong lsn, ulong tail)
    {
        Be.Set32(block, 0, LogBlocks.Magic);
        Be.Set32(block, 4, cycle);
        Be.Set32(block, 8, log.IsV2 ? 2u : 1);
        Be.Set64(block, 16, lsn);
        Be.Set64(block, 24, tail);
        Be.Set32(block, 300, RecordHeader.LittleEndian);
        log.Uuid.CopyTo(block[RecordHeader.UuidOffset..]);
    }

    /// <summary>Moves the first word of each block of content into the header and puts the cycle in its place.</summary>
    private static void Pack(Span<byte> record, int headerBlocks, uint cycle)
    {
        const int Words = StatedSize / LogBlocks.BlockSize;
        int blocks = (record.Length / LogBlocks.BlockSize) - headerBlocks;
        for (int i = 0; i < blocks; i++)
        {
            Span<byte> word = record.Slice((headerBlocks + i) * LogBlocks.BlockSize, 4);
            int saved = i < Words ? RecordHeader.CycleData + (i * 4) : (i / Words * LogBlocks.BlockSize) + 4 + (i % Words * 4);
            word.CopyTo(record[saved..]);
            Be.Set32(word, 0, cycle);
        }

        for (int i = 1; i < headerBlocks; i++)
        {
            Be.Set32(record, i * LogBlocks.BlockSize, cycle);
        }
    }
}
