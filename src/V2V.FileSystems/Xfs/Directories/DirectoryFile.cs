using V2V.FileSystems.Xfs.Mapping;

namespace V2V.FileSystems.Xfs.Directories;

/// <summary>An entry that was found.</summary>
/// <param name="Inode">Inode number.</param>
/// <param name="Type">Code of the type; 0 if the directory stores none.</param>
/// <param name="Address">Where it is: byte offset in the directory divided by 8; 0 in the short form.</param>
internal readonly record struct FoundEntry(ulong Inode, byte Type, uint Address);

/// <summary>How a directory is stored.</summary>
internal enum DirectoryForm
{
    /// <summary>In the inode.</summary>
    Short,

    /// <summary>One block with entries and index.</summary>
    Block,

    /// <summary>Blocks of entries and one leaf.</summary>
    Leaf,

    /// <summary>Blocks of entries, leaves below nodes, and free space blocks.</summary>
    Node,
}

/// <summary>
/// A directory ("Directories" of the XFS documentation): the short, block, leaf and node forms. The last three live in one fork:
/// entries from byte 0 on, the index from 32 GiB on, and in the node form the free space blocks from 64 GiB on.
/// <c>DirectoryFile.Edit.cs</c> changes it.
/// </summary>
internal sealed partial class DirectoryFile
{
    private const uint BlockMagic = 0x58443242;
    private const uint BlockMagicV5 = 0x58444233;
    private const uint DataMagic = 0x58443244;
    private const uint DataMagicV5 = 0x58444433;
    private const uint FreeMagic = 0x58443246;
    private const uint FreeMagicV5 = 0x58444633;
    private const int ShortHeader = 2;
    private const int MaxSameHash = 1 << 16;

    private readonly XfsVolume _volume;
    private readonly XfsInode _inode;
    private readonly DaFile _file;
    private readonly EntryBlock _entries;

    public DirectoryFile(XfsVolume volume, XfsInode inode)
    {
        _volume = volume;
        _inode = inode;
        _file = new DaFile(volume, inode, inode.Data, volume.Super.DirectoryBlockLog);
        _entries = new EntryBlock(volume.Super, _file.Size);
    }

    /// <summary>Inode number of the parent.</summary>
    public ulong Parent => Form == DirectoryForm.Short ? ReadShort(out _) : (Find(".."u8) ?? throw _file.Damaged("it has no entry '..'")).Inode;

    private XfsSuperblock Super => _volume.Super;

    private uint LeafBlock => (uint)((32UL << 30) >> Super.BlockLog);

    private uint FreeBlock => (uint)((64UL << 30) >> Super.BlockLog);

    /// <summary>File system blocks in a directory block.</summary>
    private uint Each => (uint)_file.BlocksEach;

    /// <summary>How the directory is stored.</summary>
    public DirectoryForm Form
    {
        get
        {
            if (_inode.Data.Format == ForkFormat.Local)
            {
                return DirectoryForm.Short;
            }

            if (_inode.Data.Format is not (ForkFormat.Extents or ForkFormat.Tree) || _inode.Data.Extents.Count == 0)
            {
                throw _file.Damaged("it has no content");
            }

            if (!_file.Exists(LeafBlock))
            {
                return DirectoryForm.Block;
            }

            int magic = DaFile.Magic(_file.ReadLinked(LeafBlock).Data);
            return magic == (Super.IsV5 ? DaFile.Leaf1MagicV5 : DaFile.Leaf1Magic) ? DirectoryForm.Leaf : DirectoryForm.Node;
        }
    }

    /// <summary>All entries but <c>.</c> and <c>..</c>, in stored order.</summary>
    public IEnumerable<RawEntry> Enumerate()
    {
        if (Form == DirectoryForm.Short)
        {
            ReadShort(out List<RawEntry> entries);
            return entries;
        }

        return EnumerateBlocks();
    }

    /// <summary>Looks a name up; null if it is not there.</summary>
    public FoundEntry? Find(ReadOnlySpan<byte> name)
    {
        switch (Form)
        {
            case DirectoryForm.Short:
                ReadShort(out List<RawEntry> entries);
                foreach (RawEntry entry in entries)
                {
                    if (NameHash.AreEqual(entry.Name, name, Super.IsCaseInsensitive))
                    {
                        return new FoundEntry(entry.Inode, entry.Type, 0);
                    }
                }

                return null;
            case DirectoryForm.Block:
                DaBuffer block = ReadDataBlock(0, isBlockForm: true);
                int count = BlockIndex(block.Data, out int start);
                return FindIn(block.Data, start, count, HashOf(name), name);
            default:
                return FindInLeaves(name);
        }
    }

    private uint HashOf(ReadOnlySpan<byte> name) => NameHash.OfEntry(name, Super.IsCaseInsensitive);

    private FoundEntry? FindInLeaves(ReadOnlySpan<byte> name)
    {
        uint hash = HashOf(name);
        DaBuffer leaf = new DaTree(_file, LeafBlock).FindLeaf(hash);
        for (int left = MaxSameHash; left > 0; left--)
        {
            int count = LeafCount(leaf.Data);
            if (FindIn(leaf.Data, _file.EntriesOffset, count, hash, name) is { } found)
            {
                return found;
            }

            uint next = DaFile.Forward(leaf.Data);
            if (count == 0 || next == 0 || Be.U32(leaf.Data, _file.EntriesOffset + ((count - 1) * 8)) > hash)
            {
                return null;
            }

            leaf = _file.ReadLinked(next);
        }

        throw _file.Damaged("its leaves form a loop");
    }

    private int LeafCount(ReadOnlySpan<byte> leaf)
    {
        int magic = DaFile.Magic(leaf);
        bool known = Super.IsV5 ? magic is DaFile.Leaf1MagicV5 or DaFile.LeafNMagicV5 : magic is DaFile.Leaf1Magic or DaFile.LeafNMagic;
        int count = Be.U16(leaf, _file.InfoSize);
        return known && count <= (_file.Size - _file.EntriesOffset) / 8 ? count : throw _file.Damaged("a leaf is out of range");
    }

    /// <summary>Searches sorted pairs of hash and address.</summary>
    private FoundEntry? FindIn(ReadOnlySpan<byte> index, int offset, int count, uint hash, ReadOnlySpan<byte> name)
    {
        int low = 0;
        int high = count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (Be.U32(index, offset + (middle * 8)) < hash)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        for (; low < count && Be.U32(index, offset + (low * 8)) == hash; low++)
        {
            uint address = Be.U32(index, offset + (low * 8) + 4);
            if (address != 0 && Locate(address, out int at) is var block
                && NameHash.AreEqual(EntryBlock.Name(block.Data, at), name, Super.IsCaseInsensitive))
            {
                return new FoundEntry(EntryBlock.Inode(block.Data, at), _entries.Type(block.Data, at), address);
            }
        }

        return null;
    }

    /// <summary>The block and offset of an entry.</summary>
    private DaBuffer Locate(uint address, out int offset)
    {
        ulong place = (ulong)address * 8;
        if (place >= (32UL << 30))
        {
            throw _file.Damaged("its index leads to no entry");
        }

        DaBuffer block = ReadDataBlock((uint)(place / (ulong)_file.Size), Form == DirectoryForm.Block);
        offset = (int)(place % (ulong)_file.Size);
        if (offset < _entries.HeaderSize || _entries.LengthAt(block.Data, offset, _file.Size) == 0)
        {
            throw _file.Damaged("its index leads to no entry");
        }

        return block;
    }

    /// <summary>A block of entries, counted in directory blocks.</summary>
    private DaBuffer ReadDataBlock(uint number, bool isBlockForm)
    {
        DaBuffer block = _file.ReadData(number * Each);
        uint expected = (isBlockForm, Super.IsV5) switch
        {
            (true, true) => BlockMagicV5,
            (true, false) => BlockMagic,
            (false, true) => DataMagicV5,
            _ => DataMagic,
        };
        return Be.U32(block.Data, 0) == expected ? block : throw _file.Damaged("a block of entries has a wrong magic number");
    }

    /// <summary>The index at the end of a directory in block form.</summary>
    private int BlockIndex(ReadOnlySpan<byte> block, out int start)
    {
        uint count = Be.U32(block, block.Length - 8);
        if (count > (uint)(block.Length - 8 - _entries.HeaderSize) / 8)
        {
            throw _file.Damaged("its index is out of range");
        }

        start = block.Length - 8 - ((int)count * 8);
        return (int)count;
    }

    private IEnumerable<RawEntry> EnumerateBlocks()
    {
        bool isBlock = Form == DirectoryForm.Block;
        long end = isBlock ? 1 : LeafBlock / Each;
        for (long number = 0; number < end; number++)
        {
            BlockRun run = _inode.Data.Find(number * _file.BlocksEach, (end - number) * _file.BlocksEach);
            if (run.Kind == BlockRunKind.Hole)
            {
                number = ((run.Logical + run.Count) / _file.BlocksEach) - 1;
                continue;
            }

            foreach (RawEntry entry in EntriesOf(ReadDataBlock((uint)number, isBlock).Data, isBlock))
            {
                if (!IsDot(entry.Name))
                {
                    yield return entry;
                }
            }
        }
    }

    /// <summary>The entries of one block, with <c>.</c> and <c>..</c>.</summary>
    private List<RawEntry> EntriesOf(byte[] block, bool isBlock)
    {
        int end = block.Length;
        if (isBlock)
        {
            BlockIndex(block, out end);
        }

        var entries = new List<RawEntry>();
        for (int offset = _entries.Next(block, _entries.HeaderSize, end); offset != end; offset = _entries.Next(block, offset, end))
        {
            if (offset < 0)
            {
                throw _file.Damaged("a block of entries is out of order");
            }

            entries.Add(_entries.Entry(block, offset));
            offset += _entries.LengthAt(block, offset, end);
        }

        return entries;
    }

    private static bool IsDot(ReadOnlySpan<byte> name) => name.SequenceEqual("."u8) || name.SequenceEqual(".."u8);

    /// <summary>Reads the short form: the entries and the parent.</summary>
    private ulong ReadShort(out List<RawEntry> entries)
    {
        ReadOnlySpan<byte> area = _inode.Data.Area;
        if (_inode.Size > area.Length || _inode.Size < ShortHeader + 4)
        {
            throw _file.Damaged("its size is out of range");
        }

        area = area[..(int)_inode.Size];
        int count = area[0];
        bool wide = area[1] != 0;
        int number = wide ? 8 : 4;
        int type = Super.HasFileType ? 1 : 0;
        entries = new List<RawEntry>(count);
        if (area.Length < ShortHeader + number)
        {
            throw _file.Damaged("its size is out of range");
        }

        int at = ShortHeader + number;
        for (int i = 0; i < count; i++)
        {
            int length = at < area.Length ? area[at] : 0;
            if (length == 0 || at + 3 + length + type + number > area.Length)
            {
                throw _file.Damaged("an entry reaches past its end");
            }

            int behind = at + 3 + length;
            entries.Add(new RawEntry(area.Slice(at + 3, length).ToArray(), ReadNumber(area[(behind + type)..], wide), type == 1 ? area[behind] : (byte)0));
            at = behind + type + number;
        }

        return ReadNumber(area[ShortHeader..], wide);
    }

    private static ulong ReadNumber(ReadOnlySpan<byte> raw, bool wide) => wide ? Be.U64(raw, 0) : Be.U32(raw, 0);
}
