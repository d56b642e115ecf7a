using V2V.Storage;

namespace V2V.Registry;

/// <summary>
/// The bytes of a hive, read a page at a time when they are needed and kept when they change, so that a few lookups in a hive of a hundred
/// megabytes read a few pages of it.
/// </summary>
internal sealed class HivePages(Stream stream, string name)
{
    /// <summary>Bytes of a page.</summary>
    public const int PageSize = 16384;

    /// <summary>Unchanged pages that are kept: 32 MiB.</summary>
    private const int MaxCleanPages = 2048;

    private readonly Dictionary<long, byte[]> _clean = [];
    private readonly SortedDictionary<long, byte[]> _dirty = [];
    private readonly long _storedLength = stream.Length;

    /// <summary>Length in bytes, with what was added.</summary>
    public long Length { get; private set; } = stream.Length;

    /// <summary>True if something was written.</summary>
    public bool IsChanged => _dirty.Count > 0;

    /// <summary>Name of the hive, for errors.</summary>
    public string Name => name;

    /// <summary>Fills a buffer.</summary>
    /// <exception cref="V2VException"><c>HiveTruncated</c>.</exception>
    public void Read(long offset, Span<byte> buffer)
    {
        if (offset < 0 || offset > Length - buffer.Length)
        {
            throw HiveErrors.Truncated(offset + buffer.Length, name);
        }

        while (buffer.Length > 0)
        {
            int start = (int)(offset % PageSize);
            int count = Math.Min(buffer.Length, PageSize - start);
            Page(offset / PageSize).AsSpan(start, count).CopyTo(buffer);
            buffer = buffer[count..];
            offset += count;
        }
    }

    /// <summary>Writes; the hive grows if the range lies behind its end.</summary>
    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        Length = Math.Max(Length, offset + data.Length);
        while (data.Length > 0)
        {
            long index = offset / PageSize;
            int start = (int)(offset % PageSize);
            int count = Math.Min(data.Length, PageSize - start);
            if (!_dirty.TryGetValue(index, out byte[]? page))
            {
                page = Page(index);
                _clean.Remove(index);
                _dirty.Add(index, page);
            }

            data[..count].CopyTo(page.AsSpan(start));
            data = data[count..];
            offset += count;
        }
    }

    /// <summary>Gives every changed range, in ascending order.</summary>
    public void ForEachChange(Action<long, ReadOnlyMemory<byte>> write)
    {
        foreach ((long index, byte[] page) in _dirty)
        {
            write(index * PageSize, page.AsMemory(0, (int)Math.Min(PageSize, Length - (index * PageSize))));
        }
    }

    private byte[] Page(long index)
    {
        if (_dirty.TryGetValue(index, out byte[]? page) || _clean.TryGetValue(index, out page))
        {
            return page;
        }

        page = new byte[PageSize];
        long offset = index * PageSize;
        if (offset < _storedLength)
        {
            stream.Position = offset;
            int wanted = (int)Math.Min(PageSize, _storedLength - offset);
            if (stream.ReadAtLeast(page.AsSpan(0, wanted), wanted, throwOnEndOfStream: false) < wanted)
            {
                throw HiveErrors.Truncated(offset + wanted, name);
            }
        }

        if (_clean.Count >= MaxCleanPages)
        {
            _clean.Clear();
        }

        _clean.Add(index, page);
        return page;
    }
}
