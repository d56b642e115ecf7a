using System.Buffers.Binary;
using V2V.Storage;

namespace V2V.FileSystems.Ext.Journal;

/// <summary>What a replay did.</summary>
/// <param name="Transactions">Complete transactions that were found.</param>
/// <param name="Blocks">Blocks that were written into the file system.</param>
/// <param name="RevokedBlocks">Blocks that were left out because a later transaction revoked them.</param>
/// <param name="HadError">
/// True if the journal recorded an error of the file system, or ended in a commit whose checksum is wrong: the file system is to be marked as
/// having errors, as e2fsck does.
/// </param>
internal readonly record struct JournalReplayResult(int Transactions, long Blocks, long RevokedBlocks, bool HadError);

/// <summary>
/// Replays the journal of ext3 and ext4 (jbd2, kernel documentation "ext4: Journal") into its file system: one pass finds the last complete
/// transaction, one collects the revoked blocks, one writes the rest. Then the journal is left empty. The caller
/// clears the needs_recovery flag of the superblock, which it has to read again: the replay may have written it.
/// </summary>
internal sealed class JournalReplay
{
    private const int TagFlagEscaped = 1;

    private readonly BlockDevice _device;
    private readonly JournalBlocks _log;
    private readonly JournalSuperblock _super;
    private readonly int _blockSize;
    private readonly string? _target;
    private readonly RevokeTable _revokes;
    private readonly byte[] _control;
    private readonly byte[] _data;
    private bool _hadError;

    private JournalReplay(BlockDevice device, JournalBlocks log, JournalSuperblock super, int blockSize, string? target)
    {
        _device = device;
        _log = log;
        _super = super;
        _blockSize = blockSize;
        _target = target;
        _revokes = new RevokeTable(target);
        _control = new byte[blockSize];
        _data = new byte[blockSize];
        _hadError = super.ErrorNumber != 0;
    }

    /// <summary>Replays a journal that lies inside the file system.</summary>
    /// <param name="device">The volume of the file system; must be writable.</param>
    /// <param name="blockSize">Block size of the file system in bytes.</param>
    /// <param name="map">Where the journal's blocks are, in blocks of <paramref name="device"/>: what inode 8 maps.</param>
    /// <param name="target">Name of the file system for errors.</param>
    /// <exception cref="V2VException"><c>ExtJournalCorrupt</c>, <c>ExtJournalUnsupported</c>, <c>ExtFastCommitPending</c>, <c>ExtJournalTooManyRevokes</c>.</exception>
    public static JournalReplayResult Replay(
        BlockDevice device, int blockSize, IReadOnlyList<(long LogicalBlock, long PhysicalBlock, int Count)> map, string? target = null)
    {
        var log = new JournalBlocks(device, blockSize, map, target);
        var super = JournalSuperblock.Read(log, blockSize, target);
        JournalReplayResult result = default;
        if (super.Start == 0)
        {
            super.WriteEmpty(super.Sequence + 1);
            return result with { HadError = super.ErrorNumber != 0 };
        }

        var replay = new JournalReplay(device, log, super, blockSize, target);
        return replay.Run();
    }

    private JournalReplayResult Run()
    {
        uint end = Scan();
        FastCommitArea.RefuseIfPending(_log, _super, end, _target);
        CollectRevokes(end);
        (long blocks, long revoked) = WriteBlocks(end);
        int transactions = (int)(end - _super.Sequence);
        _super.WriteEmpty(end + 1);
        _device.Flush();
        return new JournalReplayResult(transactions, blocks, revoked, _hadError);
    }

    /// <summary>Finds the first transaction that is not complete. What follows the last good commit is what a crash left behind.</summary>
    private uint Scan()
    {
        var cursor = new JournalCursor(_super);
        uint sequence = _super.Sequence;
        uint? failed = null;
        ulong lastCommitTime = 0;
        bool suspicious = false;
        uint crc = JournalChecksum.Start;
        while (TryReadControl(ref cursor, sequence, out JournalBlockType type))
        {
            switch (type)
            {
                case JournalBlockType.Descriptor:
                    suspicious |= !_super.HasValidTail(_control);
                    int tags = JournalTag.Count(_control, _super);
                    if (_super.HasChecksumV1 && failed is null)
                    {
                        crc = JournalChecksum.Crc32BigEndian(crc, _control);
                        crc = ChecksumData(ref cursor, tags, crc);
                    }
                    else
                    {
                        cursor.Advance(tags);
                    }

                    break;

                case JournalBlockType.Revoke:
                    suspicious |= !_super.HasValidTail(_control);
                    break;

                case JournalBlockType.Commit:
                    ulong commitTime = BinaryPrimitives.ReadUInt64BigEndian(_control.AsSpan(48));
                    if (suspicious)
                    {
                        // Older than what precedes it: a remnant of the log's previous round, and so the log's end.
                        return commitTime < lastCommitTime ? failed ?? sequence : throw Corrupt($"Transaction {sequence} of the journal has an invalid checksum.");
                    }

                    if (failed is not null && _super.HasChecksumV1)
                    {
                        _hadError = true;
                        return failed.Value;
                    }

                    if (!IsGoodCommit(crc))
                    {
                        if (commitTime < lastCommitTime)
                        {
                            return failed ?? sequence;
                        }

                        failed ??= sequence;
                        if (!_super.HasAsyncCommit)
                        {
                            _hadError = true;
                            return failed.Value;
                        }
                    }

                    crc = JournalChecksum.Start;
                    lastCommitTime = commitTime;
                    sequence++;
                    break;

                default:
                    return failed ?? sequence;
            }
        }

        return failed ?? sequence;
    }

    private void CollectRevokes(uint end)
    {
        var cursor = new JournalCursor(_super);
        uint sequence = _super.Sequence;
        while (sequence != end && TryReadControl(ref cursor, sequence, out JournalBlockType type))
        {
            switch (type)
            {
                case JournalBlockType.Descriptor:
                    cursor.Advance(JournalTag.Count(_control, _super));
                    break;
                case JournalBlockType.Revoke:
                    _revokes.AddBlock(_control, _super, sequence);
                    break;
                default:
                    sequence++;
                    break;
            }
        }
    }

    private (long Blocks, long Revoked) WriteBlocks(uint end)
    {
        long blocks = 0;
        long revoked = 0;
        long deviceBlocks = _device.Length / _blockSize;
        var cursor = new JournalCursor(_super);
        uint sequence = _super.Sequence;
        while (sequence != end)
        {
            if (!TryReadControl(ref cursor, sequence, out JournalBlockType type))
            {
                throw Corrupt($"The passes over the journal end in different places.");
            }

            if (type == JournalBlockType.Commit)
            {
                sequence++;
            }

            if (type != JournalBlockType.Descriptor)
            {
                continue;
            }

            int position = JournalTag.First;
            while (JournalTag.TryRead(_control, _super, ref position, out JournalTag tag))
            {
                long source = cursor.Current;
                cursor.Advance(1);
                if (_revokes.IsRevoked(tag.Block, sequence))
                {
                    revoked++;
                    continue;
                }

                if (tag.Block >= (ulong)deviceBlocks)
                {
                    throw Corrupt($"The journal holds block {tag.Block} of a file system of {deviceBlocks} blocks.");
                }

                _log.Read(source, _data);
                if (!_super.HasValidData(tag, _data, sequence))
                {
                    throw Corrupt($"The journal's copy of block {tag.Block} has an invalid checksum.");
                }

                if ((tag.Flags & TagFlagEscaped) != 0)
                {
                    BinaryPrimitives.WriteUInt32BigEndian(_data, JournalSuperblock.Magic);
                }

                _device.Write((long)tag.Block * _blockSize, _data);
                blocks++;
            }
        }

        return (blocks, revoked);
    }

    /// <summary>Reads the log's next block, if it is a control block of the transaction that is expected.</summary>
    private bool TryReadControl(ref JournalCursor cursor, uint sequence, out JournalBlockType type)
    {
        type = default;
        if (cursor.IsExhausted)
        {
            return false;
        }

        _log.Read(cursor.Current, _control);
        cursor.Advance(1);
        type = (JournalBlockType)BinaryPrimitives.ReadUInt32BigEndian(_control.AsSpan(4));
        return BinaryPrimitives.ReadUInt32BigEndian(_control) == JournalSuperblock.Magic
            && BinaryPrimitives.ReadUInt32BigEndian(_control.AsSpan(8)) == sequence
            && type is JournalBlockType.Descriptor or JournalBlockType.Commit or JournalBlockType.Revoke;
    }

    private uint ChecksumData(ref JournalCursor cursor, int tags, uint crc)
    {
        for (int i = 0; i < tags && !cursor.IsExhausted; i++)
        {
            _log.Read(cursor.Current, _data);
            crc = JournalChecksum.Crc32BigEndian(crc, _data);
            cursor.Advance(1);
        }

        return crc;
    }

    /// <summary>True if the commit block in <see cref="_control"/> confirms its transaction.</summary>
    private bool IsGoodCommit(uint crc)
    {
        if (!_super.HasChecksumV1)
        {
            return _super.HasValidCommit(_control, _data);
        }

        uint stored = BinaryPrimitives.ReadUInt32BigEndian(_control.AsSpan(16));
        (byte type, byte size) = (_control[12], _control[13]);
        return (stored == crc && type == 1 && size == 4) || (stored == 0 && type == 0 && size == 0);
    }

    private V2VException Corrupt(FormattableString message) => JournalErrors.Corrupt(FormattableString.Invariant(message), _target);
}

/// <summary>Type of a control block in the log.</summary>
internal enum JournalBlockType : uint
{
    /// <summary>Names the file system's blocks whose new contents follow.</summary>
    Descriptor = 1,

    /// <summary>Ends a transaction.</summary>
    Commit = 2,

    /// <summary>Names blocks whose older copies in the log must not be replayed.</summary>
    Revoke = 5,
}
