using V2V.FileSystems.Ext.Mapping;
using V2V.Storage;

namespace V2V.FileSystems.Ext.Attributes;

/// <summary>What changes extended attributes: in the inode where they fit, else in the block, else the value in an inode of its own.</summary>
internal sealed partial class AttributeStore
{
    private const int HashOffset = 0xC;
    private const int ReferencesOffset = 4;
    private const int ReferencesHighOffset = 0xC;
    private const int MaxInodeValue = 65536;

    /// <summary>Sets or replaces an attribute. Nothing changes if there is no room.</summary>
    public void Set(byte index, byte[] name, ReadOnlySpan<byte> value)
    {
        List<AttributeEntry> inBody = AttributeArea.ReadInode(inode);
        List<AttributeEntry> inBlock = ReadBlockEntries();
        AttributeEntry? old = inBody.Concat(inBlock).FirstOrDefault(e => e.Is(index, name));
        bool blockChanges = inBlock.RemoveAll(e => e.Is(index, name)) > 0;
        inBody.RemoveAll(e => e.Is(index, name));

        var entry = new AttributeEntry(index, name, value.ToArray(), 0, value.Length, 0);
        if (!TryPlace(entry, inBody, inBlock, ref blockChanges))
        {
            if (!volume.Super.Has(ExtIncompat.EaInode) || value.Length > MaxInodeValue)
            {
                throw NoRoom(name);
            }

            entry = WriteValueInode(entry);
            if (!TryPlace(entry, inBody, inBlock, ref blockChanges))
            {
                Release(entry);
                throw NoRoom(name);
            }
        }

        bool keepsOld = old is not null && blockChanges && IsShared && !AttributeArea.ReadInode(inode).Exists(e => e.Is(index, name));
        try
        {
            // The block first: it is what may lack space.
            if (blockChanges)
            {
                WriteBlock(inBlock, entry);
            }
        }
        catch
        {
            Release(entry);
            throw;
        }

        WriteBody(inBody);
        Release(old, keepsOld);
    }

    /// <summary>Removes an attribute; false if there is none of that name.</summary>
    public bool Remove(byte index, ReadOnlySpan<byte> name)
    {
        foreach (bool body in (ReadOnlySpan<bool>)[true, false])
        {
            List<AttributeEntry> entries = body ? AttributeArea.ReadInode(inode) : ReadBlockEntries();
            for (int i = 0; i < entries.Count; i++)
            {
                if (!entries[i].Is(index, name))
                {
                    continue;
                }

                AttributeEntry old = entries[i];
                entries.RemoveAt(i);
                bool keepsOld = !body && IsShared;
                if (body)
                {
                    WriteBody(entries);
                }
                else
                {
                    WriteBlock(entries, null);
                }

                Release(old, keepsOld);
                return true;
            }
        }

        return false;
    }

    /// <summary>Releases everything the attributes hold, because the inode goes.</summary>
    public void RemoveAll()
    {
        foreach (AttributeEntry entry in AttributeArea.ReadInode(inode))
        {
            Release(entry);
        }

        if (inode.AttributeBlock != 0)
        {
            bool isShared = IsShared;
            List<AttributeEntry> entries = ReadBlockEntries();
            WriteBlock([], null);
            foreach (AttributeEntry entry in entries)
            {
                Release(entry, isShared);
            }
        }
    }

    /// <summary>Stores the part of inline content beyond the block area; false if the inode has no room for it.</summary>
    public bool TrySetInlineData(ReadOnlySpan<byte> tail)
    {
        List<AttributeEntry> entries = AttributeArea.ReadInode(inode);
        int at = entries.FindIndex(AttributeName.IsInlineData);
        var entry = new AttributeEntry(AttributeName.System, "data"u8.ToArray(), tail.ToArray(), 0, tail.Length, 0);
        if (at < 0)
        {
            entries.Insert(0, entry);
        }
        else
        {
            entries[at] = entry;
        }

        if (AttributeArea.SizeOf(entries) > BodyRoom)
        {
            return false;
        }

        WriteBody(entries);
        return true;
    }

    /// <summary>Removes the attribute that holds inline content.</summary>
    public void RemoveInlineData()
    {
        List<AttributeEntry> entries = AttributeArea.ReadInode(inode);
        entries.RemoveAll(AttributeName.IsInlineData);
        WriteBody(entries);
    }

    /// <summary>True if other inodes use the block too: it is copied to be changed, and keeps its hold on values.</summary>
    private bool IsShared => inode.AttributeBlock != 0 && Le.U32(GetBlock(inode.AttributeBlock).Data, ReferencesOffset) > 1;

    private int BodyRoom => Math.Max(0, AttributeArea.InInode(inode).Length - 4);

    private int BlockRoom => volume.BlockSize - AttributeArea.BlockHeaderSize;

    private static V2VException NoRoom(byte[] name) => new(
        "ExtAttributeNoSpace", V2VErrorKind.NoSpace, $"There is no room for the extended attribute '{GuestName.Decode(name)}' in the inode or its block.");

    private List<AttributeEntry> ReadBlockEntries() =>
        inode.AttributeBlock == 0 ? [] : AttributeArea.ReadBlock(GetBlock(inode.AttributeBlock).Data, inode.Number);

    private bool TryPlace(AttributeEntry entry, List<AttributeEntry> inBody, List<AttributeEntry> inBlock, ref bool blockChanges)
    {
        if (AttributeArea.SizeOf(inBody) + entry.EntrySize + entry.StoredValueSize <= BodyRoom)
        {
            inBody.Add(entry with { Hash = entry.ValueInode == 0 ? 0 : entry.Hash });
            return true;
        }

        if (AttributeArea.SizeOf(inBlock) + entry.EntrySize + entry.StoredValueSize <= BlockRoom)
        {
            inBlock.Add(entry with { Hash = entry.ValueInode == 0 ? AttributeHash.OfEntry(entry.Name, entry.Value) : entry.Hash });
            blockChanges = true;
            return true;
        }

        return false;
    }

    private void WriteBody(List<AttributeEntry> entries)
    {
        Span<byte> area = AttributeArea.InInode(inode);
        if (area.IsEmpty)
        {
            return;
        }

        AttributeArea.Write(area[4..], 0, entries);
        Le.Set32(area, 0, entries.Count == 0 ? 0 : AttributeArea.Magic);
        inode.Dirty = true;
    }

    /// <summary>Writes the block's entries: in place if it is this inode's own, else in a new block; frees the block if none are left.</summary>
    private void WriteBlock(List<AttributeEntry> entries, AttributeEntry? added)
    {
        CachedBlock? old = inode.AttributeBlock == 0 ? null : GetBlock(inode.AttributeBlock);
        uint references = old is null ? 0 : Le.U32(old.Data, ReferencesOffset);
        CachedBlock? target = references == 1 ? old : null;
        if (entries.Count > 0 && target is null)
        {
            target = volume.Cache.GetNew(volume.Blocks.AllocateMetadata(inode, 0));
            foreach (AttributeEntry kept in entries)
            {
                // A block that is shared keeps its hold on values; the copy needs one of its own. A new entry has it already.
                if (references > 1 && kept.ValueInode != 0 && (added is null || !kept.Is(added.Index, added.Name)))
                {
                    AddReference(ValueInode(kept), 1);
                }
            }
        }

        if (old is not null && target != old)
        {
            DropBlock(old, references);
        }

        if (entries.Count == 0)
        {
            if (references == 1)
            {
                DropBlock(old!, references);
            }

            inode.AttributeBlock = 0;
            inode.Dirty = true;
            return;
        }

        entries.Sort(AttributeHash.Order);
        AttributeArea.Write(target!.Data, AttributeArea.BlockHeaderSize, entries);
        Span<byte> header = target.Data.AsSpan(0, AttributeArea.BlockHeaderSize);
        header.Clear();
        Le.Set32(header, 0, AttributeArea.Magic);
        Le.Set32(header, ReferencesOffset, 1);
        Le.Set32(header, 8, 1);
        Le.Set32(header, HashOffset, AttributeHash.OfBlock(entries));
        Seal(target);
        inode.AttributeBlock = target.Number;
        inode.Dirty = true;
    }

    /// <summary>Gives up the inode's hold on a block. Values that only it held are the caller's to release.</summary>
    private void DropBlock(CachedBlock block, uint references)
    {
        if (references > 1)
        {
            Le.Set32(block.Data, ReferencesOffset, references - 1);
            Seal(block);
            volume.Blocks.Charge(inode, -volume.Super.ClusterRatio);
        }
        else
        {
            volume.Blocks.Free(inode, block.Number, 1);
        }
    }

    private void Seal(CachedBlock block)
    {
        if (volume.Super.HasChecksums)
        {
            Le.Set32(block.Data, ChecksumOffset, Checksum(block));
        }

        volume.Cache.MarkDirty(block);
    }

    /// <summary>Stores a value in a new inode.</summary>
    private AttributeEntry WriteValueInode(AttributeEntry entry)
    {
        Inode holder = volume.InodeNumbers.Allocate(inode, 0x8180, inode.Uid, inode.Gid, InodeFlags.AttributeInode);
        ExtentMap.Initialize(holder);
        uint hash = ExtChecksum.Crc32C(volume.Super.ChecksumSeed, entry.Value);
        holder.Links = 1;
        inode.Pins++;
        try
        {
            using var stream = new ExtFileStream(volume, holder, writable: true);
            stream.Write(entry.Value);
        }
        catch
        {
            InodeRemoval.Remove(volume, holder);
            throw;
        }
        finally
        {
            inode.Pins--;
        }

        SetReferences(holder, 1);
        Le.Set32(holder.Raw, 8, hash);
        if (holder.HasField(0x8C))
        {
            Le.Set32(holder.Raw, 0x8C, 0);
        }

        Span<byte> word = stackalloc byte[4];
        Le.Set32(word, 0, hash);
        entry = entry with { ValueInode = holder.Number, Value = [], Hash = AttributeHash.OfEntry(entry.Name, word) };
        Charge(entry, 1);
        return entry;
    }

    /// <summary>Takes a value off the owner's account, and gives up the hold on the inode that has it, unless a shared block keeps that.</summary>
    private void Release(AttributeEntry? entry, bool isKept = false)
    {
        if (entry is null || entry.ValueInode == 0)
        {
            return;
        }

        Charge(entry, -1);
        if (!isKept)
        {
            AddReference(ValueInode(entry), -1);
        }
    }

    /// <summary>A value in an inode of its own is paid for by each owner, in whole clusters and as one inode.</summary>
    private void Charge(AttributeEntry entry, int sign)
    {
        long cluster = (long)volume.BlockSize * volume.Super.ClusterRatio;
        long space = (entry.ValueSize + cluster - 1) / cluster * cluster * sign;
        inode.AllocatedBytes = Math.Max(0, inode.AllocatedBytes + space);
        inode.Dirty = true;
        volume.Quotas.Charge(inode, space, sign);
    }

    private void AddReference(Inode holder, int change)
    {
        // Lustre's form has no count: it names its only owner in place of the modification time.
        bool isLustre = Le.U32(holder.Raw, 0x10) == inode.Number && holder.Generation == inode.Generation;
        ulong references = isLustre ? 1 : ((ulong)Le.U32(holder.Raw, ReferencesHighOffset) << 32) | holder.Version;
        if (references == 0 && change < 0)
        {
            throw ExtErrors.Attributes(inode.Number, "a value's inode is not referred to");
        }

        references = unchecked(references + (ulong)change);
        if (references == 0)
        {
            InodeRemoval.Remove(volume, holder);
            return;
        }

        SetReferences(holder, references);
    }

    /// <summary>The number of references is kept where other inodes have their change time and version.</summary>
    private static void SetReferences(Inode holder, ulong references)
    {
        Le.Set32(holder.Raw, ReferencesHighOffset, (uint)(references >> 32));
        holder.Version = (uint)references;
        holder.Dirty = true;
    }
}
