using System.Buffers.Binary;

namespace V2V.FileSystems.Xfs.Log;

/// <summary>
/// Intents that no done item has followed yet ("Deferred Operations" of the XFS documentation): changes in several transactions, of
/// which the log has not got the last. They are kept in the order of the log.
/// </summary>
internal sealed class IntentTable
{
    private const int Maximum = 1 << 18;
    private const int IdOffset = 8;

    private readonly Dictionary<(LogItemType Type, ulong Id), LinkedListNode<LogItem>> _nodes = [];
    private readonly LinkedList<LogItem> _order = [];

    public int Count => _order.Count;

    /// <summary>The intents in the order of the log.</summary>
    public IEnumerable<LogItem> Items => _order;

    public void Add(LogItem item)
    {
        (LogItemType, ulong) key = (item.Type, IdOf(item));
        Remove(key);
        _nodes[key] = _order.AddLast(item);
        if (_nodes.Count > Maximum)
        {
            throw LogErrors.Limit("unfinished changes");
        }
    }

    /// <summary>Takes an intent off that a done item finishes.</summary>
    public void Finish(LogItemType intent, LogItem done) => Remove((intent, IdOf(done)));

    private static ulong IdOf(LogItem item) =>
        item.Format.Length >= IdOffset + 8 ? BinaryPrimitives.ReadUInt64LittleEndian(item.Format[IdOffset..]) : throw LogErrors.Corrupt($"an intent is cut short");

    private void Remove((LogItemType, ulong) key)
    {
        if (_nodes.Remove(key, out LinkedListNode<LogItem>? node))
        {
            _order.Remove(node);
        }
    }
}
