using V2V.FileSystems.Xfs.Directories;
using V2V.FileSystems.Xfs.Mapping;
using V2V.Storage;

namespace V2V.FileSystems.Xfs.Attributes;

/// <summary>
/// Changes of the attributes. They are written anew as a whole, in the inode if they fit; values in blocks of their own stay where
/// they are. The border between the two forks moves when that makes room in the inode.
/// </summary>
internal sealed partial class AttributeStore
{
    /// <summary>Bytes of an attribute fork with leaves: three extents, or the root of a tree.</summary>
    private const int ExtentArea = 48;

    /// <summary>Bytes that the root of a data fork's tree gets at least.</summary>
    private const int TreeArea = 56;

    /// <summary>All attributes of one inode must fit in memory.</summary>
    private const int MaxAttributes = 1 << 16;

    /// <summary>Sets or replaces an attribute.</summary>
    public void Set(byte space, byte[] name, ReadOnlySpan<byte> value)
    {
        if (value.Length > MaxValue)
        {
            throw new V2VException(
                "XfsAttributeTooLarge", V2VErrorKind.NoSpace, FormattableString.Invariant($"A value of {value.Length} bytes is longer than an extended attribute of XFS can be."));
        }

        List<AttributeEntry> entries = [.. All()];
        if (entries.Count >= MaxAttributes)
        {
            throw new V2VException("XfsAttributeTooLarge", V2VErrorKind.Limit, FormattableString.Invariant($"Inode {_inode.Number} has too many extended attributes."));
        }

        int index = entries.FindIndex(e => e.Is(space, name));
        AttributeEntry? old = index < 0 ? null : entries[index];
        bool remote = _leaf.IsRemote(name.Length, value.Length);
        var entry = new AttributeEntry(space, name, remote ? null : value.ToArray(), 0, remote ? value.Length : 0);
        if (index < 0)
        {
            entries.Add(entry);
        }
        else
        {
            entries[index] = entry;
        }

        RequireSpace(entries, value.Length);
        if (remote)
        {
            PrepareArea(ExtentArea);
            entry = WriteRemote(entry, value);
            entries[index < 0 ? entries.Count - 1 : index] = entry;
        }

        if (old is { Value: null } replaced)
        {
            FreeRemote(replaced);
        }

        Store(entries);
    }

    /// <summary>Removes an attribute; false if it is not there.</summary>
    public bool Remove(byte space, byte[] name)
    {
        List<AttributeEntry> entries = [.. All()];
        int index = entries.FindIndex(e => e.Is(space, name));
        if (index < 0)
        {
            return false;
        }

        AttributeEntry entry = entries[index];
        entries.RemoveAt(index);
        if (!FitsInline(entries, out _))
        {
            _volume.Space.Require((entries.Sum(e => (long)AttributeLeaf.SizeOf(e)) / (_leaf.Capacity / 4)) + 4);
        }

        if (entry.Value is null)
        {
            FreeRemote(entry);
        }

        Store(entries);
        return true;
    }

    /// <summary>Throws unless the attributes can be stored. Old and new leaves exist side by side, and every leaf may be half empty.</summary>
    private void RequireSpace(List<AttributeEntry> entries, int valueLength)
    {
        long leaves = (entries.Sum(e => (long)AttributeLeaf.SizeOf(e)) / (_leaf.Capacity / 4)) + 4;
        bool inline = FitsInline(entries, out _);
        _volume.Space.Require(inline ? DataSpillBlocks() : leaves + (valueLength / RemoteCapacity) + DataSpillBlocks() + 8);
    }

    private static int ShortSize(List<AttributeEntry> entries) => ShortHeader + entries.Sum(e => 3 + e.Name.Length + e.Value!.Length);

    private static int Round8(int size) => (size + 7) & ~7;

    /// <summary>True if all attributes fit in the inode beside the data fork.</summary>
    private bool FitsInline(List<AttributeEntry> entries, out int size)
    {
        size = 0;
        if (entries.Any(e => e.Value is null || e.Value.Length > byte.MaxValue || (e.Flags & AttributeEntry.Incomplete) != 0) || entries.Count > byte.MaxValue)
        {
            return false;
        }

        size = ShortSize(entries);
        return CanHold(size);
    }

    /// <summary>True if the attribute fork can have so many bytes without moving the content of the data fork.</summary>
    private bool CanHold(int size) => CurrentArea() >= size || LargestArea() >= size;

    private int CurrentArea() => _inode.ForkOffset == 0 ? 0 : _inode.LiteralSize - _inode.ForkOffset;

    /// <summary>The most bytes that the data fork leaves to the attribute fork.</summary>
    private int LargestArea()
    {
        Fork data = _inode.Data;
        return data.Format switch
        {
            ForkFormat.Device => _inode.LiteralSize - 8,
            ForkFormat.Local => _inode.LiteralSize - Round8((int)_inode.Size),
            ForkFormat.Extents or ForkFormat.Tree => _inode.LiteralSize - DataListArea(),
            _ => throw XfsErrors.Inode(_inode.Number, "the form of its content is unknown"),
        } & ~7;
    }

    /// <summary>Bytes that the list of data extents takes; where it leaves no room for attributes, those of the root of a tree.</summary>
    private int DataListArea()
    {
        long list = Math.Max(TreeArea, _inode.Data.Extents.Count * (long)ExtentRecord.Size);
        return list > _inode.LiteralSize - ExtentArea ? TreeArea : (int)list;
    }

    private long DataSpillBlocks() =>
        CanHold(ExtentArea) ? 8 : (2L << _volume.Super.DirectoryBlockLog) + 8;

    /// <summary>Gives the attribute fork at least so many bytes, moving the border or, if need be, the content of the data fork.</summary>
    private void PrepareArea(int size)
    {
        if (CurrentArea() >= size)
        {
            return;
        }

        if (LargestArea() < size)
        {
            SpillData(size);
        }

        int area = LargestArea();
        if (area < size)
        {
            throw XfsErrors.NoSpace("room for attributes in an inode");
        }

        // A device node's border is fixed; else the data fork keeps as much as possible.
        int offset = _inode.Data.Format == ForkFormat.Device ? 8 : _inode.LiteralSize - Round8(size);
        if (_inode.Data.Format == ForkFormat.Extents && offset > _inode.LiteralSize - area)
        {
            offset = Math.Max(_inode.LiteralSize - area, Math.Min(offset, _inode.LiteralSize / 2 & ~7));
        }

        offset &= ~7;
        bool isNew = _inode.ForkOffset == 0;
        byte[] local = !isNew && _inode.Attributes.Format == ForkFormat.Local ? _inode.Attributes.Area.ToArray() : [];
        if (isNew)
        {
            _inode.Attributes.Format = ForkFormat.Extents;
        }
        else
        {
            _ = local.Length == 0 ? _inode.Attributes.Extents : null;
        }

        if (_inode.Data.Format is ForkFormat.Extents or ForkFormat.Tree)
        {
            _inode.Data.RequireArea(offset);
        }

        _inode.ForkOffset = offset;
        if (local.Length > 0)
        {
            _inode.Attributes.Area.Clear();
            local.CopyTo(_inode.Attributes.Area);
        }
        else
        {
            _inode.Attributes.AreaChanged();
        }

        _inode.Data.AreaChanged();
        EnableAttributes();
    }

    private void SpillData(int size)
    {
        if (_inode.Data.Format == ForkFormat.Extents)
        {
            return;
        }

        if (_inode.IsDirectory)
        {
            new DirectoryFile(_volume, _inode).Spill();
        }
        else if (_inode.IsSymbolicLink)
        {
            SymbolicLink.Spill(_volume, _inode);
        }
        else
        {
            throw XfsErrors.NoSpace(FormattableString.Invariant($"room for {size} bytes of attributes in an inode"));
        }
    }

    /// <summary>The superblock says whether there have ever been attributes.</summary>
    private void EnableAttributes()
    {
        XfsSuperblock super = _volume.Super;
        if ((super.Version & XfsVersion.Attributes) == 0)
        {
            super.AddAttributes();
            _volume.SuperDirty = true;
        }
    }

    private void Store(List<AttributeEntry> entries)
    {
        Fork fork = _inode.Attributes;
        if (entries.Count == 0)
        {
            if (fork.Exists)
            {
                fork.Truncate(0);
                fork.Clear();
                fork.Commit();
                _inode.ForkOffset = 0;
                fork.Format = ForkFormat.Extents;
                _inode.Data.AreaChanged();
            }

            return;
        }

        if (FitsInline(entries, out int size))
        {
            if (fork.Exists && fork.Format != ForkFormat.Local)
            {
                fork.Truncate(0);
                fork.Clear();
                fork.Commit();
            }

            PrepareArea(size);
            fork.SetLocal(Encode(entries, size));
            return;
        }

        if (fork.Exists && fork.Format == ForkFormat.Local)
        {
            fork.Clear();
        }

        PrepareArea(ExtentArea);
        WriteLeaves(entries);
    }

    private static byte[] Encode(List<AttributeEntry> entries, int size)
    {
        var raw = new byte[size];
        Be.Set16(raw, 0, size);
        raw[2] = (byte)entries.Count;
        int at = ShortHeader;
        foreach (AttributeEntry entry in entries)
        {
            raw[at] = (byte)entry.Name.Length;
            raw[at + 1] = (byte)entry.Value!.Length;
            raw[at + 2] = (byte)(entry.Flags & AttributeEntry.SpaceMask);
            entry.Name.CopyTo(raw, at + 3);
            entry.Value.CopyTo(raw, at + 3 + entry.Name.Length);
            at += 3 + entry.Name.Length + entry.Value.Length;
        }

        return raw;
    }

    /// <summary>Writes leaves, and nodes if there are several, in place of those that exist.</summary>
    private void WriteLeaves(List<AttributeEntry> entries)
    {
        List<(uint Hash, AttributeEntry Entry)> sorted = [.. entries.Select(e => (HashOf(e), e)).OrderBy(e => e.Item1)];
        var reusable = new List<uint>();
        if (_file.Exists(0))
        {
            (List<(uint Hash, uint Block)> old, List<uint> nodes) = new DaTree(_file, 0).ReadAll();
            reusable.AddRange(old.Select(l => l.Block).Where(b => b != 0));
            reusable.AddRange(nodes);
        }

        foreach (uint block in reusable)
        {
            _file.Free(block);
        }

        List<List<(uint Hash, AttributeEntry Entry)>> groups = Distribute(sorted);
        DaBuffer root = _file.Exists(0) ? _file.ReadLinked(0) : _file.NewLinked(0, LeafMagic);
        root.Data.AsSpan().Clear();
        _file.StampLinked(root, LeafMagic);
        if (groups.Count == 1)
        {
            _leaf.Write(root.Data, groups[0]);
            _file.WriteLinked(root);
            return;
        }

        _file.WriteLinked(root);
        var leaves = new List<(uint Hash, uint Block)>();
        DaBuffer? previous = null;
        foreach (List<(uint Hash, AttributeEntry Entry)> group in groups)
        {
            DaBuffer leaf = _file.NewLinked(_file.FirstHole(1), LeafMagic);
            _leaf.Write(leaf.Data, group);
            if (previous is not null)
            {
                Be.Set32(leaf.Data, 4, previous.Number);
                Be.Set32(previous.Data, 0, leaf.Number);
                _file.WriteLinked(previous);
            }

            _file.WriteLinked(leaf);
            leaves.Add((group[^1].Hash, leaf.Number));
            previous = leaf;
        }

        new DaTree(_file, 0).WriteNodes(leaves, []);
    }

    /// <summary>Splits sorted attributes into leaves that are filled to three quarters if there are several.</summary>
    private List<List<(uint Hash, AttributeEntry Entry)>> Distribute(List<(uint Hash, AttributeEntry Entry)> sorted)
    {
        int total = sorted.Sum(e => AttributeLeaf.SizeOf(e.Entry));
        if (total <= _leaf.Capacity)
        {
            return [sorted];
        }

        var groups = new List<List<(uint Hash, AttributeEntry Entry)>> { new() };
        int used = 0;
        foreach ((uint Hash, AttributeEntry Entry) entry in sorted)
        {
            int size = AttributeLeaf.SizeOf(entry.Entry);
            if (groups[^1].Count > 0 && (used + size > _leaf.Capacity || used > _leaf.Capacity * 3 / 4))
            {
                groups.Add([]);
                used = 0;
            }

            groups[^1].Add(entry);
            used += size;
        }

        return groups;
    }

    private AttributeEntry WriteRemote(AttributeEntry entry, ReadOnlySpan<byte> value)
    {
        if (_inode.Attributes.Format == ForkFormat.Local)
        {
            MoveToLeaf();
        }

        // Block 0 is kept for the root.
        long blocks = (value.Length + RemoteCapacity - 1) / RemoteCapacity;
        uint first = FirstGap((uint)blocks);
        for (long done = 0; done < blocks;)
        {
            done += _inode.Attributes.Allocate(first + done, blocks - done).Count;
        }

        int header = _volume.BlockSize - RemoteCapacity;
        for (int at = 0, i = 0; at < value.Length; i++)
        {
            long linear = _volume.Super.Linear(_inode.Attributes.Find(first + i, 1).FsBlock);
            CachedBlock block = _volume.Cache.GetNew(linear);
            int length = Math.Min(RemoteCapacity, value.Length - at);
            value.Slice(at, length).CopyTo(block.Data.AsSpan(header));
            if (header > 0)
            {
                Be.Set32(block.Data, 0, RemoteMagic);
                Be.Set32(block.Data, 4, (uint)at);
                Be.Set32(block.Data, 8, (uint)length);
                _volume.Super.MetaUuid.CopyTo(block.Data.AsSpan(16));
                Be.Set64(block.Data, 32, _inode.Number);
                Be.Set64(block.Data, 40, (ulong)linear << (_volume.Super.BlockLog - 9));
                block.CrcOffset = RemoteCrc;
            }

            at += length;
        }

        return entry with { ValueBlock = first };
    }

    /// <summary>Moves attributes out of the inode.</summary>
    private void MoveToLeaf()
    {
        List<AttributeEntry> entries = [.. All()];
        _inode.Attributes.Clear();
        if (entries.Count > 0)
        {
            WriteLeaves(entries);
        }
    }

    /// <summary>The first run of file blocks behind the root that is not allocated and long enough.</summary>
    private uint FirstGap(uint blocks)
    {
        ulong at = 1;
        foreach (ExtentRecord extent in _inode.Attributes.Extents)
        {
            if (extent.FileBlock >= at + blocks)
            {
                break;
            }

            at = Math.Max(at, extent.End);
        }

        return (uint)at;
    }

    private void FreeRemote(AttributeEntry entry) =>
        _inode.Attributes.Unmap(entry.ValueBlock, (entry.ValueLength + RemoteCapacity - 1) / RemoteCapacity);
}
