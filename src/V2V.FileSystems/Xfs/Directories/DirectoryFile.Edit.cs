using V2V.FileSystems.Xfs.Mapping;

namespace V2V.FileSystems.Xfs.Directories;

/// <summary>
/// Changes of a directory. The short and the block form are written anew; in the larger forms entries are put into unused ranges and
/// the index is kept up. A directory takes the next larger form when it is full and a smaller one when it fits.
/// </summary>
internal sealed partial class DirectoryFile
{
    private const int TailSize = 8;

    /// <summary>Makes an empty directory of a new inode.</summary>
    public void Initialise(ulong parent) => WriteShort([], parent);

    /// <summary>Adds a name, which must not exist.</summary>
    public void Add(byte[] name, ulong inode, byte type)
    {
        var entry = new RawEntry(name, inode, Super.HasFileType ? type : (byte)0);
        switch (Form)
        {
            case DirectoryForm.Short:
                ulong parent = ReadShort(out List<RawEntry> entries);
                entries.Add(entry);
                if (ShortSize(entries, parent) <= _inode.Data.Area.Length && entries.Count <= byte.MaxValue)
                {
                    WriteShort(entries, parent);
                    return;
                }

                RequireSpace();
                ShortToBlock(areaIsFull: true);
                Add(name, inode, type);
                return;
            case DirectoryForm.Block:
                RequireSpace();
                List<RawEntry> all = EntriesOf(ReadDataBlock(0, isBlockForm: true).Data, isBlock: true);
                all.Add(entry);
                if (BlockSizeOf(all) <= _file.Size)
                {
                    WriteBlock(_file.ReadData(0), all);
                    return;
                }

                all.RemoveAt(all.Count - 1);
                BlockToLeaf(all);
                AddIndexed(entry);
                return;
            default:
                RequireSpace();
                AddIndexed(entry);
                return;
        }
    }

    /// <summary>Removes a name, which must exist.</summary>
    public void Remove(byte[] name)
    {
        switch (Form)
        {
            case DirectoryForm.Short:
                ulong parent = ReadShort(out List<RawEntry> entries);
                RemoveByName(entries, name);
                WriteShort(entries, parent);
                return;
            case DirectoryForm.Block:
                List<RawEntry> all = EntriesOf(ReadDataBlock(0, isBlockForm: true).Data, isBlock: true);
                RemoveByName(all, name);
                if (!TryWriteShort(all))
                {
                    WriteBlock(_file.ReadData(0), all);
                }

                return;
            default:
                RemoveIndexed(name);
                return;
        }
    }

    /// <summary>Lets a name, which must exist, stand for another inode.</summary>
    public void Replace(byte[] name, ulong inode, byte type)
    {
        type = Super.HasFileType ? type : (byte)0;
        if (Form == DirectoryForm.Short)
        {
            ulong parent = ReadShort(out List<RawEntry> entries);
            int index = IndexOf(entries, name);
            entries[index] = entries[index] with { Inode = inode, Type = type };
            if (ShortSize(entries, parent) <= _inode.Data.Area.Length)
            {
                WriteShort(entries, parent);
                return;
            }

            RequireSpace();
            ShortToBlock(areaIsFull: true);
        }

        FoundEntry found = Find(name) ?? throw _file.Damaged("an entry has gone");
        DaBuffer block = Locate(found.Address, out int offset);
        _entries.SetInode(block.Data, offset, inode, type);
        _file.WriteData(block);
    }

    /// <summary>Changes what <c>..</c> stands for.</summary>
    public void SetParent(ulong parent)
    {
        if (Form != DirectoryForm.Short)
        {
            Replace(".."u8.ToArray(), parent, DirectoryType);
            return;
        }

        ReadShort(out List<RawEntry> entries);
        if (ShortSize(entries, parent) <= _inode.Data.Area.Length)
        {
            WriteShort(entries, parent);
            return;
        }

        RequireSpace();
        ShortToBlock(areaIsFull: true);
        Replace(".."u8.ToArray(), parent, DirectoryType);
    }

    /// <summary>Moves the entries of a short form out of the inode.</summary>
    public void Spill()
    {
        RequireSpace();
        ShortToBlock(areaIsFull: true);
    }

    private byte DirectoryType => Super.HasFileType ? (byte)2 : (byte)0;

    /// <summary>Throws unless whatever the next change may need can be had: entries, a leaf, free space, nodes.</summary>
    private void RequireSpace() => _volume.Space.Require((8L * _file.BlocksEach) + 8);

    private int IndexOf(List<RawEntry> entries, ReadOnlySpan<byte> name)
    {
        for (int i = 0; i < entries.Count; i++)
        {
            if (NameHash.AreEqual(entries[i].Name, name, Super.IsCaseInsensitive))
            {
                return i;
            }
        }

        throw _file.Damaged("an entry has gone");
    }

    private void RemoveByName(List<RawEntry> entries, ReadOnlySpan<byte> name) => entries.RemoveAt(IndexOf(entries, name));

    private static bool NeedsWide(List<RawEntry> entries, ulong parent) =>
        parent > uint.MaxValue || entries.Any(e => e.Inode > uint.MaxValue);

    private int ShortSize(List<RawEntry> entries, ulong parent)
    {
        int number = NeedsWide(entries, parent) ? 8 : 4;
        int size = ShortHeader + number;
        foreach (RawEntry entry in entries)
        {
            size += 3 + entry.Name.Length + (Super.HasFileType ? 1 : 0) + number;
        }

        return size;
    }

    private void WriteShort(List<RawEntry> entries, ulong parent)
    {
        bool wide = NeedsWide(entries, parent);
        var raw = new byte[ShortSize(entries, parent)];
        raw[0] = (byte)entries.Count;
        raw[1] = (byte)(wide ? entries.Count(e => e.Inode > uint.MaxValue) + (parent > uint.MaxValue ? 1 : 0) : 0);
        WriteNumber(raw.AsSpan(ShortHeader), parent, wide);
        int at = ShortHeader + (wide ? 8 : 4);
        int place = _entries.HeaderSize + _entries.EntrySize(1) + _entries.EntrySize(2);
        foreach (RawEntry entry in entries)
        {
            raw[at] = (byte)entry.Name.Length;
            Be.Set16(raw, at + 1, place);
            entry.Name.CopyTo(raw, at + 3);
            at += 3 + entry.Name.Length;
            if (Super.HasFileType)
            {
                raw[at++] = entry.Type;
            }

            WriteNumber(raw.AsSpan(at), entry.Inode, wide);
            at += wide ? 8 : 4;
            place += _entries.EntrySize(entry.Name.Length);
        }

        _inode.Size = raw.Length;
        _inode.Data.SetLocal(raw);
    }

    private static void WriteNumber(Span<byte> raw, ulong number, bool wide)
    {
        if (wide)
        {
            Be.Set64(raw, 0, number);
        }
        else
        {
            Be.Set32(raw, 0, (uint)number);
        }
    }

    private int BlockSizeOf(List<RawEntry> entries)
    {
        int size = _entries.HeaderSize + TailSize + (entries.Count * 8);
        foreach (RawEntry entry in entries)
        {
            size += _entries.EntrySize(entry.Name.Length);
        }

        return size;
    }

    private void ShortToBlock(bool areaIsFull)
    {
        ulong parent = ReadShort(out List<RawEntry> entries);
        entries.Insert(0, new RawEntry(".."u8.ToArray(), parent, DirectoryType));
        entries.Insert(0, new RawEntry("."u8.ToArray(), _inode.Number, DirectoryType));
        if (areaIsFull)
        {
            _inode.Data.Clear();
        }

        DaBuffer block = _file.NewData(0, Super.IsV5 ? BlockMagicV5 : BlockMagic);
        _inode.Size = _file.Size;
        WriteBlock(block, entries);
    }

    /// <summary>Writes the block form: entries, the unused rest, the index, its counts.</summary>
    private void WriteBlock(DaBuffer block, List<RawEntry> entries)
    {
        byte[] data = block.Data;
        int indexStart = _file.Size - TailSize - (entries.Count * 8);
        List<(uint Hash, uint Address)> index = WriteEntries(block, Super.IsV5 ? BlockMagicV5 : BlockMagic, entries, indexStart);
        for (int i = 0; i < index.Count; i++)
        {
            Be.Set32(data, indexStart + (i * 8), index[i].Hash);
            Be.Set32(data, indexStart + (i * 8) + 4, index[i].Address);
        }

        Be.Set32(data, _file.Size - 8, (uint)index.Count);
        Be.Set32(data, _file.Size - 4, 0);
        _file.WriteData(block);
        _inode.Dirty = true;
    }

    /// <summary>Fills a block with entries up to <paramref name="end"/>; returns their sorted index. The block must still be written.</summary>
    private List<(uint Hash, uint Address)> WriteEntries(DaBuffer block, uint magic, List<RawEntry> entries, int end)
    {
        byte[] data = block.Data;
        data.AsSpan().Clear();
        _file.StampData(block, magic);
        var index = new List<(uint Hash, uint Address)>(entries.Count);
        int offset = _entries.HeaderSize;
        foreach (RawEntry entry in entries)
        {
            _entries.Store(data, offset, entry);
            index.Add((HashOf(entry.Name), (uint)(((ulong)block.Number << Super.BlockLog) + (ulong)offset) / 8));
            offset += _entries.EntrySize(entry.Name.Length);
        }

        EntryBlock.StoreFree(data, offset, end - offset);
        _entries.Summarise(data, end);
        index.Sort();
        return index;
    }

    /// <summary>Writes entries of a directory in block form into the inode if they fit; its block is freed then.</summary>
    private bool TryWriteShort(List<RawEntry> all)
    {
        ulong parent = all[IndexOf(all, ".."u8)].Inode;
        List<RawEntry> entries = [.. all.Where(e => !IsDot(e.Name))];
        if (entries.Count > byte.MaxValue || ShortSize(entries, parent) > _inode.Data.Area.Length)
        {
            return false;
        }

        _inode.Data.Truncate(0);
        _inode.Data.Commit();
        WriteShort(entries, parent);
        return true;
    }

    private void BlockToLeaf(List<RawEntry> entries)
    {
        DaBuffer block = _file.ReadData(0);
        List<(uint Hash, uint Address)> index = WriteEntries(block, Super.IsV5 ? DataMagicV5 : DataMagic, entries, _file.Size);
        _file.WriteData(block);
        DaBuffer leaf = _file.NewLinked(LeafBlock, Super.IsV5 ? DaFile.Leaf1MagicV5 : DaFile.Leaf1Magic);
        WriteLeaf1(leaf, index, [(ushort)_entries.Best(block.Data)]);
    }

    private void AddIndexed(RawEntry entry)
    {
        IDirectoryIndex index = OpenIndex(adding: true);
        uint number = index.FindSpace(_entries.EntrySize(entry.Name.Length)) ?? _file.FirstHole(0) / Each;
        bool isNew = !_file.Exists(number * Each);
        DaBuffer block;
        if (isNew)
        {
            if (number >= LeafBlock / Each)
            {
                throw XfsErrors.NoSpace("room in a directory");
            }

            block = _file.NewData(number * Each, Super.IsV5 ? DataMagicV5 : DataMagic);
            EntryBlock.StoreFree(block.Data, _entries.HeaderSize, _entries.WholeLength);
            _inode.Size = Math.Max(_inode.Size, (number + 1L) * _file.Size);
        }
        else
        {
            block = ReadDataBlock(number, isBlockForm: false);
        }

        int offset = _entries.Insert(block.Data, entry);
        if (offset < 0)
        {
            throw _file.Damaged("a block of entries has less room than its index says");
        }

        _file.WriteData(block);
        index.SetBest(number, (ushort)_entries.Best(block.Data));
        index.Add(HashOf(entry.Name), (uint)((((ulong)number * (ulong)_file.Size) + (ulong)offset) / 8));
        index.Commit();
    }

    private void RemoveIndexed(byte[] name)
    {
        FoundEntry found = Find(name) ?? throw _file.Damaged("an entry has gone");
        DaBuffer block = Locate(found.Address, out int offset);
        IDirectoryIndex index = OpenIndex(adding: false);
        _entries.Remove(block.Data, offset);
        _file.WriteData(block);
        int best = _entries.Best(block.Data);
        index.Remove(HashOf(name), found.Address);
        if (best == _entries.WholeLength && block.Number != 0)
        {
            _file.Free(block.Number);
            index.SetBest(block.Number / Each, NoBlock);
            if (_inode.Size == ((block.Number / Each) + 1L) * _file.Size)
            {
                _inode.Size = (LastDataBlock() + 1) * _file.Size;
            }
        }
        else
        {
            index.SetBest(block.Number / Each, (ushort)best);
        }

        index.Commit();
        Shrink();
    }

    private long LastDataBlock()
    {
        long last = 0;
        foreach (ExtentRecord extent in _inode.Data.Extents)
        {
            if (extent.FileBlock >= LeafBlock)
            {
                break;
            }

            last = (long)(extent.End - 1) / _file.BlocksEach;
        }

        return last;
    }

    /// <summary>Takes the smaller form if the directory fits.</summary>
    private void Shrink()
    {
        if (Form == DirectoryForm.Node)
        {
            NodeToLeaf();
        }

        if (Form != DirectoryForm.Leaf || LastDataBlock() > 0)
        {
            return;
        }

        DaBuffer block = ReadDataBlock(0, isBlockForm: false);
        List<RawEntry> entries = EntriesOf(block.Data, isBlock: false);
        if (BlockSizeOf(entries) > _file.Size)
        {
            return;
        }

        _file.Free(LeafBlock);
        if (!TryWriteShort(entries))
        {
            WriteBlock(block, entries);
        }
    }
}
