using System.Buffers.Binary;

namespace V2V.FileSystems.Xfs.Log;

/// <summary>A buffer item: which chunks of 128 bytes of a metadata buffer follow (xfs_buf_log_format).</summary>
internal readonly ref struct BufferItem
{
    public const int ChunkSize = 128;
    private const int MapOffset = 20;
    private const int TypeShift = 11;
    private const ushort InodeFlag = 1;
    private const ushort CancelFlag = 2;

    private readonly ReadOnlySpan<byte> _map;
    private readonly ushort _flags;

    public BufferItem(LogItem item)
    {
        ReadOnlySpan<byte> format = item.Format;
        if (format.Length < MapOffset)
        {
            throw LogErrors.Corrupt($"a buffer item is cut short");
        }

        _flags = BinaryPrimitives.ReadUInt16LittleEndian(format[4..]);
        Length = BinaryPrimitives.ReadUInt16LittleEndian(format[6..]);
        Address = BinaryPrimitives.ReadInt64LittleEndian(format[8..]);
        long map = BinaryPrimitives.ReadUInt32LittleEndian(format[16..]) * 4L;
        if (map > format.Length - MapOffset)
        {
            throw LogErrors.Corrupt($"the bitmap of a buffer item is cut short");
        }

        _map = format.Slice(MapOffset, (int)map);
    }

    /// <summary>First sector of 512 bytes in the volume.</summary>
    public long Address { get; }

    /// <summary>Sectors of 512 bytes.</summary>
    public int Length { get; }

    /// <summary>True if the buffer was freed: older changes of it are not replayed.</summary>
    public bool IsCancel => (_flags & CancelFlag) != 0;

    /// <summary>True if only the links of unlinked inodes count.</summary>
    public bool IsInodes => (_flags & InodeFlag) != 0;

    /// <summary>Bit 0 user, bit 1 project, bit 2 group quota.</summary>
    public int Quota => (_flags >> 2) & 7;

    public BufferType Type => (BufferType)(_flags >> TypeShift);

    /// <summary>The next run of changed chunks.</summary>
    /// <param name="chunk">Where to start to look; at return the chunk after the run.</param>
    /// <param name="first">First chunk of the run.</param>
    /// <param name="most">Most chunks to take.</param>
    /// <returns>Chunks in the run, or 0.</returns>
    public int NextRun(ref int chunk, out int first, int most = int.MaxValue)
    {
        int bits = _map.Length * 8;
        while (chunk < bits && !IsSet(chunk))
        {
            chunk++;
        }

        first = chunk;
        while (chunk < bits && chunk - first < most && IsSet(chunk))
        {
            chunk++;
        }

        return chunk - first;
    }

    private bool IsSet(int chunk) => (_map[chunk >> 3] & (1 << (chunk & 7))) != 0;
}
