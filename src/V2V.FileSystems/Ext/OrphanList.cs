using V2V.FileSystems.Ext.Mapping;

namespace V2V.FileSystems.Ext;

/// <summary>
/// Files that were deleted while open, or whose truncation was under way, when the machine stopped (kernel documentation,
/// filesystems/ext4, "Orphan file" and s_last_orphan). They are finished off as the kernel does at mount.
/// </summary>
internal static class OrphanList
{
    private const uint TailMagic = 0x0B10CA04;
    private const int TailSize = 8;

    public static void Process(ExtVolume volume)
    {
        ProcessChain(volume);
        if (volume.Super.Has(ExtRoCompat.OrphanPresent))
        {
            ProcessFile(volume);
            volume.Super.Set(ExtRoCompat.OrphanPresent, false);
            volume.SuperDirty = true;
        }
    }

    private static void ProcessChain(ExtVolume volume)
    {
        Superblock super = volume.Super;
        var seen = new HashSet<uint>();
        uint number = super.LastOrphan;
        while (number != 0)
        {
            if (number < super.FirstInode || !seen.Add(number))
            {
                throw ExtErrors.Inode(number, "the list of orphans is damaged");
            }

            Inode inode = volume.Inodes.Get(number);
            uint next = inode.DeletionTime;
            inode.DeletionTime = 0;
            Finish(volume, inode);
            number = next;
        }

        if (super.LastOrphan != 0)
        {
            super.LastOrphan = 0;
            volume.SuperDirty = true;
        }
    }

    private static void ProcessFile(ExtVolume volume)
    {
        Inode file = volume.Inodes.Get(volume.Super.OrphanFileInode);
        long blocks = file.Size / volume.BlockSize;
        var seen = new HashSet<uint>();
        foreach (BlockRun run in volume.Inodes.MapOf(file).Runs(0, blocks))
        {
            for (long i = 0; run.Kind == BlockRunKind.Data && i < run.Count; i++)
            {
                ProcessBlock(volume, file, run.Physical + i, seen);
            }
        }
    }

    private static void ProcessBlock(ExtVolume volume, Inode file, long number, HashSet<uint> seen)
    {
        CachedBlock block = volume.Cache.Get(number);
        int end = volume.BlockSize - TailSize;
        if (Le.U32(block.Data, end) != TailMagic || (volume.Super.HasChecksums && Le.U32(block.Data, end + 4) != Checksum(volume, file, block)))
        {
            throw ExtErrors.Checksum(FormattableString.Invariant($"block {number} of the orphan file"));
        }

        bool changed = false;
        for (int at = 0; at < end; at += 4)
        {
            uint orphan = Le.U32(block.Data, at);
            if (orphan == 0)
            {
                continue;
            }

            if (orphan < volume.Super.FirstInode || !seen.Add(orphan))
            {
                throw ExtErrors.Inode(orphan, "the orphan file is damaged");
            }

            Finish(volume, volume.Inodes.Get(orphan));
            Le.Set32(block.Data, at, 0);
            changed = true;
        }

        if (changed)
        {
            if (volume.Super.HasChecksums)
            {
                Le.Set32(block.Data, end + 4, Checksum(volume, file, block));
            }

            volume.Cache.MarkDirty(block);
        }
    }

    private static uint Checksum(ExtVolume volume, Inode file, CachedBlock block) =>
        ExtChecksum.Crc32C(ExtChecksum.Crc32C(file.ChecksumSeed, (ulong)block.Number), block.Data.AsSpan(0, volume.BlockSize - TailSize));

    private static void Finish(ExtVolume volume, Inode inode)
    {
        if (inode.Links == 0)
        {
            InodeRemoval.Remove(volume, inode);
            return;
        }

        if (InodeRemoval.HasBlockMap(inode))
        {
            volume.Inodes.MapOf(inode).Truncate((inode.Size + volume.BlockSize - 1) / volume.BlockSize);
        }

        inode.Dirty = true;
    }
}
