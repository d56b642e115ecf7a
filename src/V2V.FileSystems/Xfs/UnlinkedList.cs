using V2V.FileSystems.Xfs.Allocation;

namespace V2V.FileSystems.Xfs;

/// <summary>
/// Inodes that were deleted while they were open ("AG Unlinked List" of the XFS documentation): after a crash they still wait to be freed.
/// </summary>
internal static class UnlinkedList
{
    /// <summary>Frees every inode in the lists of all groups.</summary>
    public static void Process(XfsVolume volume)
    {
        XfsSuperblock super = volume.Super;
        for (int number = 0; number < super.GroupCount; number++)
        {
            AllocationGroup group = volume.Group(number);
            for (int bucket = 0; bucket < Agi.UnlinkedBuckets; bucket++)
            {
                var seen = new HashSet<uint>();
                while (group.Agi.GetUnlinked(bucket) is var head && head != Agi.Null)
                {
                    volume.Trim();
                    XfsInode inode = volume.Inodes.GetAny(((ulong)number << (super.GroupBlockLog + super.InodesPerBlockLog)) | head);
                    if (inode.Mode == 0 || inode.Links != 0 || !seen.Add(head))
                    {
                        throw XfsErrors.Group(number, "a list of unlinked inodes is damaged");
                    }

                    group.Agi.SetUnlinked(bucket, inode.NextUnlinked);
                    volume.InodeNumbers.Remove(inode);
                }
            }
        }
    }
}
