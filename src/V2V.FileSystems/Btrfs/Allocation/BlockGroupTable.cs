using V2V.FileSystems.Btrfs.Storage;
using V2V.FileSystems.Btrfs.Trees;

namespace V2V.FileSystems.Btrfs.Allocation;

/// <summary>
/// The block groups and their free space, which is what the extent tree does not name; the caches of free space are never relied on.
/// </summary>
internal sealed class BlockGroupTable(BtrfsVolume volume)
{
    public const int ItemSize = 24;

    private SortedList<long, BlockGroup>? _groups;

    /// <summary>All block groups, ascending.</summary>
    public IList<BlockGroup> All => (_groups ??= Load()).Values;

    /// <summary>Bytes that files can still take: free space of data, and what could become data.</summary>
    public long FreeBytes
    {
        get
        {
            long free = 0;
            int copies = 1;
            foreach (BlockGroup group in All)
            {
                if ((group.Chunk.Type & ChunkType.Data) != 0)
                {
                    free += group.Chunk.Length - group.Used;
                    copies = group.Chunk.Copies;
                }
            }

            long unallocated = 0;
            foreach (TreeItem item in volume.ChunkTree.Items(ObjectIds.DeviceItems, ItemType.Device))
            {
                unallocated += item.Data.Length < 24 ? 0 : Math.Max(0, (long)Le.U64(item.Data, 8) - (long)Le.U64(item.Data, 16));
            }

            return Math.Max(0, free + (unallocated / copies));
        }
    }

    public BlockGroup Find(long address) => TryFind(address) ?? throw BtrfsErrors.Extents(FormattableString.Invariant($"no block group holds the address {address}"));

    public BlockGroup? TryFind(long address) =>
        volume.Chunks.Find(address) is { } chunk && (_groups ??= Load()).TryGetValue(chunk.Start, out BlockGroup? group) ? group : null;

    /// <summary>Adds the group of a new chunk.</summary>
    public void Add(BlockGroup group) => (_groups ??= Load()).Add(group.Chunk.Start, group);

    /// <summary>The free space of a group.</summary>
    public FreeRanges FreeSpaceOf(BlockGroup group) => group.Free ??= ReadFreeSpace(group);

    /// <summary>The addresses at which a chunk's devices have superblocks; nothing may be put there.</summary>
    public static IEnumerable<(long Start, long End)> Reserved(Chunk chunk)
    {
        foreach (long offset in BtrfsSuperblock.Offsets.ToArray())
        {
            foreach (ulong device in chunk.Stripes.Select(s => s.DeviceId).Distinct())
            {
                foreach (long address in chunk.AddressesOf(device, offset))
                {
                    yield return (address, Math.Min(chunk.End, address + Chunk.StripeLength));
                }
            }
        }
    }

    private FreeRanges ReadFreeSpace(BlockGroup group)
    {
        Chunk chunk = group.Chunk;
        var free = new FreeRanges();
        long done = chunk.Start;
        foreach (TreeItem item in volume.ExtentTree.Range(
            new BtrfsKey((ulong)chunk.Start, 0, 0), new BtrfsKey((ulong)chunk.End - 1, byte.MaxValue, ulong.MaxValue)))
        {
            if (item.Key.Type is not (ItemType.Extent or ItemType.Metadata))
            {
                continue;
            }

            long start = (long)item.Key.ObjectId;
            ulong length = item.Key.Type == ItemType.Metadata ? (ulong)volume.NodeSize : item.Key.Offset;
            if (start < done || length == 0 || length > (ulong)(chunk.End - start))
            {
                throw BtrfsErrors.Extents(FormattableString.Invariant($"the extent at {start} overlaps another or its block group"));
            }

            if (start > done)
            {
                free.Add(done, start);
            }

            done = start + (long)length;
        }

        if (done < chunk.End)
        {
            free.Add(done, chunk.End);
        }

        foreach (ReferenceChange change in volume.References.Pending)
        {
            // Taken, but not in the extent tree yet. What waits to be freed comes back when it is.
            if (change.Action == ReferenceAction.Create && change.Address >= chunk.Start && change.Address < chunk.End)
            {
                free.Remove(change.Address, change.Address + change.Length);
            }
        }

        foreach ((long start, long end) in Reserved(chunk))
        {
            free.Remove(start, end);
        }

        return free;
    }

    private SortedList<long, BlockGroup> Load()
    {
        var groups = new SortedList<long, BlockGroup>();
        BtrfsTree tree = volume.BlockGroupTree;
        foreach (Chunk chunk in volume.Chunks.All)
        {
            Span<byte> item = tree.Find(new BtrfsKey((ulong)chunk.Start, ItemType.BlockGroup, (ulong)chunk.Length));
            if (item.Length < ItemSize || Le.U64(item, 0) > (ulong)chunk.Length || (ChunkType)Le.U64(item, 16) != chunk.Type)
            {
                throw BtrfsErrors.Extents(FormattableString.Invariant($"the block group at {chunk.Start} is missing or contradicts its chunk"));
            }

            groups.Add(chunk.Start, new BlockGroup(chunk, (long)Le.U64(item, 0)));
        }

        return groups;
    }
}
