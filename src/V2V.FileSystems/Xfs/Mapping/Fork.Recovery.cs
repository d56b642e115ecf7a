namespace V2V.FileSystems.Xfs.Mapping;

/// <summary>Changes of the list of extents that leave the blocks themselves alone: what the log says is still to be done after a crash.</summary>
internal sealed partial class Fork
{
    /// <summary>Maps blocks that are allocated already at a hole.</summary>
    public void Attach(ExtentRecord extent)
    {
        Prepare(1);
        int index = IndexOf(extent.FileBlock);
        if (index < List.Count && List[index].FileBlock < extent.End)
        {
            throw Damaged("blocks were to be mapped where there are some");
        }

        _volume.MapRun(extent.FsBlock, extent.Count, UseOf(extent));
        List.Insert(index, extent);
        _inode.Blocks += extent.Count;
        _changed = true;
        Join(index, index + 1);
        Settle();
    }

    /// <summary>Makes a hole without freeing the blocks.</summary>
    public void Detach(ulong fileBlock, uint count)
    {
        Prepare(1);
        int first = Cut(fileBlock);
        int end = Cut(fileBlock + count);
        for (int i = first; i < end; i++)
        {
            _inode.Blocks -= List[i].Count;
            _volume.UnmapRun(List[i].FsBlock, List[i].Count, UseOf(List[i]));
        }

        List.RemoveRange(first, end - first);
        _changed |= end > first;
        Settle();
    }
}
