using System.Numerics;
using System.Security.Cryptography;
using V2V.FileSystems.Xfs.Btrees;

namespace V2V.FileSystems.Xfs.Allocation;

/// <summary>
/// Inodes out of chunks of 64 ("AG Inode Management" of the XFS documentation). A new chunk is aligned as the superblock says; if no
/// room for a whole one is found and sparse inodes are allowed, a part of one is allocated. A chunk without inodes in use is freed.
/// </summary>
internal sealed class InodeAllocator(XfsVolume volume)
{
    private XfsSuperblock Super => volume.Super;

    private uint ChunkBlocks => (uint)Math.Max(1, InodeChunk.Inodes >> Super.InodesPerBlockLog);

    /// <summary>Allocates an inode near <paramref name="parent"/> and fills in its core.</summary>
    public XfsInode Allocate(XfsInode parent, int mode, uint uid, uint gid)
    {
        int home = Super.GroupOf(parent.Number >> Super.InodesPerBlockLog);
        uint near = (uint)(parent.Number & ((1UL << (Super.GroupBlockLog + Super.InodesPerBlockLog)) - 1));
        int groups = Super.GroupCount;
        for (int i = 0; i < groups; i++)
        {
            AllocationGroup group = volume.Group((home + i) % groups);
            if (group.Agi.FreeCount == 0 && !AllocateChunk(group))
            {
                continue;
            }

            ulong number = TakeFree(group, i == 0 ? near : 0);
            XfsInode inode = volume.Inodes.GetAny(number);
            if (inode.Mode != 0)
            {
                throw XfsErrors.Inode(number, "it is in use, but the inode tree calls it free");
            }

            inode.Initialise(mode, uid, gid, parent);
            return inode;
        }

        throw XfsErrors.NoSpace("inodes");
    }

    /// <summary>Frees the forks and the number of an inode that no name refers to.</summary>
    public void Remove(XfsInode inode)
    {
        inode.Data.Truncate(0);
        inode.Attributes.Truncate(0);
        inode.Data.Commit();
        inode.Attributes.Commit();
        inode.Upgrade();
        inode.Raw.AsSpan(inode.CoreSize).Clear();
        inode.Raw[InodeLayout.Format] = (byte)ForkFormat.Extents;
        inode.Raw[InodeLayout.AttributeFormat] = (byte)ForkFormat.Extents;
        inode.Raw[InodeLayout.ForkOffset] = 0;
        inode.Mode = 0;
        inode.Links = 0;
        inode.Size = 0;
        inode.Flags = 0;
        inode.Flags2 &= InodeLayout.Flag2BigTime | InodeLayout.Flag2LargeExtentCounts;
        inode.Generation++;
        inode.NextUnlinked = Agi.Null;
        GiveBack(inode.Number);
    }

    private ulong TakeFree(AllocationGroup group, uint near)
    {
        InodeTree tree = group.FreeInodes ?? group.Inodes;
        bool found = tree.SeekAtMost(new BtreeKey(near)) || tree.SeekAtLeast(default);
        while (found && tree.CurrentChunk.FreeCount == 0)
        {
            found = tree.Next();
        }

        if (!found)
        {
            found = tree.SeekAtLeast(default);
            while (found && tree.CurrentChunk.FreeCount == 0)
            {
                found = tree.Next();
            }
        }

        if (!found)
        {
            throw XfsErrors.Group(group.Number, "its inode trees have no free inode, but its header counts some");
        }

        InodeChunk chunk = tree.CurrentChunk;
        ulong usable = chunk.Free & chunk.Existing;
        if (usable == 0)
        {
            throw XfsErrors.Group(group.Number, "an inode chunk has no free inode, but counts some");
        }

        int index = BitOperations.TrailingZeroCount(usable);
        InodeChunk after = chunk with { Free = chunk.Free & ~(1UL << index), FreeCount = chunk.FreeCount - 1 };
        Replace(group, chunk, after);
        group.Agi.FreeCount--;
        return NumberOf(group, chunk.First + (uint)index);
    }

    private void GiveBack(ulong number)
    {
        AllocationGroup group = volume.Group(Super.GroupOf(number >> Super.InodesPerBlockLog));
        uint inGroup = (uint)(number & ((1UL << (Super.GroupBlockLog + Super.InodesPerBlockLog)) - 1));
        InodeTree tree = group.Inodes;
        if (!tree.SeekAtMost(new BtreeKey(inGroup)) || inGroup - tree.CurrentChunk.First >= InodeChunk.Inodes)
        {
            throw XfsErrors.Inode(number, "the inode tree does not know it");
        }

        InodeChunk chunk = tree.CurrentChunk;
        int index = (int)(inGroup - chunk.First);
        if (((chunk.Free >> index) & 1) != 0)
        {
            throw XfsErrors.Inode(number, "the inode tree calls it free already");
        }

        InodeChunk after = chunk with { Free = chunk.Free | (1UL << index), FreeCount = chunk.FreeCount + 1 };
        Replace(group, chunk, after);
        group.Agi.FreeCount++;
        if (after.Free == ulong.MaxValue && Super.InodesPerBlock <= InodeChunk.Inodes)
        {
            FreeChunk(group, after);
        }
    }

    /// <summary>Changes the record of a chunk in both trees.</summary>
    private static void Replace(AllocationGroup group, InodeChunk before, InodeChunk after)
    {
        group.RequireTreeSpace((uint)group.Inodes.Levels + 2);
        var key = new BtreeKey(before.First);
        if (!group.Inodes.Seek(key))
        {
            throw XfsErrors.Group(group.Number, "its inode trees contradict each other");
        }

        group.Inodes.Update(after);
        if (group.FreeInodes is not { } free)
        {
            return;
        }

        if (before.FreeCount == 0)
        {
            free.Insert(after);
        }
        else if (!free.Seek(key))
        {
            throw XfsErrors.Group(group.Number, "its inode trees contradict each other");
        }
        else if (after.FreeCount == 0)
        {
            free.Delete();
        }
        else
        {
            free.Update(after);
        }
    }

    private bool AllocateChunk(AllocationGroup group)
    {
        uint blocks = ChunkBlocks;
        if (group.Available < blocks || IsAtLimit())
        {
            return TrySparse(group);
        }

        uint alignment = Super.InodeAlignment;
        (uint start, uint count) = group.Allocate(0, blocks, blocks, RmapOwner.Inodes, alignment);
        if (count < blocks)
        {
            return TrySparse(group);
        }

        Initialise(group, start, blocks);
        uint first = start << Super.InodesPerBlockLog;
        for (uint i = 0; i < (uint)Math.Max(1, Super.InodesPerBlock / InodeChunk.Inodes); i++)
        {
            Insert(group, new InodeChunk(first + (i * InodeChunk.Inodes), 0, InodeChunk.Inodes, ulong.MaxValue));
        }

        return true;
    }

    /// <summary>The limit on the share of the volume that inodes may take (sb_imax_pct).</summary>
    private bool IsAtLimit()
    {
        if (Super.MaxInodePercent == 0)
        {
            return false;
        }

        volume.UpdateCounters();
        ulong most = (ulong)Super.BlockCount * (ulong)Super.MaxInodePercent / 100 << Super.InodesPerBlockLog;
        return Super.InodeCount + InodeChunk.Inodes > most;
    }

    private bool TrySparse(AllocationGroup group)
    {
        uint blocks = Super.SparseInodeAlignment;
        if (!Super.HasSparseInodes || blocks >= ChunkBlocks || group.Available < blocks || IsAtLimit())
        {
            return false;
        }

        uint perChunk = ChunkBlocks;
        (uint start, uint count) = group.Allocate(0, blocks, blocks, RmapOwner.Inodes, blocks);
        if (count < blocks)
        {
            return false;
        }

        // The record's first inode is aligned like a whole chunk, and the chunk must lie within the group.
        uint chunkStart = start / Super.InodeAlignment * Super.InodeAlignment;
        if (chunkStart == 0 || chunkStart + perChunk > group.Length || start + blocks > chunkStart + perChunk)
        {
            group.Free(start, count, RmapOwner.Inodes);
            return false;
        }

        uint first = chunkStart << Super.InodesPerBlockLog;
        int offset = (int)((start - chunkStart) << Super.InodesPerBlockLog);
        int inodes = (int)(blocks << Super.InodesPerBlockLog);
        ushort present = (ushort)(((1u << (inodes / 4)) - 1) << (offset / 4));
        Initialise(group, start, blocks);
        bool known = group.Inodes.Seek(new BtreeKey(first));
        if (!known)
        {
            Insert(group, new InodeChunk(first, (ushort)~present, (uint)inodes, ulong.MaxValue));
            return true;
        }

        InodeChunk before = group.Inodes.CurrentChunk;
        if ((before.Holes & present) != present)
        {
            throw XfsErrors.Group(group.Number, "inodes were allocated in free blocks");
        }

        Replace(group, before, before with { Holes = (ushort)(before.Holes & ~present), FreeCount = before.FreeCount + (uint)inodes });
        group.Agi.Count += (uint)inodes;
        group.Agi.FreeCount += (uint)inodes;
        return true;
    }

    private static void Insert(AllocationGroup group, InodeChunk chunk)
    {
        group.Inodes.Insert(chunk);
        group.FreeInodes?.Insert(chunk);
        group.Agi.Count += chunk.FreeCount;
        group.Agi.FreeCount += chunk.FreeCount;
        group.Agi.NewInode = chunk.First;
    }

    private void FreeChunk(AllocationGroup group, InodeChunk chunk)
    {
        volume.Inodes.Forget(NumberOf(group, chunk.First), InodeChunk.Inodes);
        if (group.Inodes.Seek(new BtreeKey(chunk.First)))
        {
            group.Inodes.Delete();
        }

        if (group.FreeInodes is { } free && free.Seek(new BtreeKey(chunk.First)))
        {
            free.Delete();
        }

        group.Agi.Count -= chunk.FreeCount;
        group.Agi.FreeCount -= chunk.FreeCount;
        if (group.Agi.NewInode == chunk.First)
        {
            group.Agi.NewInode = Agi.Null;
        }

        for (int index = 0; index < InodeChunk.Inodes;)
        {
            if (((chunk.Existing >> index) & 1) == 0)
            {
                index += 4;
                continue;
            }

            int end = index;
            while (end < InodeChunk.Inodes && ((chunk.Existing >> end) & 1) != 0)
            {
                end += 4;
            }

            uint start = (chunk.First + (uint)index) >> Super.InodesPerBlockLog;
            group.Free(start, (uint)Math.Max(1, (end - index) >> Super.InodesPerBlockLog), RmapOwner.Inodes);
            index = end;
        }
    }

    private ulong NumberOf(AllocationGroup group, uint inGroup) =>
        ((ulong)group.Number << (Super.GroupBlockLog + Super.InodesPerBlockLog)) | inGroup;

    /// <summary>Writes free inodes into new blocks.</summary>
    private void Initialise(AllocationGroup group, uint start, uint blocks)
    {
        volume.Inodes.Forget(NumberOf(group, start << Super.InodesPerBlockLog), (int)blocks << Super.InodesPerBlockLog);
        uint generation = BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(4));
        for (uint b = 0; b < blocks; b++)
        {
            CachedBlock block = volume.Cache.GetNew(group.Linear(start + b));
            for (int i = 0; i < Super.InodesPerBlock; i++)
            {
                Span<byte> raw = block.Data.AsSpan(i << Super.InodeLog, Super.InodeSize);
                Be.Set16(raw, 0, InodeLayout.Magic);
                raw[InodeLayout.Version] = (byte)(Super.IsV5 ? 3 : 2);
                Be.Set32(raw, InodeLayout.Generation, generation);
                Be.Set32(raw, InodeLayout.NextUnlinked, Agi.Null);
                if (Super.IsV5)
                {
                    Be.Set64(raw, InodeLayout.Number, NumberOf(group, ((start + b) << Super.InodesPerBlockLog) + (uint)i));
                    Super.MetaUuid.CopyTo(raw[InodeLayout.Uuid..]);
                    XfsChecksum.Stamp(raw, InodeLayout.Crc);
                }
            }
        }
    }
}
