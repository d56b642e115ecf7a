using V2V.Storage;

namespace V2V.FileSystems.Ext.Directories;

/// <summary>What changes the names in a directory.</summary>
internal sealed partial class DirectoryFile
{
    public const byte DirectoryType = 2;

    /// <summary>Writes the first block of a new directory.</summary>
    public void Initialise(uint parent)
    {
        CachedBlock block = AppendBlock(out _);
        WriteDots(block, parent);
        SealLeaf(block);
    }

    /// <summary>Adds a name that the directory does not have.</summary>
    public void Add(ReadOnlySpan<byte> name, uint inode, byte type)
    {
        CheckWritable();
        if (IsInline)
        {
            foreach (bool inTail in (ReadOnlySpan<bool>)[false, true])
            {
                if (InlineRegion(inTail).TryInsert(name, inode, type))
                {
                    _inode.Touch(contentChanged: true);
                    return;
                }
            }

            SpillInline();
        }

        if (IsIndexed)
        {
            InsertIndexed(name, inode, type);
        }
        else
        {
            InsertLinear(name, inode, type);
        }

        _inode.Touch(contentChanged: true);
    }

    /// <summary>Removes an entry that <see cref="Find"/> has just found.</summary>
    public void Remove(FoundEntry found)
    {
        CheckWritable();
        if (found.Block is null)
        {
            InlineRegion(found.InTail).Remove(found.Place);
        }
        else
        {
            Region(found.Block).Remove(found.Place);
            SealLeaf(found.Block);
        }

        _inode.Touch(contentChanged: true);
    }

    /// <summary>Lets an entry that <see cref="Find"/> has just found name another inode.</summary>
    public void Replace(FoundEntry found, uint inode, byte type)
    {
        CheckWritable();
        if (found.Block is null)
        {
            InlineRegion(found.InTail).Replace(found.Place, inode, type);
        }
        else
        {
            Region(found.Block).Replace(found.Place, inode, type);
            SealLeaf(found.Block);
        }

        _inode.Touch(contentChanged: true);
    }

    /// <summary>Lets <c>..</c> name another parent.</summary>
    public void SetParent(uint parent)
    {
        CheckWritable();
        if (IsInline)
        {
            Le.Set32(_inode.BlockArea, 0, parent);
            _inode.Dirty = true;
            return;
        }

        FoundEntry found = FindDotDot() ?? throw Damaged("it has no entry '..'");
        Region(found.Block!).Replace(found.Place, parent, DirectoryType);
        SealLeaf(found.Block!);
    }

    private void CheckWritable()
    {
        if (_inode.Has(InodeFlags.CaseFold))
        {
            throw V2VException.Unsupported(
                "ExtCaseFoldedDirectory",
                FormattableString.Invariant($"The directory in inode {_inode.Number} ignores case; its names cannot be changed."),
                advice: "Turn the attribute off inside the guest (chattr -F) first.");
        }
    }

    private void InsertLinear(ReadOnlySpan<byte> name, uint inode, byte type)
    {
        for (long logical = 0; logical < BlockCount; logical++)
        {
            if (BlockAt(logical) is { } block && Region(block).TryInsert(name, inode, type))
            {
                SealLeaf(block);
                return;
            }
        }

        if (BlockCount == 1 && _volume.Super.Has(ExtCompat.DirIndex) && _volume.Super.DefaultHashVersion < SipHash)
        {
            MakeIndexed();
            InsertIndexed(name, inode, type);
            return;
        }

        if (_inode.Has(InodeFlags.HashIndex))
        {
            // Without the feature nobody keeps the index up to date.
            _inode.Flags &= ~InodeFlags.HashIndex;
        }

        CachedBlock added = AppendBlock(out _);
        WriteUnused(added);
        Region(added).TryInsert(name, inode, type);
        SealLeaf(added);
    }

    /// <summary>Adds a zeroed block at the end of the directory.</summary>
    private CachedBlock AppendBlock(out long logical)
    {
        logical = BlockCount;
        if (logical >= Map.LogicalLimit || (_inode.Size + _blockSize > int.MaxValue && !_volume.Super.Has(ExtIncompat.LargeDir)))
        {
            throw ExtErrors.TooLarge(_inode.Size + _blockSize);
        }

        if (Map.Find(logical, 1).Kind != Mapping.BlockRunKind.Hole)
        {
            throw Damaged("it has blocks past its end");
        }

        int ratio = _volume.Super.ClusterRatio;
        long physical = 0;
        bool shares = false;
        foreach (Mapping.BlockRun run in Map.Runs(logical / ratio * ratio, logical))
        {
            physical = run.Physical + logical - run.Logical;
            shares = true;
        }

        if (!shares)
        {
            physical = _volume.Blocks.AllocateMetadata(_inode, Map.Goal(logical)) + (logical % ratio);
        }

        try
        {
            Map.Map(logical, physical, 1);
        }
        catch
        {
            if (!shares)
            {
                _volume.Blocks.Free(_inode, physical, 1);
            }

            throw;
        }

        _inode.Size += _blockSize;
        _inode.Dirty = true;
        return _volume.Cache.GetNew(physical);
    }

    private void WriteDots(CachedBlock block, uint parent)
    {
        bool hasTail = _volume.Super.HasChecksums;
        var region = new EntryRegion(block.Data, _inode.Number, _volume);
        region.Write(0, DotLength, "."u8, _inode.Number, DirectoryType);
        region.Write(DotLength, _blockSize - DotLength - (hasTail ? EntryRegion.TailSize : 0), ".."u8, parent, DirectoryType);
        WriteTail(block);
    }

    /// <summary>Makes a block one unused entry.</summary>
    private void WriteUnused(CachedBlock block)
    {
        block.Data.AsSpan().Clear();
        WriteTail(block);
        int length = _blockSize - (_volume.Super.HasChecksums ? EntryRegion.TailSize : 0);
        Le.Set16(block.Data, 4, EntryRegion.EncodeLength(length));
    }

    private void WriteTail(CachedBlock block)
    {
        if (_volume.Super.HasChecksums)
        {
            Span<byte> tail = block.Data.AsSpan(_blockSize - EntryRegion.TailSize);
            tail.Clear();
            Le.Set16(tail, 4, EntryRegion.TailSize);
            tail[7] = EntryRegion.TailType;
        }
    }

    /// <summary>Completes a change of a block: checksum, and to be written.</summary>
    private void SealLeaf(CachedBlock block)
    {
        if (IsHashNode(block.Data))
        {
            SealNode(block);
            return;
        }

        if (_volume.Super.HasChecksums)
        {
            Le.Set32(block.Data, _blockSize - 4, LeafChecksum(block));
        }

        _volume.Cache.MarkDirty(block);
    }

    /// <summary>Moves an inline directory into a block.</summary>
    private void SpillInline()
    {
        uint parent = Parent;
        var entries = new List<RawEntry>();
        InlineRegion(false).Collect(entries);
        InlineRegion(true).Collect(entries);
        byte[] before = [.. _inode.Raw];
        InlineData.Remove(_volume, _inode);
        _inode.Size = 0;
        CachedBlock block;
        try
        {
            block = AppendBlock(out _);
        }
        catch
        {
            before.CopyTo(_inode.Raw, 0);
            _inode.Map = null;
            throw;
        }

        WriteDots(block, parent);
        foreach (RawEntry entry in entries)
        {
            if (!Region(block).TryInsert(entry.Name, entry.Inode, entry.Type))
            {
                throw Damaged("its inline entries do not fit into a block");
            }
        }

        SealLeaf(block);
    }
}
