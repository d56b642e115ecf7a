using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>
/// Reads a file that the Windows overlay filter (WOF, "CompactOS") compressed: the stream <c>WofCompressedData</c> holds a table with the
/// end of each chunk but the last, then the chunks.
/// </summary>
internal sealed class OverlayReader : ContentReader
{
    public const string StreamName = "WofCompressedData";

    private const int InfoSize = 16;

    private readonly ContentReader _source;
    private readonly ChunkDecoder _decoder;
    private readonly long _length;
    private readonly long _sourceLength;
    private readonly byte[] _chunk;
    private readonly byte[] _stored;
    private readonly int _entrySize;
    private readonly long _chunkCount;
    private long _current = -1;

    /// <summary>Opens the compressed stream of a file.</summary>
    /// <param name="volume">The volume.</param>
    /// <param name="file">The file.</param>
    /// <param name="info">Data of the reparse point: WOF_EXTERNAL_INFO and FILE_PROVIDER_EXTERNAL_INFO.</param>
    /// <param name="path">For messages.</param>
    public OverlayReader(NtfsVolume volume, FileRecord file, ReadOnlySpan<byte> info, string path)
    {
        if (info.Length < InfoSize)
        {
            throw NtfsErrors.Reparse("it says too little of its compression");
        }

        uint provider = ReadUInt32LittleEndian(info[4..]);
        uint algorithm = ReadUInt32LittleEndian(info[12..]);
        if (ReadUInt32LittleEndian(info) != 1 || provider != 2 || ReadUInt32LittleEndian(info[8..]) != 1)
        {
            throw NtfsErrors.ReparseUnsupported(path, provider == 1 ? "WOF with a WIM archive" : "WOF of an unknown version");
        }

        int chunkSize = algorithm switch { 0 => 4096, 1 => 32768, 2 => 8192, 3 => 16384, _ => throw NtfsErrors.ReparseUnsupported(path, "WOF with an unknown compression") };
        _decoder = algorithm == 1 ? new LzxDecoder() : new XpressDecoder();
        NtfsAttribute attribute = file.Get(AttributeType.Data, StreamName);
        _source = attribute.IsCompressed ? new CompressionUnitReader(volume, attribute) : new PlainReader(volume, attribute);
        _sourceLength = attribute.Length;
        _length = file.Get(AttributeType.Data).Length;
        _chunk = new byte[chunkSize];
        _stored = new byte[chunkSize];
        _entrySize = _length > uint.MaxValue ? 8 : 4;
        _chunkCount = (_length + chunkSize - 1) / chunkSize;
        if (_chunkCount > 0 && (_chunkCount - 1) > _sourceLength / _entrySize)
        {
            throw NtfsErrors.Compressed("its table of chunks is cut off");
        }
    }

    public override void Read(long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            long number = offset / _chunk.Length;
            if (number != _current)
            {
                _current = -1;
                Load(number);
                _current = number;
            }

            int within = (int)(offset % _chunk.Length);
            int step = Math.Min(buffer.Length, _chunk.Length - within);
            _chunk.AsSpan(within, step).CopyTo(buffer);
            buffer = buffer[step..];
            offset += step;
        }
    }

    private void Load(long number)
    {
        long table = (_chunkCount - 1) * _entrySize;
        long start = number == 0 ? 0 : Entry(number - 1);
        long end = number == _chunkCount - 1 ? _sourceLength - table : Entry(number);
        int size = (int)Math.Min(_chunk.Length, _length - (number * _chunk.Length));
        if (start < 0 || end <= start || end > _sourceLength - table || end - start > size)
        {
            throw NtfsErrors.Compressed("its table of chunks contradicts itself");
        }

        Span<byte> stored = _stored.AsSpan(0, (int)(end - start));
        _source.Read(table + start, stored);
        if (stored.Length == size)
        {
            stored.CopyTo(_chunk);
        }
        else
        {
            _decoder.Decompress(stored, _chunk.AsSpan(0, size));
        }
    }

    private long Entry(long index)
    {
        Span<byte> entry = stackalloc byte[8];
        entry.Clear();
        _source.Read(index * _entrySize, entry[.._entrySize]);
        return ReadInt64LittleEndian(entry);
    }
}
