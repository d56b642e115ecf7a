namespace V2V.FileSystems.Xfs.Log;

/// <summary>Walks over the records between two places of the log. One record is in memory at a time.</summary>
internal sealed class RecordReader(LogBlocks log)
{
    private readonly byte[] _raw = new byte[(256 << 10) + (8 * LogBlocks.BlockSize)];
    private int _block;
    private int _left;
    private int _headerBlocks;

    /// <summary>Header of the current record.</summary>
    public RecordHeader Header { get; private set; }

    /// <summary>Block at which the current record begins; after a failed <see cref="TryNext"/> that of the bad record.</summary>
    public int Block { get; private set; }

    /// <summary>Content of the current record as it is on disk, or after <see cref="Unpack"/> as it was written.</summary>
    public Span<byte> Content => _raw.AsSpan(_headerBlocks * LogBlocks.BlockSize, Header.Length);

    /// <summary>Starts at a record.</summary>
    /// <param name="from">Block of the first record.</param>
    /// <param name="to">Block after the last record; if it is <paramref name="from"/>, there is none.</param>
    public void Start(int from, int to)
    {
        _block = from;
        _left = from == to ? 0 : log.Distance(from, to);
    }

    /// <summary>True if there is a further record.</summary>
    public bool HasMore => _left > 0;

    /// <summary>Reads the next record; false if there is none that is whole.</summary>
    public bool TryNext()
    {
        Block = _block;
        log.Read(_block, _raw.AsSpan(0, LogBlocks.BlockSize));
        if (!RecordHeader.HasMagic(_raw))
        {
            return false;
        }

        Header = RecordHeader.Read(_raw);
        _headerBlocks = Header.HeaderBlocks(log);
        int blocks = _headerBlocks + Header.ContentBlocks;
        if (!Header.IsValid(log) || blocks > _left)
        {
            return false;
        }

        log.Read(log.Wrap(_block + 1), _raw.AsSpan(LogBlocks.BlockSize, (blocks - 1) * LogBlocks.BlockSize));
        _block = log.Wrap((long)_block + blocks);
        _left -= blocks;
        return true;
    }

    /// <summary>True if the checksum is right, or (version 4 and mkfs) there is none.</summary>
    public bool HasValidChecksum(bool required) =>
        Header.Crc == 0 ? !required || Checksum(RecordHeader.ChecksumSize) == 0 : Checksum(RecordHeader.ChecksumSize) == Header.Crc || Checksum(RecordHeader.ChecksumSizeI386) == Header.Crc;

    /// <summary>Puts the words back that had to make room for cycle numbers.</summary>
    public void Unpack()
    {
        const int Words = RecordHeader.CycleSpan / LogBlocks.BlockSize;
        Span<byte> content = Content;
        for (int i = 0; i < Header.ContentBlocks && content.Length - (i * LogBlocks.BlockSize) >= 4; i++)
        {
            if (i >= Words * _headerBlocks)
            {
                throw LogErrors.Corrupt($"the record at block {Block} has more content than its header has room for");
            }

            int source = i < Words ? RecordHeader.CycleData + (i * 4) : (i / Words * LogBlocks.BlockSize) + 4 + (i % Words * 4);
            _raw.AsSpan(source, 4).CopyTo(content[(i * LogBlocks.BlockSize)..]);
        }
    }

    private uint Checksum(int headerSize) => RecordChecksum.Compute(_raw, headerSize, _headerBlocks, Header.Length);
}
