namespace V2V.FileSystems.Ext.Allocation;

/// <summary>Allocates and frees inodes: in the group of the parent directory where it can, else in the nearest one after it.</summary>
internal sealed class InodeAllocator(ExtVolume volume)
{
    private Superblock Super => volume.Super;

    /// <summary>Allocates an inode, zeroed but for what every new inode has.</summary>
    public Inode Allocate(Inode parent, int mode, uint uid, uint gid, InodeFlags flags = 0)
    {
        int start = (int)((parent.Number - 1) / Super.InodesPerGroup);
        bool isDirectory = (mode & Inode.TypeMask) == 0x4000;
        if (isDirectory && parent.Number == 2)
        {
            start = RoomiestGroup();
        }

        for (int step = 0; step < volume.Groups.Count; step++)
        {
            int group = (start + step) % volume.Groups.Count;
            if (volume.Groups.Get(group).FreeInodes > 0 && TryAllocate(group, isDirectory) is { } number)
            {
                return Initialise(volume.Inodes.Create(number), parent, mode, uid, gid, flags);
            }
        }

        throw ExtErrors.NoSpace("inodes");
    }

    /// <summary>Frees an inode whose content is gone.</summary>
    public void Free(Inode inode, bool wasDirectory)
    {
        int group = (int)((inode.Number - 1) / Super.InodesPerGroup);
        int index = (int)((inode.Number - 1) % Super.InodesPerGroup);
        byte[] bitmap = volume.Bitmaps.ChangeInodes(group);
        if (!BitSpan.Get(bitmap, index))
        {
            throw ExtErrors.Group(group, FormattableString.Invariant($"inode {inode.Number} is marked free while it is in use"));
        }

        BitSpan.Clear(bitmap, index, 1);
        GroupDescriptor descriptor = volume.Groups.Get(group);
        descriptor.FreeInodes++;
        if (wasDirectory)
        {
            descriptor.UsedDirectories--;
        }

        volume.Groups.Changed(group);
        Super.FreeInodes++;
        volume.SuperDirty = true;
        volume.Quotas.Charge(inode, 0, -1);
    }

    private uint? TryAllocate(int group, bool isDirectory)
    {
        int first = group == 0 ? (int)Super.FirstInode - 1 : 0;
        int count = (int)Super.InodesPerGroup;
        byte[] bitmap = volume.Bitmaps.ChangeInodes(group);
        int index = BitSpan.NextClear(bitmap, first, count);
        if (index >= count)
        {
            return null;
        }

        GroupDescriptor descriptor = volume.Groups.Get(group);
        if (Super.HasGroupChecksums)
        {
            // The kernel initialises both bitmaps of a group together, and so expects them.
            if ((descriptor.Flags & GroupFlags.BlockUninit) != 0)
            {
                volume.Bitmaps.ChangeBlocks(group);
            }

            uint used = (uint)count - Math.Min(descriptor.UnusedInodes, (uint)count);
            if (index >= used)
            {
                volume.Inodes.Zero(group, used, (uint)index);
                descriptor.UnusedInodes = (uint)(count - index - 1);
            }
        }

        BitSpan.Set(bitmap, index, 1);
        descriptor.FreeInodes--;
        if (isDirectory)
        {
            descriptor.UsedDirectories++;
        }

        volume.Groups.Changed(group);
        Super.FreeInodes--;
        volume.SuperDirty = true;
        return ((uint)group * Super.InodesPerGroup) + (uint)index + 1;
    }

    private Inode Initialise(Inode inode, Inode parent, int mode, uint uid, uint gid, InodeFlags flags)
    {
        const InodeFlags Inherited = InodeFlags.Synchronous | InodeFlags.NoDump | InodeFlags.NoAccessTime | InodeFlags.JournalData
            | InodeFlags.DirectorySync | InodeFlags.ProjectInherit;
        inode.Mode = mode;
        inode.Uid = uid;
        inode.Gid = gid;
        inode.Generation = (uint)Random.Shared.NextInt64(1L + uint.MaxValue);
        inode.Flags = flags == 0 ? parent.Flags & Inherited : flags;
        if (!inode.IsDirectory)
        {
            inode.Flags &= ~(InodeFlags.DirectorySync | InodeFlags.ProjectInherit | (inode.IsFile ? 0 : InodeFlags.Synchronous | InodeFlags.JournalData));
        }

        if (Super.InodeSize > 128)
        {
            int extra = Super.WantExtraSize is > 0 and int want && want <= Super.InodeSize - 128 && want % 4 == 0 ? want : 32;
            inode.ExtraSize = extra;
        }

        if (parent.Has(InodeFlags.ProjectInherit) && flags == 0 && Super.Has(ExtRoCompat.Project))
        {
            inode.Project = parent.Project;
        }

        DateTimeOffset now = DateTimeOffset.UtcNow;
        inode.AccessTime = now;
        inode.ModifiedTime = now;
        inode.ChangeTime = now;
        inode.CreationTime = now;
        volume.Quotas.Charge(inode, 0, 1);
        return inode;
    }

    /// <summary>The group with the most free blocks among those with more free inodes than average: where a new top directory goes.</summary>
    private int RoomiestGroup()
    {
        uint average = Super.FreeInodes / (uint)volume.Groups.Count;
        int best = 0;
        long bestFree = -1;
        for (int group = 0; group < volume.Groups.Count; group++)
        {
            GroupDescriptor descriptor = volume.Groups.Get(group);
            if (descriptor.FreeInodes >= average && descriptor.FreeInodes > 0 && descriptor.FreeClusters > bestFree)
            {
                (best, bestFree) = (group, descriptor.FreeClusters);
            }
        }

        return best;
    }
}
