using System.Buffers.Binary;
using V2V.Storage;

namespace V2V.FileSystems.Ext.Journal;

/// <summary>Blocks whose copies in the log are void up to some transaction, because the file system freed and reused them.</summary>
internal sealed class RevokeTable(string? target)
{
    /// <summary>More than any real journal holds; a bound on memory.</summary>
    private const int MaximumRecords = 1 << 22;

    private readonly Dictionary<ulong, uint> _records = [];

    /// <summary>Adds the records of a revoke block.</summary>
    public void AddBlock(ReadOnlySpan<byte> block, JournalSuperblock super, uint sequence)
    {
        uint used = BinaryPrimitives.ReadUInt32BigEndian(block[12..]);
        if (used > block.Length - super.TailSize)
        {
            throw JournalErrors.Corrupt(FormattableString.Invariant($"A revoke block of the journal claims {used} bytes."), target);
        }

        int size = super.Is64Bit ? 8 : 4;
        for (int at = 16; at + size <= used; at += size)
        {
            ulong number = size == 8 ? BinaryPrimitives.ReadUInt64BigEndian(block[at..]) : BinaryPrimitives.ReadUInt32BigEndian(block[at..]);
            if (!_records.TryGetValue(number, out uint known) || IsLater(sequence, known))
            {
                _records[number] = sequence;
            }
        }

        if (_records.Count > MaximumRecords)
        {
            throw new V2VException(
                "ExtJournalTooManyRevokes",
                V2VErrorKind.Limit,
                FormattableString.Invariant($"The journal revokes more than {MaximumRecords} blocks."),
                target,
                "Boot the guest once and shut it down cleanly, or run e2fsck on the file system.");
        }
    }

    /// <summary>True if the copy of a block in this transaction must not be replayed.</summary>
    public bool IsRevoked(ulong block, uint sequence) => _records.TryGetValue(block, out uint until) && !IsLater(sequence, until);

    /// <summary>Sequence numbers wrap around.</summary>
    private static bool IsLater(uint left, uint right) => (int)(left - right) > 0;
}
