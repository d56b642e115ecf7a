namespace V2V.FileSystems.Ext.Mapping;

/// <summary>What stands behind a run of a file's blocks.</summary>
internal enum BlockRunKind
{
    /// <summary>Nothing; reads as zero.</summary>
    Hole,

    /// <summary>Allocated but never written; reads as zero.</summary>
    Unwritten,

    /// <summary>Stored data.</summary>
    Data,
}

/// <summary>A run of a file's blocks of one kind, contiguous on the device.</summary>
/// <param name="Logical">First block in the file.</param>
/// <param name="Physical">First block in the file system; 0 for a hole.</param>
/// <param name="Count">Number of blocks.</param>
/// <param name="Kind">What the run is.</param>
internal readonly record struct BlockRun(long Logical, long Physical, long Count, BlockRunKind Kind)
{
    public long End => Logical + Count;
}

/// <summary>Which blocks of the file system hold the content of a file.</summary>
internal abstract class BlockMap
{
    /// <summary>First logical block that cannot be mapped.</summary>
    public abstract long LogicalLimit { get; }

    /// <summary>The run at a logical block, at most <paramref name="maxCount"/> blocks.</summary>
    public abstract BlockRun Find(long logical, long maxCount);

    /// <summary>Maps blocks that hold data now; the range is a hole or unwritten so far. Nothing changes if space runs out.</summary>
    public abstract void Map(long logical, long physical, long count);

    /// <summary>Unmaps and frees everything from a logical block on.</summary>
    public abstract void Truncate(long fromLogical);

    /// <summary>Writes the map into inode and block cache.</summary>
    public abstract void Commit();

    /// <summary>Where the next block for <paramref name="logical"/> would best be; 0 if nothing is known.</summary>
    public abstract long Goal(long logical);

    /// <summary>All runs that are not holes, in order, from a logical block on.</summary>
    public IEnumerable<BlockRun> Runs(long from, long to)
    {
        while (from < to)
        {
            BlockRun run = Find(from, to - from);
            if (run.Kind != BlockRunKind.Hole)
            {
                yield return run;
            }

            from = run.End;
        }
    }
}
