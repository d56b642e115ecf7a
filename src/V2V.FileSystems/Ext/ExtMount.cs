using V2V.FileSystems.Ext.Journal;
using V2V.FileSystems.Ext.Mapping;
using V2V.Storage;

namespace V2V.FileSystems.Ext;

/// <summary>What happens between finding a superblock and using the file system: refusals, journal replay and orphans.</summary>
internal static class ExtMount
{
    /// <summary>s_state: unmounted cleanly.</summary>
    public const int StateClean = 1;

    /// <summary>s_state: the kernel has found errors.</summary>
    public const int StateErrors = 2;

    private const uint MmpMagic = 0x004D4D50;
    private const uint MmpClean = 0xFF4D4D50;

    public static ExtVolume Open(BlockDevice device, bool writable)
    {
        Superblock super = Superblock.Read(device);
        if (writable)
        {
            CheckWritable(device, super);
        }

        bool recovers = super.Has(ExtIncompat.NeedsRecovery);
        if (recovers)
        {
            device = writable ? device : new CopyOnWriteDevice(device);
            super = Recover(device, super, writable);
        }

        var volume = new ExtVolume(device, super);
        if (writable || recovers)
        {
            Recount(volume);
        }

        if (writable)
        {
            OrphanList.Process(volume);
        }

        return volume;
    }

    /// <summary>Replays the journal into the device and reads the superblock again, which the journal may hold too.</summary>
    private static Superblock Recover(BlockDevice device, Superblock super, bool writable)
    {
        if (super.JournalInode == 0)
        {
            throw JournalErrors.External(super.DisplayName);
        }

        var before = new ExtVolume(device, super);
        Inode journal = before.Inodes.Get(super.JournalInode);
        var map = new List<(long LogicalBlock, long PhysicalBlock, int Count)>();
        foreach (BlockRun run in before.Inodes.MapOf(journal).Runs(0, journal.Size / super.BlockSize))
        {
            for (long done = 0; done < run.Count; done += int.MaxValue)
            {
                map.Add((run.Logical + done, run.Physical + done, (int)Math.Min(int.MaxValue, run.Count - done)));
            }
        }

        JournalReplayResult result = JournalReplay.Replay(device, super.BlockSize, map, super.DisplayName);
        Superblock after = Superblock.Read(device);
        after.Set(ExtIncompat.NeedsRecovery, false);
        after.Write(device);
        if (result.HadError && writable)
        {
            throw HasErrors(after);
        }

        return after;
    }

    private static V2VException HasErrors(Superblock super) => new(
        "ExtHasErrors", V2VErrorKind.InvalidState, "The file system is marked as damaged by its own kernel.", super.DisplayName,
        "Repair it inside the guest with e2fsck and export it again.");

    private static void CheckWritable(BlockDevice device, Superblock super)
    {
        if (!device.CanWrite)
        {
            throw new V2VException("FileSystemReadOnly", V2VErrorKind.InvalidState, "The device is open for reading only.", super.DisplayName);
        }

        ExtFeatures.CheckWritable(super);
        if ((super.State & StateErrors) != 0)
        {
            throw HasErrors(super);
        }

        if ((super.State & StateClean) == 0 && !super.Has(ExtIncompat.NeedsRecovery))
        {
            throw new V2VException(
                "ExtNotClean", V2VErrorKind.InvalidState, "The file system was not unmounted cleanly and has no journal to make up for it.", super.DisplayName,
                "Shut the guest down cleanly, or run e2fsck on it, and export it again.");
        }

        CheckMmp(device, super);
    }

    private static void CheckMmp(BlockDevice device, Superblock super)
    {
        if (!super.Has(ExtIncompat.Mmp))
        {
            return;
        }

        long block = super.MmpBlock;
        if (block <= super.FirstDataBlock || block >= super.BlockCount)
        {
            throw V2VException.Corrupt("ExtSuperblockInvalid", "The block for multiple mount protection lies outside the file system.", super.DisplayName);
        }

        var raw = new byte[8];
        device.Read(block * super.BlockSize, raw);
        if (Le.U32(raw, 0) != MmpMagic || Le.U32(raw, 4) != MmpClean)
        {
            throw new V2VException(
                "ExtMultiMountInUse", V2VErrorKind.InvalidState, "Multiple mount protection says that another machine uses the file system.", super.DisplayName,
                "Shut down every machine that uses the disk.");
        }
    }

    /// <summary>Counts free blocks and inodes from the groups, as the kernel does at mount: the superblock's own counts may lag.</summary>
    private static void Recount(ExtVolume volume)
    {
        long clusters = 0;
        long inodes = 0;
        for (int group = 0; group < volume.Groups.Count; group++)
        {
            GroupDescriptor descriptor = volume.Groups.Get(group);
            clusters += descriptor.FreeClusters;
            inodes += descriptor.FreeInodes;
        }

        Superblock super = volume.Super;
        long blocks = clusters * super.ClusterRatio;
        if (super.FreeBlocks != blocks || super.FreeInodes != inodes)
        {
            super.FreeBlocks = blocks;
            super.FreeInodes = (uint)Math.Min(inodes, super.InodeCount);
            volume.SuperDirty = true;
        }
    }
}
