using V2V.Storage;

namespace V2V.FileSystems.Ext.Journal;

/// <summary>The blocks of the journal file, numbered from 0, found through the map of its inode.</summary>
internal sealed class JournalBlocks
{
    private readonly BlockDevice _device;
    private readonly int _blockSize;
    private readonly (long LogicalBlock, long PhysicalBlock, int Count)[] _map;
    private readonly string? _target;

    public JournalBlocks(BlockDevice device, int blockSize, IReadOnlyList<(long LogicalBlock, long PhysicalBlock, int Count)> map, string? target)
    {
        _device = device;
        _blockSize = blockSize;
        _map = [.. map.OrderBy(extent => extent.LogicalBlock)];
        _target = target;
        Length = _map.Length == 0 ? 0 : _map[^1].LogicalBlock + _map[^1].Count;
    }

    /// <summary>Number of blocks.</summary>
    public long Length { get; }

    /// <summary>Reads from the start of a block.</summary>
    public void Read(long block, Span<byte> buffer) => _device.Read(Find(block), buffer);

    /// <summary>Writes from the start of a block.</summary>
    public void Write(long block, ReadOnlySpan<byte> buffer) => _device.Write(Find(block), buffer);

    private long Find(long block)
    {
        int low = 0;
        int high = _map.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            (long logical, long physical, int count) = _map[middle];
            if (block < logical)
            {
                high = middle - 1;
            }
            else if (block - logical >= count)
            {
                low = middle + 1;
            }
            else
            {
                long found = physical + (block - logical);
                return found >= 0 && found < _device.Length / _blockSize
                    ? found * _blockSize
                    : throw JournalErrors.Corrupt(FormattableString.Invariant($"Block {block} of the journal lies outside the volume."), _target);
            }
        }

        throw JournalErrors.Corrupt(FormattableString.Invariant($"Block {block} of the journal is not mapped."), _target);
    }
}

/// <summary>A position in the circular log. It ends after one round: no valid log is longer.</summary>
internal struct JournalCursor
{
    private readonly long _first;
    private readonly long _last;
    private long _left;

    public JournalCursor(JournalSuperblock super)
    {
        _first = super.First;
        _last = super.LogEnd;
        _left = _last - _first;
        Current = super.Start;
    }

    /// <summary>The block that comes next.</summary>
    public long Current { get; private set; }

    /// <summary>True when the whole log has been seen.</summary>
    public readonly bool IsExhausted => _left <= 0;

    /// <summary>Goes on by some blocks, from the end of the log to its start.</summary>
    public void Advance(int blocks)
    {
        _left -= blocks;
        Current = _first + ((Current - _first + blocks) % (_last - _first));
    }
}
