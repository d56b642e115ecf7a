using V2V.FileSystems.Xfs.Allocation;
using V2V.FileSystems.Xfs.Btrees;
using V2V.Storage;

namespace V2V.FileSystems.Xfs.Log;

/// <summary>
/// Everything that the kernel does when it mounts a file system that was not unmounted: the log is replayed, what was under way is
/// finished, files that were deleted while they were open are freed, space set aside for copies is given back, and the counters of the
/// superblock are summed up anew. Then the log is made clean.
/// </summary>
internal static class LogRecovery
{
    /// <summary>Recovers a volume, which must be writable.</summary>
    /// <returns>The superblock as it is then.</returns>
    public static XfsSuperblock Recover(BlockDevice device, XfsSuperblock before)
    {
        XfsLogReplay replay = XfsLog.Replay(device, before);
        XfsSuperblock super = XfsSuperblock.Read(device);
        var volume = new XfsVolume(device, super);
        volume.Recount();
        if (XfsFeatures.CanWrite(super))
        {
            new IntentFinisher(volume).Finish(replay.Intents);
            UnlinkedList.Process(volume);
            FreeSetAside(volume);
        }
        else if (replay.Intents.Items.FirstOrDefault() is LogItem intent)
        {
            throw IntentFinisher.Refuse(intent);
        }

        if (super.LogIncompat != 0)
        {
            super.LogIncompat = 0;
            volume.SuperDirty = true;
        }

        volume.Flush();
        XfsLog.MakeClean(device, super, replay.Position);
        return super;
    }

    /// <summary>Frees what was allocated for copies of shared blocks that were never finished.</summary>
    private static void FreeSetAside(XfsVolume volume)
    {
        for (int i = 0; i < volume.Super.GroupCount; i++)
        {
            AllocationGroup group = volume.Group(i);
            while (group.Refcounts?.TakeSetAside() is { Count: > 0 } run)
            {
                group.UnmapUse(run.Start, run.Count, new BlockUse(RmapOwner.CopyOnWrite));
                group.Free(run.Start, run.Count, RmapOwner.None);
                volume.Trim();
            }
        }
    }
}
