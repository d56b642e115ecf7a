namespace V2V.Storage.Qcow2;

/// <summary>
/// L2 tables and refcount blocks in memory, each one cluster, least recently used ones leave first, changed ones are written when
/// they leave. Not thread-safe: the image's lock protects it. A table is valid until the next call of <see cref="Get"/> or <see cref="Add"/>
/// but for the last few, so a change is made at once.
/// </summary>
internal sealed class Qcow2TableCache(BlockDevice file, int clusterSize, string name)
{
    private const int MemoryLimit = 16 << 20;
    private const int MinimumTables = 16;

    private readonly int _maximumTables = Math.Max(MinimumTables, MemoryLimit / clusterSize);
    private readonly Dictionary<long, LinkedListNode<Table>> _tables = [];
    private readonly LinkedList<Table> _byUse = new();

    /// <summary>The table at a host offset.</summary>
    public byte[] Get(long offset)
    {
        if (_tables.TryGetValue(offset, out LinkedListNode<Table>? node))
        {
            if (node != _byUse.First)
            {
                _byUse.Remove(node);
                _byUse.AddFirst(node);
            }

            return node.Value.Bytes;
        }

        if (offset <= 0 || offset % clusterSize != 0 || offset > file.Length - clusterSize)
        {
            throw V2VException.Corrupt("Qcow2TableInvalid", FormattableString.Invariant($"A table at byte {offset} of the qcow2 image lies outside the file."), name);
        }

        byte[] bytes = Make(offset, isDirty: false);
        try
        {
            file.Read(offset, bytes);
        }
        catch
        {
            Drop(offset);
            throw;
        }

        return bytes;
    }

    /// <summary>A new table of zeroes at a host offset.</summary>
    public byte[] Add(long offset)
    {
        Drop(offset);
        return Make(offset, isDirty: true);
    }

    /// <summary>Says that the table at an offset, just fetched, is being changed.</summary>
    public void MarkDirty(long offset) => _tables[offset].Value.IsDirty = true;

    /// <summary>Forgets a table whose cluster was freed.</summary>
    public void Drop(long offset)
    {
        if (_tables.Remove(offset, out LinkedListNode<Table>? node))
        {
            _byUse.Remove(node);
        }
    }

    /// <summary>Writes every changed table.</summary>
    public void Flush()
    {
        foreach (Table table in _byUse.Where(t => t.IsDirty).OrderBy(t => t.Offset).ToArray())
        {
            Save(table);
        }
    }

    private byte[] Make(long offset, bool isDirty)
    {
        byte[]? recycled = null;
        if (_tables.Count >= _maximumTables)
        {
            Table oldest = _byUse.Last!.Value;
            Save(oldest);
            Drop(oldest.Offset);
            recycled = oldest.Bytes;
            recycled.AsSpan().Clear();
        }

        var table = new Table(offset, recycled ?? new byte[clusterSize]) { IsDirty = isDirty };
        _tables.Add(offset, _byUse.AddFirst(table));
        return table.Bytes;
    }

    private void Save(Table table)
    {
        if (table.IsDirty)
        {
            file.Write(table.Offset, table.Bytes);
            table.IsDirty = false;
        }
    }

    private sealed class Table(long offset, byte[] bytes)
    {
        public long Offset { get; } = offset;

        public byte[] Bytes { get; } = bytes;

        public bool IsDirty { get; set; }
    }
}
