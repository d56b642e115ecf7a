using System.Buffers.Binary;

namespace V2V.Core.Inspection.Packages.Rpm;

/// <summary>
/// <c>rpmdb.sqlite</c>: the blobs of its table Packages, in the order of their numbers (SQLite's "Database File Format",
/// sections 1 and 2). The bytes are a guest's, so that they are not given to a native library; and of each blob, which is mostly
/// lists of files, only the pages that are asked for are read.
/// </summary>
internal sealed class SqlitePackages
{
    private const int MaxDepth = 32;
    private const byte InteriorTable = 5, LeafTable = 13;

    private readonly DatabaseFile _file;
    private readonly DatabaseFile? _log;
    private readonly Dictionary<uint, long> _logged = [];
    private readonly int _pageSize;
    private readonly int _usable;

    private SqlitePackages(DatabaseFile file, DatabaseFile? log)
    {
        (_file, _log) = (file, log);
        byte[] header = new byte[100];
        file.Read(0, header);
        int pageSize = BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(16));
        _pageSize = pageSize == 1 ? 65536 : pageSize;
        _usable = _pageSize - header[20];
        if (!header.AsSpan().StartsWith("SQLite format 3\0"u8) || _pageSize < 512 || !int.IsPow2(_pageSize) || _usable < 480)
        {
            throw RpmErrors.Invalid(file.Path, "it is not a SQLite database");
        }

        if (log is not null)
        {
            _logged = SqliteWal.ReadPages(log, _pageSize);
        }
    }

    /// <summary>The packages' headers.</summary>
    /// <param name="file">The database.</param>
    /// <param name="log">Its write-ahead log, or null.</param>
    internal static IEnumerable<Stream> Records(DatabaseFile file, DatabaseFile? log)
    {
        var database = new SqlitePackages(file, log);
        foreach (RecordStream row in database.Rows(database.FindTable()))
        {
            if (database.OpenBlob(row) is { } blob)
            {
                yield return blob;
            }
        }
    }

    /// <summary>The root page of the table Packages, from sqlite_schema (type, name, tbl_name, rootpage, sql) on page 1.</summary>
    private uint FindTable()
    {
        foreach (RecordStream row in Rows(1))
        {
            byte[] record = new byte[Math.Min(row.Length, 4096)];
            row.ReadExactly(record);
            ReadOnlySpan<byte> header = record;
            long headerLength = Varint(ref header);
            long type = Varint(ref header), name = Varint(ref header), table = Varint(ref header), page = Varint(ref header);
            ReadOnlySpan<byte> values = record.AsSpan((int)Math.Clamp(headerLength, 0, record.Length));
            if (Take(ref values, type).SequenceEqual("table"u8) && Take(ref values, name).SequenceEqual("Packages"u8))
            {
                Take(ref values, table);
                long root = 0;
                foreach (byte b in Take(ref values, page))
                {
                    root = (root << 8) | b;
                }

                return root is > 0 and <= uint.MaxValue ? (uint)root : throw RpmErrors.Invalid(_file.Path, "its table Packages has no pages");
            }
        }

        throw RpmErrors.Invalid(_file.Path, "it has no table Packages");
    }

    /// <summary>The records of a table's b-tree.</summary>
    private IEnumerable<RecordStream> Rows(uint root)
    {
        var seen = new HashSet<uint> { root };
        var path = new Stack<(byte[] Page, int Header, int Next)>();
        path.Push(Open(root));
        while (path.TryPop(out (byte[] Page, int Header, int Next) at))
        {
            bool isLeaf = at.Page[at.Header] == LeafTable;
            int cells = BinaryPrimitives.ReadUInt16BigEndian(at.Page.AsSpan(at.Header + 3));
            if (isLeaf)
            {
                for (int cell = 0; cell < cells; cell++)
                {
                    yield return OpenRow(at.Page, CellAt(at.Page, at.Header + 8 + (cell * 2)));
                }

                continue;
            }

            if (at.Next > cells)
            {
                continue;
            }

            path.Push((at.Page, at.Header, at.Next + 1));
            int pointer = at.Next == cells ? at.Header + 8 : CellAt(at.Page, at.Header + 12 + (at.Next * 2));
            uint child = BinaryPrimitives.ReadUInt32BigEndian(at.Page.AsSpan(Math.Min(pointer, _usable - 4)));
            if (!seen.Add(child) || path.Count > MaxDepth)
            {
                throw RpmErrors.Invalid(_file.Path, "its pages refer to each other in a circle");
            }

            path.Push(Open(child));
        }
    }

    private (byte[] Page, int Header, int Next) Open(uint number)
    {
        byte[] page = new byte[_pageSize];
        ReadPage(number, page);
        int header = number == 1 ? 100 : 0;
        return page[header] is LeafTable or InteriorTable
            ? (page, header, 0)
            : throw RpmErrors.Invalid(_file.Path, FormattableString.Invariant($"page {number} is not a table's"));
    }

    private int CellAt(byte[] page, int pointer)
    {
        int cell = pointer + 2 <= _usable ? BinaryPrimitives.ReadUInt16BigEndian(page.AsSpan(pointer)) : 0;
        return cell is > 0 && cell < _usable ? cell : throw RpmErrors.Invalid(_file.Path, "a cell lies outside of its page");
    }

    /// <summary>A cell of a leaf: length of the record, row number, the record's beginning, the page on which it goes on.</summary>
    private RecordStream OpenRow(byte[] page, int cell)
    {
        ReadOnlySpan<byte> rest = page.AsSpan(cell, _usable - cell);
        long length = Varint(ref rest);
        Varint(ref rest);
        int at = _usable - rest.Length;
        int most = _usable - 35, least = ((_usable - 12) * 32 / 255) - 23;
        long local = length <= most ? length : least + ((length - least) % (_usable - 4));
        local = local > most ? least : local;
        bool overflows = local < length;
        if (length < 0 || at + local + (overflows ? 4 : 0) > _usable)
        {
            throw RpmErrors.Invalid(_file.Path, "a record lies outside of its page");
        }

        uint next = overflows ? BinaryPrimitives.ReadUInt32BigEndian(page.AsSpan(at + (int)local)) : 0;
        bool isFirst = true;
        byte[]? overflow = null;
        return new RecordStream(length, () =>
        {
            if (isFirst)
            {
                isFirst = false;
                return page.AsMemory(at, (int)local);
            }

            overflow ??= new byte[_pageSize];
            ReadPage(next, overflow);
            next = BinaryPrimitives.ReadUInt32BigEndian(overflow);
            return overflow.AsMemory(4, _usable - 4);
        });
    }

    /// <summary>The blob of a row of Packages (hnum INTEGER PRIMARY KEY, blob BLOB): the key is the row's number, so it is stored as null.</summary>
    private RecordStream? OpenBlob(RecordStream row)
    {
        byte[] header = new byte[(int)Math.Min(row.Length, 32)];
        row.ReadExactly(header);
        ReadOnlySpan<byte> rest = header;
        long headerLength = Varint(ref rest);
        long key = Varint(ref rest), type = Varint(ref rest);
        long length = (type - 12) / 2;
        if (key != 0 || type < 12 || headerLength < 3 || headerLength > header.Length || length > row.Length - headerLength)
        {
            return null;
        }

        ReadOnlyMemory<byte> first = header.AsMemory((int)headerLength);
        byte[] piece = new byte[_pageSize];
        return new RecordStream(length, () =>
        {
            if (!first.IsEmpty)
            {
                ReadOnlyMemory<byte> head = first;
                first = default;
                return head;
            }

            return piece.AsMemory(0, row.Read(piece));
        });
    }

    private void ReadPage(uint number, Span<byte> page)
    {
        if (_logged.TryGetValue(number, out long offset))
        {
            _log!.Read(offset, page);
            return;
        }

        if (number == 0)
        {
            throw RpmErrors.Invalid(_file.Path, "a chain of pages ends too early");
        }

        _file.Read((number - 1L) * _pageSize, page);
    }

    /// <summary>A value of the given serial type: blob or text by its length, integers as their big-endian bytes.</summary>
    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> values, long type)
    {
        long length = type switch
        {
            >= 12 => (type - 12) / 2,
            >= 0 and <= 4 => type,
            5 => 6,
            6 or 7 => 8,
            _ => 0,
        };
        int step = (int)Math.Min(length, values.Length);
        ReadOnlySpan<byte> value = values[..step];
        values = values[step..];
        return value;
    }

    private static long Varint(ref ReadOnlySpan<byte> from)
    {
        long value = 0;
        int at = 0;
        while (at < from.Length && at < 8)
        {
            byte b = from[at++];
            value = (value << 7) | (b & 0x7FL);
            if (b < 0x80)
            {
                from = from[at..];
                return value;
            }
        }

        if (at < from.Length)
        {
            value = (value << 8) | from[at++];
        }

        from = from[at..];
        return value;
    }
}
