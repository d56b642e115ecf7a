using V2V.FileSystems.Btrfs.Storage;

namespace V2V.FileSystems.Btrfs.Allocation;

/// <summary>A block group: a chunk, and how much of it is in use (On-disk Format, "BLOCK_GROUP_ITEM").</summary>
internal sealed class BlockGroup(Chunk chunk, long used)
{
    public Chunk Chunk { get; } = chunk;

    public long Used { get; set; } = used;

    /// <summary>True if the item has to be written.</summary>
    public bool Dirty { get; set; }

    /// <summary>Free space, once it was looked up; without the places of superblocks.</summary>
    public FreeRanges? Free { get; set; }

    /// <summary>Where the last allocation ended.</summary>
    public long Hint { get; set; } = chunk.Start;

    public BtrfsKey Key => new((ulong)Chunk.Start, ItemType.BlockGroup, (ulong)Chunk.Length);
}
