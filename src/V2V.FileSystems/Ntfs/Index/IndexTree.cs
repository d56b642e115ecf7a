using V2V.Storage;
using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>
/// A B-tree of sorted keys: directories, and the indexes of <c>$Secure</c> and <c>$Extend</c>. The root is resident in the file record; further
/// nodes are blocks of <c>$INDEX_ALLOCATION</c>, and <c>$BITMAP</c> says which of those are in use. Inner nodes hold entries too.
/// </summary>
internal sealed partial class IndexTree
{
    /// <summary>Deeper trees do not occur: even short blocks hold several entries.</summary>
    private const int MaxDepth = 20;

    private const int RootHeader = 16;
    private const int BlockHeader = 24;

    private readonly NtfsVolume _volume;
    private readonly FileRecord _file;
    private readonly string _name;
    private readonly IndexCollation _collation;
    private readonly int _blockSize;
    private readonly int _vcnSize;

    public IndexTree(NtfsVolume volume, FileRecord file, string name, IndexCollation collation)
    {
        _volume = volume;
        _file = file;
        _name = name;
        _collation = collation;
        byte[] root = file.GetValue(AttributeType.IndexRoot, name, RootHeader + IndexNode.HeaderSize + IndexEntry.HeaderSize);
        uint blockSize = ReadUInt32LittleEndian(root.AsSpan(8));
        if (blockSize is < 512 or > 65536 || !System.Numerics.BitOperations.IsPow2(blockSize))
        {
            throw NtfsErrors.Index(FormattableString.Invariant($"blocks of {blockSize} bytes"));
        }

        if (ReadUInt32LittleEndian(root.AsSpan(4)) != (uint)collation)
        {
            throw NtfsErrors.Index("its order is not the one that its kind has");
        }

        _blockSize = (int)blockSize;
        _vcnSize = volume.Geometry.ClusterSize <= _blockSize ? volume.Geometry.ClusterSize : 512;
    }

    /// <summary>All entries in order.</summary>
    public IEnumerable<IndexEntry> Entries()
    {
        var seen = new HashSet<long>();
        var path = new Stack<(IndexNode Node, int Next)>();
        Descend(ReadRoot());
        while (path.TryPop(out (IndexNode Node, int Next) at))
        {
            IndexEntry entry = at.Node.Entries[at.Next];
            if (entry.IsEnd)
            {
                continue;
            }

            path.Push((at.Node, at.Next + 1));
            yield return entry;
            if (at.Node.Entries[at.Next + 1] is { HasSubnode: true } next)
            {
                Descend(ReadBlock(next.Subnode));
            }
        }

        void Descend(IndexNode node)
        {
            while (true)
            {
                if (path.Count > MaxDepth || (!node.IsRoot && !seen.Add(node.Vcn)))
                {
                    throw NtfsErrors.Index("its blocks form a loop");
                }

                path.Push((node, 0));
                if (node.IsLeaf)
                {
                    return;
                }

                node = ReadBlock(node.Entries[0].Subnode);
            }
        }
    }

    /// <summary>The entry with a key, or null.</summary>
    public IndexEntry? Find(ReadOnlySpan<byte> key)
    {
        IndexNode node = ReadRoot();
        for (int depth = 0; depth < MaxDepth; depth++)
        {
            (int position, bool found) = Locate(node, key);
            if (found)
            {
                return node.Entries[position];
            }

            if (node.IsLeaf)
            {
                return null;
            }

            node = ReadBlock(node.Entries[position].Subnode);
        }

        throw NtfsErrors.Index("its blocks form a loop");
    }

    /// <summary>The directory entry of a name: in the very case if there is one, else in any.</summary>
    public IndexEntry? FindName(string name)
    {
        if (name.Length is 0 or > 255)
        {
            return null;
        }

        IndexEntry? exact = Find(FileName.Make(0, name, FileNamespace.Posix));
        return exact ?? FindIgnoringCase(ReadRoot(), name);
    }

    private IndexEntry? FindIgnoringCase(IndexNode node, string name)
    {
        IndexEntry? best = null;
        for (int depth = 0; depth < MaxDepth; depth++)
        {
            int position = 0;
            for (int high = node.Entries.Count - 1; position < high;)
            {
                int middle = (position + high) / 2;
                (position, high) = CompareIgnoringCase(node.Entries[middle], name) < 0 ? (middle + 1, high) : (position, middle);
            }

            IndexEntry entry = node.Entries[position];
            best = !entry.IsEnd && CompareIgnoringCase(entry, name) == 0 ? entry : best;
            if (node.IsLeaf)
            {
                return best;
            }

            node = ReadBlock(entry.Subnode);
        }

        throw NtfsErrors.Index("its blocks form a loop");
    }

    private int CompareIgnoringCase(IndexEntry entry, string name) =>
        FileName.IsValid(entry.Key)
            ? _volume.UpCase.CompareIgnoringCase(IndexKeys.Characters(entry.Key), name)
            : throw NtfsErrors.Index("a name is shorter than it says");

    /// <summary>The first entry of a node that is not before the key.</summary>
    private (int Position, bool Found) Locate(IndexNode node, ReadOnlySpan<byte> key)
    {
        int low = 0;
        int high = node.Entries.Count - 1;
        while (low < high)
        {
            int middle = (low + high) / 2;
            int order = IndexKeys.Compare(_collation, _volume.UpCase, node.Entries[middle].Key, key);
            if (order == 0)
            {
                return (middle, true);
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle);
        }

        return (low, false);
    }

    private IndexNode ReadRoot() =>
        IndexNode.Parse(IndexNode.RootVcn, _file.GetValue(AttributeType.IndexRoot, _name, RootHeader).AsSpan(RootHeader));

    private IndexNode ReadBlock(long vcn)
    {
        NtfsAttribute allocation = _file.Get(AttributeType.IndexAllocation, _name);
        if (vcn < 0 || vcn > (allocation.Length - _blockSize) / _vcnSize)
        {
            throw NtfsErrors.Index("a subtree lies outside the index");
        }

        var block = new byte[_blockSize];
        _volume.Content.Read(allocation, vcn * _vcnSize, block);
        if (!block.AsSpan().StartsWith("INDX"u8) || !Fixups.Undo(block))
        {
            throw NtfsErrors.Index("a block is not one, or its last write was torn");
        }

        if (ReadInt64LittleEndian(block.AsSpan(16)) != vcn)
        {
            throw NtfsErrors.Index("a block says that it is another");
        }

        return IndexNode.Parse(vcn, block.AsSpan(BlockHeader));
    }
}
