using V2V.Storage;

namespace V2V.FileSystems.Xfs.Log;

/// <summary>
/// The internal log as a ring of basic blocks of 512 bytes ("Journaling Log" of the XFS documentation). The first word of every block
/// holds the cycle: how often the log had gone round when the block was written.
/// </summary>
internal sealed class LogBlocks
{
    /// <summary>Bytes of a basic block.</summary>
    public const int BlockSize = 512;

    public const uint Magic = 0xFEEDBABE;

    /// <summary>Blocks that are read at once when the log is searched.</summary>
    public const int Step = 256;

    private const long MaximumBytes = 1L << 31;
    private const int MinimumBlocks = 512;

    private readonly BlockDevice _device;
    private readonly long _start;

    public LogBlocks(BlockDevice device, XfsSuperblock super)
    {
        long bytes = (long)super.LogBlocks << super.BlockLog;
        if (super.LogStart == 0 || bytes > MaximumBytes || bytes < MinimumBlocks * BlockSize)
        {
            throw LogErrors.Corrupt($"its size of {bytes} bytes is out of range");
        }

        _device = device;
        _start = super.OffsetOf(super.LogStart);
        Count = (int)(bytes / BlockSize);
        IsV2 = super.IsV5 || (super.Version & XfsVersion.LogV2) != 0;
        Uuid = super.UuidBytes.ToArray();
        RoundOff = IsV2 && super.LogStripeUnit > BlockSize ? (int)Math.Min(super.LogStripeUnit, 256 << 10) / BlockSize : 1;
    }

    /// <summary>Number of basic blocks.</summary>
    public int Count { get; }

    /// <summary>True for version 2: larger records and stripe units.</summary>
    public bool IsV2 { get; }

    /// <summary>UUID of the file system, which is in every record.</summary>
    public byte[] Uuid { get; }

    /// <summary>Basic blocks that a record is padded to.</summary>
    public int RoundOff { get; }

    /// <summary>Basic blocks that can be on their way to the disk at once: eight of the largest records.</summary>
    public int MaximumInFlight => 8 * MaximumRecord;

    /// <summary>Basic blocks of the largest record's content.</summary>
    public int MaximumRecord => (IsV2 ? 256 << 10 : 32 << 10) / BlockSize;

    /// <summary>The cycle that a block was written in. Where a record begins, the magic number takes the first word, and the cycle the second.</summary>
    public static uint CycleOf(ReadOnlySpan<byte> block) => Be.U32(block, 0) == Magic ? Be.U32(block, 4) : Be.U32(block, 0);

    /// <summary>Reads whole blocks, past the end of the ring if need be.</summary>
    public void Read(int block, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int step = (int)Math.Min(buffer.Length, (long)(Count - block) * BlockSize);
            _device.Read(_start + ((long)block * BlockSize), buffer[..step]);
            buffer = buffer[step..];
            block = 0;
        }
    }

    /// <summary>Writes whole blocks, past the end of the ring if need be.</summary>
    public void Write(int block, ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int step = (int)Math.Min(buffer.Length, (long)(Count - block) * BlockSize);
            _device.Write(_start + ((long)block * BlockSize), buffer[..step]);
            buffer = buffer[step..];
            block = 0;
        }
    }

    public uint ReadCycle(int block)
    {
        Span<byte> raw = stackalloc byte[BlockSize];
        Read(block, raw);
        return CycleOf(raw);
    }

    /// <summary>The block that is a number of blocks after another.</summary>
    public int Wrap(long block) => (int)(block % Count);

    /// <summary>Blocks from one place forward to another; the whole ring if they are the same.</summary>
    public int Distance(int from, int to) => to > from ? to - from : Count - from + to;
}
