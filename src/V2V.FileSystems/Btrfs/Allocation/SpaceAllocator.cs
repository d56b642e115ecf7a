using V2V.FileSystems.Btrfs.Storage;
using V2V.Storage;

namespace V2V.FileSystems.Btrfs.Allocation;

/// <summary>
/// Finds room for tree blocks and data. Room for tree blocks comes from groups whose free space is known already, because it is asked for
/// while the extent tree changes; <see cref="EnsureRoom(bool)"/>, called before each operation, sees to it that there is enough.
/// </summary>
internal sealed class SpaceAllocator(BtrfsVolume volume)
{
    private const int ReserveBlocks = 192;
    private const int SystemReserveBlocks = 8;
    private readonly ChunkAllocator _chunks = new(volume);

    /// <summary>Makes sure that an operation finds room for the tree blocks that it may need.</summary>
    /// <param name="isFreeing">True for an operation that frees more than it takes: less is enough.</param>
    /// <exception cref="V2VException"><c>BtrfsNoSpace</c>.</exception>
    public void EnsureRoom(bool isFreeing = false)
    {
        volume.References.Drain();
        EnsureRoom(ChunkType.System, SystemReserveBlocks, 1);
        EnsureRoom(ChunkType.Metadata, ReserveBlocks, isFreeing ? ReserveBlocks / 4 : ReserveBlocks);
    }

    /// <summary>Takes a place for a tree block.</summary>
    public long AllocateTreeBlock(ulong tree, int level, BtrfsKey firstKey)
    {
        ChunkType type = tree == ObjectIds.ChunkTree ? ChunkType.System : ChunkType.Metadata;
        foreach (BlockGroup group in GroupsOf(type).Where(g => g.Free is not null))
        {
            if (Take(group, volume.NodeSize, volume.NodeSize, volume.NodeSize) is { } place)
            {
                volume.References.CreateTreeBlock(place.Start, level, firstKey, tree);
                volume.NoteBlocks(tree, 1);
                return place.Start;
            }
        }

        throw BtrfsErrors.NoSpace("metadata");
    }

    /// <summary>Takes room for data: as much as is wanted, or less where the free space is in pieces.</summary>
    public (long Start, long Length) AllocateData(long wanted)
    {
        volume.References.Drain();
        (BlockGroup Group, long Length)? best = null;
        while (true)
        {
            foreach (BlockGroup group in GroupsOf(ChunkType.Data))
            {
                if (group.Chunk.Length - group.Used < volume.SectorSize)
                {
                    continue;
                }

                // In mixed groups the trees need room too.
                long spare = (group.Chunk.Type & ChunkType.Metadata) != 0 ? (long)ReserveBlocks * volume.NodeSize : 0;
                FreeRanges free = volume.Groups.FreeSpaceOf(group);
                if (free.Total - spare < volume.SectorSize || free.Find(group.Hint, Math.Min(wanted, free.Total - spare), volume.SectorSize, volume.SectorSize) is not { } found)
                {
                    continue;
                }

                if (found.Length >= wanted)
                {
                    return Take(group, wanted, wanted, volume.SectorSize)!.Value;
                }

                if (found.Length > (best?.Length ?? 0))
                {
                    best = (group, found.Length);
                }
            }

            // Rather a new chunk than small pieces; rather pieces than nothing.
            if ((best is null || best.Value.Length < Math.Min(wanted, 64 << 10)) && TryAddChunk(ChunkType.Data))
            {
                best = null;
                continue;
            }

            return best is { } piece
                ? Take(piece.Group, piece.Length, volume.SectorSize, volume.SectorSize) ?? throw BtrfsErrors.NoSpace("data")
                : throw BtrfsErrors.NoSpace("data");
        }
    }

    /// <summary>Gives back room that was taken for data but not used.</summary>
    public void Release(long address, long length) => volume.Groups.Find(address).Free?.Add(address, address + length);

    public void NoteUsed(long address, long length)
    {
        BlockGroup group = volume.Groups.Find(address);
        group.Used += length;
        group.Dirty = true;
        volume.Super.BytesUsed += length;
    }

    public void NoteFreed(long address, long length)
    {
        BlockGroup group = volume.Groups.Find(address);
        group.Used -= length;
        group.Dirty = true;
        volume.Super.BytesUsed -= length;
        if (group.Free is { } free && !volume.IsReplaying)
        {
            free.Add(address, address + length);
            foreach ((long start, long end) in BlockGroupTable.Reserved(group.Chunk))
            {
                free.Remove(start, end);
            }
        }
    }

    private void EnsureRoom(ChunkType type, int wantedBlocks, int neededBlocks)
    {
        long wanted = (long)wantedBlocks * volume.NodeSize;
        long free = 0;
        foreach (BlockGroup group in GroupsOf(type).OrderBy(g => g.Free is null))
        {
            if (free >= wanted)
            {
                return;
            }

            if (group.Free is not null || group.Chunk.Length - group.Used >= volume.NodeSize)
            {
                free += volume.Groups.FreeSpaceOf(group).Total;
            }
        }

        if (free >= wanted || TryAddChunk(type))
        {
            return;
        }

        if (free < (long)neededBlocks * volume.NodeSize)
        {
            throw BtrfsErrors.NoSpace("metadata");
        }
    }

    private IEnumerable<BlockGroup> GroupsOf(ChunkType type) => volume.Groups.All.Where(g => (g.Chunk.Type & type) != 0);

    private bool TryAddChunk(ChunkType type)
    {
        BlockGroup? model = GroupsOf(type).LastOrDefault();
        if (model is null || !_chunks.TryAdd(model.Chunk.Type))
        {
            return false;
        }

        volume.References.Drain();
        return true;
    }

    private static (long Start, long Length)? Take(BlockGroup group, long wanted, long least, long alignment)
    {
        if (group.Free!.Find(group.Hint, wanted, least, alignment) is not { } found)
        {
            return null;
        }

        group.Free.Remove(found.Start, found.Start + found.Length);
        group.Hint = found.Start + found.Length;
        return found;
    }
}
